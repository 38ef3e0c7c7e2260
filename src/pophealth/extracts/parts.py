"""Gives one part of an extract to the register: who its people are, then their rows, table by table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import polars as pl

from pophealth.errors import DataContractError
from pophealth.extracts.columns import column_types, completed, typed
from pophealth.extracts.conservation import UNATTRIBUTED, Tally
from pophealth.extracts.layout import WHOLE, Layout, Rows
from pophealth.extracts.people import (
    ELSEWHERE,
    QUARANTINED,
    Census,
    gathered,
    index_of,
    take_census,
    with_pseudonyms,
)
from pophealth.extracts.plausible import readings, suspects
from pophealth.extracts.quarantine import UNKNOWN_PERSON, Measures, contract_rules
from pophealth.extracts.records import Spool, Taker
from pophealth.tables import RECORD_TABLES

MERGED = "merged_record"
NO_PRACTICE = "no_practice"
_READING_COLUMNS = ("patient_id", "date", "time", "code", "value", "unit")
_STRANGERS = 0.5
"""Share of rows of people unknown to a part from which its files are taken not to belong together."""


class PartTaker:
    """Takes one part; what is known of it when reading fails stays in `practices`."""

    def __init__(self, layout: Layout, part: str, measures: Measures) -> None:
        self._layout = layout
        self._part = part
        self._measures = measures
        self.tally = Tally()
        self.practices: set[str] = set()
        """Practices of the part's people, as soon as they are known."""
        self.care_homes: list[dict[str, object]] = []

    def census(self, elsewhere: pl.DataFrame | None = None) -> tuple[Census, dict[str, list[Rows]]]:
        """Give the part's people, and the rows of the person tables they were made of."""
        rows = gathered(self._layout.people(self._part))
        return take_census(rows, self._measures, elsewhere), rows

    def take(self, writer: Spool, key: bytes, objecting: frozenset[str], elsewhere: pl.DataFrame) -> None:
        """Read the part to its end and spool what is kept.

        Raises
        ------
        DataContractError
            A file is damaged, breaks its contract as a whole, or the files do not belong together.
        """
        plain, rows = self.census(elsewhere)
        census = with_pseudonyms(plain, key, objecting)
        index = index_of(census)
        self.practices = set(index["_practice"].drop_nulls().unique())
        self._take_patients(census, index, writer)
        rows["patients"].clear()
        del plain, census  # people are held once from here on, in the index
        taker = Taker(index, self._measures, writer, self.tally)
        for table in ("registrations", "opt_outs", "deaths", "merges"):
            for piece in rows[table]:
                taker.take(piece)
        for piece in rows.get("care_homes", []):
            self._take_care_homes(piece)
        taker.moments = self._moments(taker)
        for piece in self._layout.records(self._part, RECORD_TABLES):
            taker.take(piece)
        self._refuse_strangers()

    def _moments(self, taker: Taker) -> pl.DataFrame:
        """Give the moments whose blood pressure pair is in doubt: a pair can be split between two batches."""
        if not self._measures.values:
            return suspects([])
        found = []
        for piece in self._layout.records(self._part, ("measurements",), _READING_COLUMNS):
            frame = typed(piece)
            if "time" not in frame.columns:
                frame = frame.with_columns(time=pl.lit(None, dtype=pl.Time))
            known = taker.joined(frame)
            found.append(readings(self._measures.bounds.placed(known), self._measures.bounds))
        return suspects(found)

    def _take_patients(self, census: Census, index: pl.DataFrame, writer: Spool) -> None:
        owners = census.keys.select("key", "owner")
        frame = census.patients.join(index, left_on="patient_id", right_on="key", how="left", maintain_order="left")
        frame = frame.join(owners, left_on="patient_id", right_on="key", how="left", maintain_order="left")
        is_merged = (pl.col("owner") != pl.col("patient_id")).fill_null(value=False)
        # what is wrong with the row itself stands in its own rules, and a merged row has no fault of its person's
        inherited = pl.when((pl.col("_person_rule") != QUARANTINED) & ~is_merged).then("_person_rule")
        rules = [name.removeprefix("!") for name in frame.columns if name.startswith("!")]
        named = ["_person_rule", *(["_fails"] if "_fails" in frame.columns else [])]
        broken = [f"!{name}" for name in rules]
        frame = frame.with_columns(_person_rule=inherited)
        faulty = pl.any_horizontal(*broken, *(pl.col(name).is_not_null() for name in named))
        late = pl.when(is_merged).then(pl.lit(MERGED)).when(pl.col("_practice").is_null()).then(pl.lit(NO_PRACTICE))
        judged = frame.with_columns(
            _early=pl.col("_person_scope"), _faulty=faulty, _late=pl.when(~faulty).then(late)
        ).with_columns(
            _reason=pl.coalesce("_early", "_late"),
            _kept=pl.col("_early").is_null() & ~pl.col("_faulty") & pl.col("_late").is_null(),
        )
        self._count_patients(judged, rules, named)
        kept = judged.filter("_kept").select(
            "_practice",
            pl.col("_pseudonym").alias("patient_id"),
            *(name for name in column_types("patients") if name != "patient_id"),
            death_date="_death",
        )
        for (practice,), mine in kept.partition_by("_practice", as_dict=True, include_key=False).items():
            writer.spool("patients", str(practice), mine)

    def _count_patients(self, judged: pl.DataFrame, rules: list[str], named: list[str]) -> None:
        """Count the rows of patients, by source, and the people they are."""
        counted = judged.with_columns(pl.col("_practice").fill_null(UNATTRIBUTED)).rename(
            {f"!{name}": name for name in rules}
        )
        for (source,), mine in counted.partition_by("_source", as_dict=True).items():
            self.tally.rows_in(str(source), "patients", mine.group_by("_practice").len())
            for practice, count in mine.filter("_kept").group_by("_practice").len().iter_rows():
                self.tally.kept(str(source), "patients", practice, count, spooled=True)
            self.tally.left(str(source), "patients", mine.filter(~pl.col("_kept")), rules, named)
        outcome = pl.when("_kept").then(pl.lit("kept")).otherwise(pl.coalesce("_reason", pl.lit("quarantined")))
        outcomes = Counter(dict(judged.select(outcome=outcome).to_series().value_counts().iter_rows()))
        self.tally.people.update({"in_extract": judged.height} | outcomes)

    def _take_care_homes(self, piece: Rows) -> None:
        frame = completed(typed(piece), piece.table)
        rules = contract_rules(piece.table, frame.columns)
        judged = frame.with_columns(
            (~rule.fill_null(value=True)).alias(f"!{name}") for name, rule in rules.items()
        ).with_columns(
            _practice=pl.coalesce("practice_code", pl.lit(UNATTRIBUTED)), _reason=pl.lit(None, dtype=pl.String)
        )
        faulty = pl.any_horizontal(f"!{name}" for name in rules)
        kept = judged.filter(~faulty)
        self.tally.rows_in(piece.source, piece.table, judged.group_by("_practice").len())
        for practice, count in kept.group_by("_practice").len().iter_rows():
            self.tally.kept(piece.source, piece.table, practice, count, spooled=False)
        left = judged.filter(faulty).rename({f"!{name}": name for name in rules})
        self.tally.left(piece.source, piece.table, left, list(rules), [])
        self.care_homes += kept.select(*column_types(piece.table)).sort(pl.all()).to_dicts()

    def _refuse_strangers(self) -> None:
        """Refuse a part most of whose rows are of people that stand in other parts."""
        if self._part == WHOLE:
            return
        mine = [entry for (_, table, _), entry in self.tally.entries.items() if table in RECORD_TABLES]
        rows = sum(entry.rows_in for entry in mine)
        strangers = sum(entry.rules[UNKNOWN_PERSON] for entry in mine)
        if strangers > _STRANGERS * rows:
            msg = (
                f"extract, part {self._part}: {strangers} of {rows} rows are of people its patients file does not hold; "
                "files of one name do not belong together. HINT: extract.self_contained_parts = false reads them as one."
            )
            raise DataContractError(msg)


def nobody_elsewhere() -> pl.DataFrame:
    """Give what other parts know when there are none."""
    return pl.DataFrame(schema=ELSEWHERE)


def rows_by_source(layout: Layout, part: str) -> Mapping[str, int]:
    """Give how many rows each source's files hold, as counted while they were read."""
    rows = layout.reader.rows
    return {
        source: sum(rows[path] for path in paths)
        for source, paths in layout.files(part).items()
        if all(path in rows for path in paths)
    }
