"""Gives one row per person with the planned columns, for one index date or many: shards in, typed frames out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import polars as pl

from pophealth.errors import UsageError
from pophealth.features.archived import Archive, answer, is_archived
from pophealth.features.daily_doses import daily_doses
from pophealth.features.dates import dated
from pophealth.features.derived import WorkingDays, derive
from pophealth.features.frames import framer_of, null_column
from pophealth.features.moment import Moment
from pophealth.features.plan import FeaturePlan
from pophealth.features.shards import ShardWalk
from pophealth.kernels.postings import Shard


def evaluate(
    plan: FeaturePlan,
    shards: Sequence[Shard],
    people: pl.DataFrame,
    index_date: date,
    contract_year: str,
    *,
    archive: Callable[[str], pl.LazyFrame] | None = None,
    working_days: WorkingDays | None = None,
) -> pl.DataFrame:
    """Give the plan's columns for everyone of a bucket, in the order of `people`.

    Parameters
    ----------
    plan
        From `compile_plan`, with the snapshot's own concept numbers.
    shards
        The bucket's shards; person i of a shard is person ``first_person + i`` of the bucket.
    people
        One row per person of the bucket: patient_id and, where an age is asked for, birth_date.
    index_date, contract_year
        What windows are counted from. A row counts when dated inside its window and recorded by the index date.
    archive
        Canonical rows of a table, needed where ``plan.archive_tables`` names any.
    working_days
        Working days so far by day since 1900-01-01 (`reference.calendar`), needed where working days are counted.

    Returns
    -------
    DataFrame
        One row per person, columns as in ``plan.columns``: Boolean, Date, Int32, Float64, Enum or List(String). Columns
        that cannot be computed are null. The result does not depend on how people are spread over shards.

    Raises
    ------
    IntegrityError
        A shard was written with another dictionary than the plan was compiled with.
    """
    frames = evaluate_dates(
        plan, shards, people, [index_date], [contract_year], archive=archive, working_days=working_days
    )
    return next(frames)


def evaluate_dates(
    plan: FeaturePlan,
    shards: Sequence[Shard],
    people: pl.DataFrame,
    index_dates: Sequence[date],
    contract_years: Sequence[str],
    *,
    archive: Callable[[str], pl.LazyFrame] | None = None,
    working_days: WorkingDays | None = None,
) -> Iterator[pl.DataFrame]:
    """Give a frame per index date, each as `evaluate` gives it: rows are read once and days move from date to date.

    Only one frame is made at a time; one that is not kept is gone when the next is asked for.

    Raises
    ------
    UsageError
        The dates do not ascend, or are not as many as the contract years.
    """
    if len(index_dates) != len(contract_years):
        msg = (
            f"index dates: {len(index_dates)} dates for {len(contract_years)} contract years; one year belongs to each"
        )
        raise UsageError(msg)
    if sum(shard.n_people for shard in shards) != people.height:
        msg = f"shards hold {sum(shard.n_people for shard in shards)} people, the bucket {people.height}"
        raise UsageError(msg)
    moments = tuple(Moment(day, year) for day, year in zip(index_dates, contract_years, strict=True))
    at_dates = dated(plan, moments)
    walks = [ShardWalk(shard, plan, at_dates) for shard in sorted(shards, key=lambda shard: shard.first_person)]
    framer = framer_of(plan)
    rows = Archive(archive, people, plan.library, plan.elsewhere)
    for place, moment in enumerate(moments):
        parts = [framer.frame(walk.at(place), walk.size) for walk in walks]
        frame = parts[0] if len(parts) == 1 else pl.concat(parts, rechunk=True) if parts else pl.DataFrame()
        yield _finished(plan, frame, people, moment, rows, working_days)


def _finished(
    plan: FeaturePlan,
    frame: pl.DataFrame,
    people: pl.DataFrame,
    moment: Moment,
    rows: Archive,
    working_days: WorkingDays | None,
) -> pl.DataFrame:
    """Give the columns asked for, with those of the archive, derived ones, and nulls for what cannot be computed."""
    dosed = [feature for feature in plan.elsewhere if feature.kind == "current_daily_dose"]
    if dosed:
        frame = frame.with_columns(daily_doses(dosed, rows, moment))
    for feature in plan.elsewhere:
        if feature.kind == "current_daily_dose":
            continue
        if is_archived(feature):
            frame = frame.with_columns(answer(feature, rows, moment))
        else:
            frame = frame.with_columns(derive(feature, frame, people, moment, working_days))
    if frame.columns == list(plan.columns):
        return frame
    made = {column.name: column for column in frame.get_columns()}
    return pl.DataFrame(
        [
            made[name] if name in made else null_column(name, kind, labels, people.height)
            for name, (kind, labels) in plan.columns.items()
        ]
    )
