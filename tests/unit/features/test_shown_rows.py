"""The records shown are the records that decide: a register of them alone gives everyone the same values."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oracles.engine import EVERYTHING, columns_of
from oracles.strategies import several_of
from oracles.world import World, make_world
from pophealth.declare import KINDS, Feature
from pophealth.features import FeaturePlan, compile_plan, deciding_records, evaluate
from pophealth.register import Snapshot
from pophealth.tables import RECORD_TABLES
from pophealth.terms import contract_year_of

OF_RECORDS = sorted(name for name, kind in KINDS.items() if not kind.is_derived)
DATES = (date(2020, 2, 29), date(2024, 4, 1), date(2024, 8, 31))


def plan_for(world: World, snapshot: Snapshot, features: dict[str, Feature]) -> FeaturePlan:
    return compile_plan(
        sorted(columns_of(features)),
        columns_of(features),
        world.library,
        EVERYTHING,
        snapshot.concepts,
        snapshot.units,
        world.medicine_map,
    )


def answers(plan: FeaturePlan, snapshot: Snapshot, day: date) -> pl.DataFrame:
    frames = []
    for practice in snapshot.practices:
        bucket = snapshot.bucket(practice)
        frame = evaluate(plan, bucket.shards, bucket.people, day, contract_year_of(day), archive=bucket.archive)
        frames.append(frame.with_columns(bucket.people["patient_id"]))
    return pl.concat(frames).sort("patient_id")


def shown_of(
    world: World, snapshot: Snapshot, plan: FeaturePlan, features: dict[str, Feature], day: date
) -> pl.DataFrame:
    """Give the evidence of everyone, one rule a feature."""
    people = [bucket.people["patient_id"] for bucket in map(snapshot.bucket, snapshot.practices)]
    computable = [feature for feature in features.values() if feature in plan.features]
    listed = (
        pl.concat(people)
        .to_frame()
        .join(pl.DataFrame({"rule_id": [feature.name for feature in computable]}), how="cross")
    )
    criteria = {feature.name: {"it": tuple(feature.outputs)} for feature in computable}

    def archives(table: str) -> pl.LazyFrame:
        return pl.concat([snapshot.bucket(practice).archive(table) for practice in snapshot.practices])

    return deciding_records(
        listed, criteria, columns_of(features), world.library, archives, world.medicine_map, day, contract_year_of(day)
    )


def only(world: World, shown: pl.DataFrame) -> World:
    """Give the world without the records that were not shown."""
    tables: dict[str, dict[str, pl.DataFrame]] = {}
    for practice, whole in world.tables.items():
        tables[practice] = {}
        for name, frame in whole.items():
            kept = frame
            if name == "next_tests":
                mine = shown.filter(pl.col("table") == name).select("patient_id", programme="record_id")
                kept = frame.with_columns(pl.col("programme").cast(pl.String)).join(
                    mine, on=["patient_id", "programme"], how="semi"
                )
                kept = kept.cast(dict(frame.schema))
            elif name in RECORD_TABLES:
                named = (name, "diagnoses") if name == "spells" else (name,)
                mine = shown.filter(pl.col("table").is_in(named)).select("patient_id", "record_id").unique()
                kept = frame.join(mine, on=["patient_id", "record_id"], how="semi")
            tables[practice][name] = kept
    return replace(world, tables=tables)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[World, Snapshot]]:
    folder = tmp_path_factory.mktemp("worlds")
    return {number: (world := make_world(number), world.write(folder / str(number))) for number in (0, 3)}


@pytest.mark.parametrize("kind", OF_RECORDS)
def test_what_is_shown_is_enough(
    kind: str, worlds: dict[int, tuple[World, Snapshot]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    @settings(max_examples=2, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(worlds)), several_of(kind, 3), st.sampled_from(DATES))
    def check(number: int, features: dict[str, Feature], day: date) -> None:
        world, snapshot = worlds[number]
        plan = plan_for(world, snapshot, features)
        before = answers(plan, snapshot, day)
        shown = shown_of(world, snapshot, plan, features, day)
        assert shown.filter(pl.col("record_id").is_not_null() & (pl.col("date") > day))["feature"].is_in(
            [feature.name for feature in features.values() if feature.kind == "next_due_date"]
        ).all()  # fmt: skip
        for feature in features.values():
            if feature not in plan.features:
                continue
            mine = shown.filter(pl.col("rule_id") == feature.name, pl.col("record_id").is_not_null())
            fewer = only(world, mine).write(Path(tmp_path_factory.mktemp("fewer")))
            after = answers(plan_for(world, fewer, {feature.name: feature}), fewer, day)
            wanted = before.select("patient_id", *feature.outputs)
            after = after.select("patient_id", *feature.outputs)
            assert after.equals(wanted), (feature, day, _first(after, wanted))

    check()


def _first(after: pl.DataFrame, before: pl.DataFrame) -> object:
    pairs = zip(after.iter_rows(), before.iter_rows(), strict=True)
    return next((pair for pair in pairs if str(pair[0]) != str(pair[1])), None)
