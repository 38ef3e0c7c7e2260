"""Gives the register its rows: each batch joined to its people, judged, counted, and spooled practice by practice."""

from __future__ import annotations

from typing import Protocol

import polars as pl

from pophealth.extracts.codes import RESTRICTED
from pophealth.extracts.columns import column_types, completed, typed
from pophealth.extracts.conservation import NOT_SPOOLED, UNATTRIBUTED, Tally
from pophealth.extracts.layout import Rows
from pophealth.extracts.plausible import suspects
from pophealth.extracts.quarantine import (
    Measures,
    all_rules,
    early_scope,
    late_scope,
    marked,
    named_rules,
)
from pophealth.extracts.reading import FIELDS_RULE
from pophealth.tables import DATE_COLUMN


class Spool(Protocol):
    """What takes the rows that are kept (`register.Writer`)."""

    def spool(self, table: str, practice: str, frame: pl.DataFrame) -> None:
        """Take rows of a table that belong to a practice."""
        ...


class Taker:
    """Takes the rows of one part whose people are known.

    Parameters
    ----------
    index
        One row per source key: `people.INDEX`.
    """

    def __init__(self, index: pl.DataFrame, measures: Measures, writer: Spool, tally: Tally) -> None:
        self._index = index.sort("key").with_columns(_known=pl.lit(value=True))
        self._measures = measures
        self._writer = writer
        self._tally = tally
        self.moments = suspects([])
        """Moments at which a blood pressure pair is in doubt; to be set before measurements are taken."""

    def joined(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Give `frame` with what is known of each row's person; nulls, and not ``_known``, where nobody is."""
        rows = frame.join(
            self._near(frame["patient_id"]), left_on="patient_id", right_on="key", how="left", maintain_order="left"
        )
        return rows.with_columns(pl.col("_known").fill_null(value=False))

    def _near(self, keys: pl.Series) -> pl.DataFrame:
        """Give the part of the index that a batch can need: where rows come person by person, a small one."""
        first, last = keys.min(), keys.max()
        if not isinstance(first, str) or not isinstance(last, str):  # no key at all
            return self._index.clear()
        known = self._index["key"]
        start = known.search_sorted(first, side="left")
        return self._index.slice(start, known.search_sorted(last, side="right") - start)

    def take(self, rows: Rows) -> None:
        """Judge, count and spool one batch."""
        frame = self.joined(completed(typed(rows), rows.table))
        frame = marked(frame, rows.table, self._measures, self.moments)
        if "_list" in frame.columns:
            self._measure(frame)
        rules = all_rules(rows.table, frame.columns, self._measures)
        named = named_rules(frame.columns)
        passes = pl.all_horizontal(*rules.values(), *(pl.col(name).is_null() for name in named))
        stays = early_scope(rows.table, frame.columns, self._measures).is_null()
        stays &= late_scope(rows.table, frame.columns, self._measures).is_null()
        keeps = frame.select(passes & stays).to_series()
        kept, rest = (frame, frame.clear()) if keeps.all() else (frame.filter(keeps), frame.filter(~keeps))
        self._tally.rows_in(rows.source, rows.table, frame.group_by(pl.col("_practice").fill_null(UNATTRIBUTED)).len())
        if rest.height:
            self._leave(rows, rest, rules, named)
        if kept.height:
            self._keep(rows, kept)

    def _leave(self, rows: Rows, rest: pl.DataFrame, rules: dict[str, pl.Expr], named: list[str]) -> None:
        early = early_scope(rows.table, rest.columns, self._measures)
        late = late_scope(rows.table, rest.columns, self._measures)
        # a line with the wrong number of fields has no columns: it fails that rule and no other
        readable = (
            (pl.col("_fails") != FIELDS_RULE).fill_null(value=True) if "_fails" in rest.columns else pl.lit(value=True)
        )
        judged = rest.select(
            pl.col("_practice").fill_null(UNATTRIBUTED),
            early.alias("_early"),
            late.alias("_late"),
            *((~rule & readable).alias(f"!{name}") for name, rule in rules.items()),
            *(pl.when(pl.col(name) != RESTRICTED).then(pl.col(name)).cast(pl.String).alias(name) for name in named),
        )
        broken = [f"!{name}" for name in rules]
        faulty = pl.any_horizontal(*broken, *(pl.col(name).is_not_null() for name in named))
        reason = pl.when(pl.col("_early").is_not_null()).then("_early").when(~faulty).then("_late")
        left = judged.with_columns(_reason=reason).rename({f"!{name}": name for name in rules})
        self._tally.left(rows.source, rows.table, left, list(rules), named)

    def _keep(self, rows: Rows, kept: pl.DataFrame) -> None:
        spooled = rows.table not in NOT_SPOOLED
        if "recorded_date" in kept.columns:
            self._tally.undated[rows.source] += kept["recorded_date"].null_count()
        ready = _ready(kept, rows.table, self._measures.recording_lag_days)
        for (practice,), mine in ready.partition_by("_practice", as_dict=True, include_key=False).items():
            self._tally.kept(rows.source, rows.table, str(practice), mine.height, spooled=spooled)
            if spooled:
                self._writer.spool(rows.table, str(practice), mine)

    def _measure(self, frame: pl.DataFrame) -> None:
        """Count, for the guard against a changed unit, the values of each bounded codelist that could be judged."""
        ranges = list(self._measures.bounds.ranges.items())
        judged = frame.filter((pl.col("_list") > 0) & pl.col("_unit_fits") & pl.col("_practice").is_not_null())
        low, high = ([0.0, *(getattr(bound, side) for _, bound in ranges)] for side in ("low", "high"))
        inside = pl.col("value").is_between(
            pl.lit(pl.Series(low)).gather(pl.col("_list")), pl.lit(pl.Series(high)).gather(pl.col("_list"))
        )
        counts = judged.group_by("_practice", "_list").agg(pl.len(), bad=(~inside).sum())
        for practice, place, count, bad in counts.iter_rows():
            self._tally.measured[practice, ranges[place - 1][0]].update({"judged": count, "implausible": bad})


def _ready(kept: pl.DataFrame, table: str, lag_days: int) -> pl.DataFrame:
    """Give rows as the register takes them, under pseudonyms; an assumed recording lag stands where none was recorded."""
    frame = kept
    if lag_days and "recorded_date" in frame.columns:
        frame = frame.with_columns(
            pl.col("recorded_date").fill_null(pl.col(DATE_COLUMN[table]) + pl.duration(days=lag_days))
        )
    return frame.select(
        "_practice",
        pl.col("_pseudonym").alias("patient_id"),
        *(name for name in column_types(table) if name != "patient_id"),
    )
