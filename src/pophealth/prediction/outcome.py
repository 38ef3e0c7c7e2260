"""Gives what happened to people after an index date: the event or not, and for how much of the time at risk they were seen."""

from __future__ import annotations

from datetime import date

import polars as pl

from pophealth.declare.model import OutcomeSpec
from pophealth.declare.window import months_before
from pophealth.errors import DataContractError

ENDED_BY = ("event", "death", "left", "window")
"""What ended a person's time at risk; ``window`` is its end, with nothing having happened."""

ROWS = pl.Schema({"patient_id": pl.String(), "index_date": pl.Date()})
HAPPENED = pl.Schema({"patient_id": pl.String(), "date": pl.Date()})
OUTCOMES = pl.Schema({"event": pl.Boolean(), "months_at_risk": pl.Float64(), "ended_by": pl.Enum(ENDED_BY)})


def outcomes_after(
    rows: pl.DataFrame,
    outcome: OutcomeSpec,
    *,
    known_to: date,
    happened: pl.DataFrame,
    deaths: pl.DataFrame,
    followed_to: pl.DataFrame,
) -> pl.DataFrame:
    """Give, for each row, whether the event came in ``(index_date, index_date + months]``, and the time until it ended.

    Parameters
    ----------
    rows
        patient_id and index_date, each pair once.
    known_to
        Last day of which the source tells everything: the extract's date less its recording lag.
    happened
        patient_id and date of every record that counts as the event; any number per person, before and after.
    deaths
        patient_id and death_date.
    followed_to
        patient_id, index_date and the first day on which the person was registered no longer (null: still is).

    Returns
    -------
    DataFrame
        patient_id, index_date, event, months_at_risk (above 0, at most the months of the outcome; a day of the window
        counts the same share of it) and ended_by, in the order of `rows`. Who left before the window's end without an
        event is ``left``: what would have happened is not known. Death ends the time at risk where it is not the event.

    Raises
    ------
    DataContractError
        A window ends after `known_to`: what happens in it is not known yet.
    """
    ends = {day: months_before(day, -outcome.months) for day in rows["index_date"].unique().to_list()}
    late = sorted(day for day, end in ends.items() if end > known_to)
    if late:
        msg = (
            f"outcome {outcome.kind}: {len(late)} of {len(ends)} index dates have a window of {outcome.months} months "
            f"that ends after {known_to}, the last day the source tells in full; the last is {late[-1]}"
        )
        raise DataContractError(msg)
    windows = pl.DataFrame(
        {"index_date": list(ends), "_end": list(ends.values())}, {"index_date": pl.Date, "_end": pl.Date}
    )
    joined = (
        rows.select(ROWS.names())
        .join(windows, on="index_date", how="left", maintain_order="left")
        .join(deaths.select("patient_id", "death_date"), on="patient_id", how="left", maintain_order="left")
        .join(followed_to, on=ROWS.names(), how="left", maintain_order="left")
    )
    first = _first_after(joined, _events(outcome, happened, deaths))
    return _ended(joined.with_columns(_event=first), outcome)


def _events(outcome: OutcomeSpec, happened: pl.DataFrame, deaths: pl.DataFrame) -> pl.DataFrame:
    parts = [happened.select(pl.col(name).cast(kind) for name, kind in HAPPENED.items())]
    if outcome.catalogue.death:
        parts.append(deaths.select("patient_id", pl.col("death_date").alias("date")).drop_nulls())
    return pl.concat(parts)


def _first_after(rows: pl.DataFrame, events: pl.DataFrame) -> pl.Series:
    """Give the first event after each row's index date, in the order of the rows."""
    numbered = rows.select("patient_id", "index_date").with_row_index("_row").sort("index_date")
    found = numbered.join_asof(
        events.sort("date"),
        left_on="index_date",
        right_on="date",
        by="patient_id",
        strategy="forward",
        allow_exact_matches=False,
        check_sortedness=False,  # both sides are sorted by their date just above
    )
    return found.sort("_row")["date"]


def _ended(rows: pl.DataFrame, outcome: OutcomeSpec) -> pl.DataFrame:
    """Give how each row's time at risk ended. On one day an event comes before leaving, and both before the end."""
    happened = (pl.col("_event") <= pl.col("_end")) & (pl.col("_event") <= _or_later("followed_to"))
    happened &= pl.col("_event") <= _or_later("death_date")
    died = (pl.col("death_date") <= pl.col("_end")) & (pl.col("death_date") <= _or_later("followed_to"))
    left = pl.col("followed_to") <= pl.col("_end")
    whole = (pl.col("_end") - pl.col("index_date")).dt.total_days()
    told = rows.with_columns(event=happened.fill_null(value=False)).with_columns(
        ended_by=pl.when("event")
        .then(pl.lit("event"))
        .when(died.fill_null(value=False))
        .then(pl.lit("death"))
        .when(left.fill_null(value=False))
        .then(pl.lit("left"))
        .otherwise(pl.lit("window"))
        .cast(OUTCOMES["ended_by"])
    )
    last = (
        pl.when(pl.col("ended_by") == "event")
        .then("_event")
        .when(pl.col("ended_by") == "death")
        .then("death_date")
        .when(pl.col("ended_by") == "left")
        .then("followed_to")
        .otherwise("_end")
    )
    days = (last - pl.col("index_date")).dt.total_days()
    return told.select(
        *ROWS.names(), "event", months_at_risk=days.cast(pl.Float64) * outcome.months / whole, ended_by="ended_by"
    )


def _or_later(column: str) -> pl.Expr:
    return pl.col(column).fill_null(date(9999, 12, 31))


def follow_up(rows: pl.DataFrame, registrations: pl.DataFrame) -> pl.DataFrame:
    """Give, for each row, the first day on which the person was registered no longer; null while registered.

    Parameters
    ----------
    rows
        patient_id and index_date.
    registrations
        Regular stays: patient_id, start_date, end_date (first day no longer registered). A stay that begins by the day
        another ends goes on with it, whatever the practice.

    Returns
    -------
    DataFrame
        patient_id, index_date, followed_to.
    """
    open_end = date(9999, 12, 31)
    stays = registrations.select("patient_id", "start_date", pl.col("end_date").fill_null(open_end).alias("_end")).sort(
        "patient_id", "start_date", "_end"
    )
    before = pl.col("_end").cum_max().shift().over("patient_id")
    spans = (
        stays.with_columns(_span=(pl.col("start_date") > before).fill_null(value=True).cum_sum().over("patient_id"))
        .group_by("patient_id", "_span", maintain_order=True)
        .agg(pl.col("start_date").min(), pl.col("_end").max())
        .sort("start_date")
    )
    found = (
        rows.select(ROWS.names())
        .sort("index_date")
        .join_asof(
            spans.select("patient_id", "start_date", "_end"),
            left_on="index_date",
            right_on="start_date",
            by="patient_id",
            strategy="backward",
            check_sortedness=False,
        )
    )
    return found.select(*ROWS.names(), followed_to=pl.when(pl.col("_end") < open_end).then("_end").otherwise(None))
