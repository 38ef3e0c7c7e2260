"""Every rule has a small table a clinician can read; the rule must say the same, and so must DuckDB."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pophealth.cohorts import columns_of, load_rules, select
from pophealth.cohorts.kit import EXPECTED, Block, read_blocks
from pophealth.cohorts.masks import NOT_CONSIDERED, STATUSES, judge
from pophealth.cohorts.predicate import split_order
from pophealth.cohorts.questions import Questions
from pophealth.declare import CohortRule
from pophealth.declare.predicted import SHIPPED
from pophealth.features import load_features
from pophealth.population import BASE_COLUMNS
from pophealth.scores import load_scores
from pophealth.terms import SERVICES

HERE = Path(__file__).parent
RULES = load_rules()
TYPES = {"bool": pl.Boolean(), "int": pl.Int32(), "float": pl.Float64(), "date": pl.Date(), "category": pl.String()}
DECLARED = {
    name: TYPES[kind] for feature in load_features().values() for name, kind in feature.outputs.items() if kind in TYPES
}
PREDICTED = {column: pl.Float64() for columns in SHIPPED.values() for column in columns}
SCORED = {
    output.name: TYPES.get(output.dtype, pl.String()) for score in load_scores().values() for output in score.outputs
}


def dtype_of(name: str) -> pl.DataType:
    """Give the type a column has in the line: a base column's, a declared feature's, a score output's or a model's."""
    if name in BASE_COLUMNS:
        dtype = BASE_COLUMNS[name]
        return pl.Int32() if pl.Series([], dtype=dtype).dtype.is_integer() else pl.Series([], dtype=dtype).dtype
    return DECLARED.get(name) or PREDICTED.get(name) or SCORED[name]


def value_of(name: str, cell: str) -> object:
    if cell == "":
        return None
    dtype = dtype_of(name)
    if dtype == pl.Boolean:
        return {"true": True, "false": False}[cell]
    if dtype == pl.Date:
        return date.fromisoformat(cell)
    if isinstance(dtype, pl.Enum | pl.String):
        return cell
    return float(cell) if dtype == pl.Float64 else int(cell)


def needed(rule: CohortRule, contract_year: str) -> set[str]:
    texts = [c.predicate for c in rule.criteria] + [t.when for t in rule.tiers]
    texts += [split_order(term)[0] for term in rule.rank_by]
    return set().union(*(columns_of(rule.bind(text, contract_year)) for text in texts))


def frame_of(rule: CohortRule, block: Block) -> pl.DataFrame:
    """Columns of the table; what the table leaves out is false, or null where it is not yes-or-no."""
    given = [name for name in block.head if name not in EXPECTED]
    ever = set().union(*(needed(rule, year) for year in rule.years))  # a table may show what another year read
    assert set(given) <= ever, set(given) - ever
    data = {name: [value_of(name, row[block.head.index(name)]) for row in block.rows] for name in given}
    columns = [pl.Series(name, values, dtype=dtype_of(name)) for name, values in data.items()]
    for name in sorted(needed(rule, block.contract_year) - set(given)):
        default = False if dtype_of(name) == pl.Boolean else None
        columns.append(pl.Series(name, [default] * len(block.rows), dtype=dtype_of(name)))
    ids = [f"{place:032x}" for place in range(len(block.rows))]
    return pl.DataFrame(columns).with_columns(patient_id=pl.Series(ids), practice_code=pl.lit("A81001"))


CASES = [
    pytest.param(rule, block, id=f"{rule.id}-{block.contract_year}")
    for rule in RULES.values()
    if (HERE / rule.service / f"{rule.id}.txt").is_file()
    for block in read_blocks(HERE / rule.service / f"{rule.id}.txt")
]


@pytest.mark.parametrize(("rule", "block"), CASES)
def test_rule_says_what_the_table_says(rule: CohortRule, block: Block) -> None:
    frame = frame_of(rule, block)
    selection = select(rule, frame, contract_year=block.contract_year, not_computable={})
    judged = judge(rule, Questions(frame), block.contract_year)
    said = [STATUSES[number].replace(NOT_CONSIDERED, "-") for number in judged.status]
    assert said == [row[block.head.index("status")] for row in block.rows]
    rows = {row["patient_id"]: row for row in selection.members.to_dicts()}
    assert len(rows) == sum(status not in ("-", "unknown") for status in said)
    for name in set(block.head) & {"tier", "rank"}:
        for place, row in enumerate(block.rows):
            if (cell := row[block.head.index(name)]) != "":
                assert rows[f"{place:032x}"][name] == int(cell), f"{name} of row {place + 1}"
    if block.near_misses is not None:
        assert selection.near_misses == block.near_misses
    assert selection.unknown == said.count("unknown")


@pytest.mark.parametrize(("rule", "block"), CASES)
def test_duckdb_gives_the_same_answers(rule: CohortRule, block: Block) -> None:
    frame = frame_of(rule, block)
    ours = judge(rule, Questions(frame), block.contract_year).answers
    with duckdb.connect() as connection:
        connection.register("people", frame.with_columns(pl.col(pl.Enum).cast(pl.String)).to_arrow())
        for criterion in rule.criteria:
            sql = rule.bind(criterion.predicate, block.contract_year)
            rows = connection.execute(f"SELECT ({sql})::BOOLEAN FROM people ORDER BY patient_id").fetchall()
            answer = ours[criterion.id]
            said = [None if unknown else bool(true) for true, unknown in zip(answer.true, answer.unknown, strict=True)]
            assert said == [row[0] for row in rows], criterion.id
        for tier in rule.tiers:
            sql = rule.bind(tier.when, block.contract_year)
            rows = connection.execute(f"SELECT ({sql})::BOOLEAN FROM people ORDER BY patient_id").fetchall()
            expr = pl.sql_expr(sql).alias("_answer")
            assert frame.with_columns(expr)["_answer"].to_list() == [row[0] for row in rows], tier.label


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_every_rule_has_a_table_of_every_kind_of_outcome(rule: CohortRule) -> None:
    path = HERE / rule.service / f"{rule.id}.txt"
    assert path.is_file(), f"write tests/cohorts/{rule.service}/{rule.id}.txt"
    blocks = read_blocks(path)
    said = [row[block.head.index("status")] for block in blocks for row in block.rows]
    expected = {"listed", "unknown"} | (
        {"-"} if any(c.id != "registered" for c in rule.criteria if c.part == "include") else set()
    )
    parts = {criterion.part for criterion in rule.criteria}
    expected |= {
        status
        for part, status in (("exclude", "excluded"), ("adjust", "adjusted"), ("met_when", "met"))
        if part in parts
    }
    assert expected <= set(said), f"{rule.id}: no row for {sorted(expected - set(said))}"
    assert len(said) >= 6


def test_no_table_without_a_rule() -> None:
    tables = {path.relative_to(HERE).with_suffix("").as_posix() for path in HERE.glob("*/*.txt")}
    assert tables == {f"{rule.service}/{rule.id}" for rule in RULES.values()}
    assert {rule.service for rule in RULES.values()} == set(SERVICES)
