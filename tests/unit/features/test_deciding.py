"""The records that decided: kind by kind, only what was visible, and one row where absence decided."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from pophealth.declare import Feature, parse_feature
from pophealth.features.deciding import EVIDENCE, deciding_records, leaves_of
from pophealth.reference import CodelistLibrary
from pophealth.reference.codelists import Codelist

INDEX = date(2024, 12, 31)
YEAR = "2024-25"
ANNA, BEN, CLEO = "a" * 32, "b" * 32, "c" * 32


def library_of(**lists: list[str]) -> CodelistLibrary:
    """Codelists by name; a code's term is the code in words."""
    return CodelistLibrary(
        {
            name: Codelist(
                name,
                title=name,
                version="1",
                source="test",
                licence="none",
                codes=pl.DataFrame(
                    {
                        "code": codes,
                        "code_system": ["SYNTHETIC"] * len(codes),
                        "term": [f"term of {code}" for code in codes],
                        "category": [None] * len(codes),
                    },
                    schema_overrides={"code": pl.String, "category": pl.String},
                ),
            )
            for name, codes in lists.items()
        }
    )


LIBRARY = library_of(ill=["SYN:1"], well=["SYN:2"], low=["SYN:3"], high=["SYN:4"], more=["SYN:5"])
COLUMNS = {
    "patient_id": pl.String,
    "date": pl.Date,
    "recorded_date": pl.Date,
    "code": pl.String,
    "record_id": pl.String,
    "value": pl.Float64,
    "unit": pl.String,
    "days_supply": pl.Int16,
}


def table(*rows: dict[str, Any]) -> pl.LazyFrame:
    filled = [
        {name: row.get(name) for name in COLUMNS} | {"record_id": row.get("record_id", f"r{i}")}
        for i, row in enumerate(rows)
    ]
    frame = pl.DataFrame(filled, schema=COLUMNS)
    return frame.with_columns(code_system=pl.lit("SYNTHETIC").cast(pl.Enum(["SNOMED", "SYNTHETIC"]))).lazy()


def row(person: str, day: date, code: str, **more: Any) -> dict[str, Any]:
    return {"patient_id": person, "date": day, "recorded_date": day, "code": code} | more


def decide(
    features: dict[str, dict[str, Any]],
    tables: dict[str, pl.LazyFrame],
    criteria: dict[str, tuple[str, ...]] | None = None,
    people: tuple[str, ...] = (ANNA,),
    medicine_map: pl.DataFrame | None = None,
) -> pl.DataFrame:
    parsed: dict[str, Feature] = {}
    for name, given in features.items():
        feature = parse_feature(name, given | {"source": "test"})
        parsed |= dict.fromkeys(feature.outputs, feature)
    listed = pl.DataFrame({"patient_id": list(people), "rule_id": ["rule"] * len(people)})
    made = deciding_records(
        listed,
        {"rule": criteria or {"criterion": tuple(parsed)}},
        parsed,
        LIBRARY,  # type: ignore[arg-type]
        tables.__getitem__,
        medicine_map,
        INDEX,
        YEAR,
    )
    assert dict(made.schema) == EVIDENCE
    return made


def ids(made: pl.DataFrame) -> list[str | None]:
    return made["record_id"].to_list()


def test_has_gives_the_latest_record_with_its_term_and_window() -> None:
    events = table(
        row(ANNA, date(2024, 5, 1), "SYN:1"),
        row(ANNA, date(2024, 9, 1), "SYN:1"),
        row(ANNA, date(2024, 10, 1), "SYN:2"),
    )
    made = decide({"has_ill": {"kind": "has", "codelist": "ill", "window": "12m"}}, {"events": events})
    assert made.row(0, named=True) == {
        "patient_id": ANNA,
        "rule_id": "rule",
        "criterion": "criterion",
        "table": "events",
        "record_id": "r1",
        "date": date(2024, 9, 1),
        "code": "SYN:1",
        "code_system": "SYNTHETIC",
        "term": "term of SYN:1",
        "value": None,
        "unit": None,
        "window_from": date(2023, 12, 31),
        "window_to": INDEX,
        "feature": "has_ill",
    }


@pytest.mark.parametrize(
    ("when", "recorded", "seen"),
    [
        (INDEX, INDEX, True),
        (INDEX + timedelta(days=1), INDEX + timedelta(days=1), False),
        (date(2024, 6, 1), INDEX + timedelta(days=1), False),
        (date(2024, 6, 1), None, True),
        (date(2023, 12, 31), date(2023, 12, 31), False),
        (date(2024, 1, 1), date(2023, 1, 1), True),
    ],
)
def test_only_what_was_dated_and_recorded_by_the_index_date_counts(
    when: date, recorded: date | None, seen: bool
) -> None:
    events = table(row(ANNA, when, "SYN:1", recorded_date=recorded))
    made = decide({"has_ill": {"kind": "has", "codelist": "ill", "window": "12m"}}, {"events": events})
    assert ids(made) == (["r0"] if seen else [None])
    assert made["window_to"].to_list() == [INDEX]


def test_absence_is_one_row_per_criterion() -> None:
    features = {name: {"kind": "has", "codelist": name[4:]} for name in ("has_ill", "has_well")}
    made = decide(features, {"events": table(row(BEN, INDEX, "SYN:1"))}, people=(ANNA, BEN))
    assert made.filter(pl.col("patient_id") == ANNA).select("table", "record_id", "feature").rows() == [
        ("events", None, "has_ill")
    ]
    assert ids(made.filter(pl.col("patient_id") == BEN)) == ["r0"]


def test_a_check_that_is_due_again_has_its_own_row() -> None:
    features = {name: {"kind": "has", "codelist": name[4:], "window": "12m"} for name in ("has_ill", "has_well")}
    made = decide(features, {"events": table(row(ANNA, INDEX, "SYN:1"))})
    assert made.select("feature", "record_id").rows() == [("has_ill", "r0"), ("has_well", None)]


def test_derived_features_are_followed_to_their_records() -> None:
    features = {
        "has_ill": {"kind": "has", "codelist": "ill"},
        "has_well": {"kind": "has", "codelist": "well"},
        "checks": {"kind": "count_true", "features": ["has_ill", "has_well"]},
    }
    events = table(row(ANNA, date(2020, 1, 1), "SYN:1"), row(ANNA, date(2021, 1, 1), "SYN:2"))
    assert ids(decide(features, {"events": events}, {"criterion": ("checks",)})) == ["r0", "r1"]
    assert leaves_of(["age_years"], {}) == ()


def test_base_columns_give_no_row() -> None:
    features = {"has_ill": {"kind": "has", "codelist": "ill"}}
    criteria = {"adult": ("age_years",), "ill": ("has_ill", "sex")}
    made = decide(features, {"events": table(row(ANNA, INDEX, "SYN:1"))}, criteria)
    assert made["criterion"].to_list() == ["ill"]


def test_unresolved_shows_the_diagnosis_and_the_resolution() -> None:
    events = table(
        row(ANNA, date(2020, 1, 1), "SYN:1"), row(ANNA, date(2021, 1, 1), "SYN:2"), row(ANNA, date(2022, 1, 1), "SYN:1")
    )
    made = decide({"has_ill": {"kind": "has_unresolved", "codelist": "ill", "resolved_by": "well"}}, {"events": events})
    assert ids(made) == ["r1", "r2"]


def test_category_prefers_the_later_label_of_one_day() -> None:
    events = table(row(ANNA, INDEX, "SYN:2", record_id="z"), row(ANNA, INDEX, "SYN:1", record_id="a"))
    categories = {"mild": "well", "severe": "ill"}
    assert ids(decide({"state": {"kind": "latest_category", "categories": categories}}, {"events": events})) == ["a"]


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        ("latest_value", {}, ["c"]),
        ("latest_value", {"same_day": "lowest"}, ["b"]),
        ("latest_value", {"between": [0, 50]}, ["b"]),
        ("min_value", {}, ["a"]),
        ("max_value", {}, ["c"]),
    ],
)
def test_values(kind: str, options: dict[str, Any], expected: list[str]) -> None:
    rows = table(
        row(ANNA, date(2024, 1, 1), "SYN:1", value=10.0, record_id="a"),
        row(ANNA, date(2024, 2, 1), "SYN:1", value=20.0, record_id="b"),
        row(ANNA, date(2024, 2, 1), "SYN:1", value=90.0, record_id="c"),
    )
    made = decide({"level": {"kind": kind, "codelist": "ill"} | options}, {"measurements": rows})
    assert ids(made) == expected


def test_pairs_are_of_one_day_and_the_lowest_of_each() -> None:
    rows = table(
        row(ANNA, date(2024, 1, 1), "SYN:1", value=150.0, record_id="s1"),
        row(ANNA, date(2024, 1, 1), "SYN:1", value=145.0, record_id="s2"),
        row(ANNA, date(2024, 1, 1), "SYN:2", value=80.0, record_id="d1"),
        row(ANNA, date(2024, 2, 1), "SYN:1", value=120.0, record_id="s3"),
        row(ANNA, date(2024, 2, 1), "SYN:2", value=70.0, record_id="d3"),
        row(ANNA, date(2024, 3, 1), "SYN:1", value=190.0, record_id="s4"),
        row(ANNA, date(2024, 3, 1), "SYN:2", value=900.0, record_id="d4"),
    )
    pair = {"codelist": "ill", "paired_with": "well", "between": [[50, 300], [20, 200]]}
    assert ids(decide({"bp": {"kind": "latest_pair"} | pair}, {"measurements": rows})) == ["d3", "s3"]
    raised = {"kind": "latest_pair_at_least", "at_least": [140, 90]} | pair
    assert ids(decide({"raised": raised}, {"measurements": rows})) == ["d1", "s2"]


@pytest.mark.parametrize(
    ("gap", "kind", "seen"),
    [
        (0, "preceded_by", True),
        (21, "preceded_by", True),
        (22, "preceded_by", False),
        (-1, "preceded_by", False),
        (-3, "followed_by", True),
    ],
)
def test_one_record_before_or_after_another(gap: int, kind: str, seen: bool) -> None:
    day = date(2024, 6, 1)
    events = table(row(ANNA, day, "SYN:1"), row(ANNA, day - timedelta(days=gap), "SYN:2"))
    made = decide(
        {"has_both": {"kind": kind, "codelist": "ill", kind: "well", "days": 21, "since": "contract_year_start"}},
        {"events": events},
    )
    assert sorted(map(str, ids(made))) == (["r0", "r1"] if seen else ["None"])


def test_issues_together_in_two_windows_and_on_repeat() -> None:
    issues = table(
        row(ANNA, date(2024, 4, 1), "SYN:1", record_id="early"),
        row(ANNA, date(2024, 12, 20), "SYN:1", record_id="late"),
        row(ANNA, date(2024, 12, 1), "SYN:2", record_id="other"),
    )
    together = {"kind": "co_issued", "codelist": "ill", "with": "well", "days": 28, "window": "3m"}
    assert ids(decide({"has_both": together}, {"medications": issues})) == ["other", "late"]
    two = {"kind": "issued_in_two_windows", "codelist": "ill", "window": "6m"}
    assert ids(decide({"has_long": two}, {"medications": issues})) == ["early", "late"]
    repeat = {"kind": "current_repeat", "codelist": "ill"}
    assert ids(decide({"on_it": repeat}, {"medications": issues})) == ["late"]
    assert ids(decide({"on_it": repeat | {"codelist": "well"}}, {"medications": issues})) == [None]


def test_substances_are_counted_once_and_without_the_chapters_left_out() -> None:
    issues = table(
        row(ANNA, date(2024, 12, 1), "SYN:1", days_supply=56, record_id="older brand"),
        row(ANNA, date(2024, 12, 20), "SYN:2", record_id="newer brand"),
        row(ANNA, date(2024, 12, 20), "SYN:3", record_id="ointment"),
        row(ANNA, date(2024, 11, 1), "SYN:4", record_id="lapsed"),
    )
    medicines = pl.DataFrame(
        {
            "code": ["SYN:1", "SYN:2", "SYN:3", "SYN:4"],
            "code_system": ["SYNTHETIC"] * 4,
            "substance": ["x", "x", "y", "z"],
            "bnf_code": ["0101", None, "1301", "0201"],
        }
    )
    made = decide(
        {"n": {"kind": "current_substances", "without_bnf": ["13"]}}, {"medications": issues}, medicine_map=medicines
    )
    assert ids(made) == ["newer brand"]


def test_spells_by_method_carry_the_primary_diagnosis() -> None:
    spells = pl.DataFrame(
        {
            "patient_id": [ANNA, ANNA],
            "record_id": ["planned", "emergency"],
            "admission_date": [date(2024, 3, 1), date(2024, 4, 1)],
            "discharge_date": [None, None],
            "method": ["11", "2A"],
            "diagnosis_01": ["I10", "J440"],
        }
    ).lazy()
    made = decide({"n": {"kind": "spell_count", "method": "2", "window": "12m"}}, {"spells": spells})
    assert made.select("record_id", "date", "code", "code_system").rows() == [
        ("emergency", date(2024, 4, 1), "J440", "ICD-10")
    ]


def test_joined_codelists_and_two_tables() -> None:
    features = {"has_any": {"kind": "count", "codelist": "ill+more", "tables": ["events", "measurements"]}}
    tables = {
        "events": table(row(ANNA, date(2024, 1, 1), "SYN:1", record_id="e")),
        "measurements": table(row(ANNA, date(2024, 2, 1), "SYN:5", value=1.0, record_id="m")),
    }
    made = decide(features, tables)
    assert made.select("table", "record_id").rows() == [("events", "e"), ("measurements", "m")]


def test_nobody_listed_keeps_the_columns() -> None:
    assert decide({"has_ill": {"kind": "has", "codelist": "ill"}}, {"events": table()}, people=()).is_empty()


def test_nobody_but_the_listed_is_shown() -> None:
    events = table(row(ANNA, INDEX, "SYN:1"), row(CLEO, INDEX, "SYN:1"))
    assert set(decide({"has_ill": {"kind": "has", "codelist": "ill"}}, {"events": events})["patient_id"]) == {ANNA}


def test_a_rule_that_lists_nobody_brings_features_that_are_wanted_of_no_one() -> None:
    """Their numbers come after those that are wanted, coded or not; the rows of others must not be taken for theirs."""
    given = {
        "a_has_ill": {"kind": "has", "codelist": "ill"},
        "y_repeats": {"kind": "current_substances"},
        "z_has_well": {"kind": "has", "codelist": "well"},
    }
    features = {name: parse_feature(name, table | {"source": "test"}) for name, table in given.items()}
    events = table(row(ANNA, date(2024, 5, 1), "SYN:1"), row(ANNA, date(2024, 5, 1), "SYN:2"))
    medicines = table(row(ANNA, INDEX, "SYN:1"))
    made = deciding_records(
        pl.DataFrame({"patient_id": [ANNA], "rule_id": ["listing"]}),
        {"listing": {"ill": ("a_has_ill",)}, "silent": {"well": ("z_has_well", "y_repeats")}},
        features,
        LIBRARY,  # type: ignore[arg-type]
        {"events": events, "medications": medicines}.__getitem__,
        pl.DataFrame({"code": ["SYN:1"], "code_system": ["SYNTHETIC"], "substance": ["s"], "bnf_code": ["0101"]}),
        INDEX,
        YEAR,
    )
    assert made.select("rule_id", "feature", "record_id").rows() == [("listing", "a_has_ill", "r0")]
