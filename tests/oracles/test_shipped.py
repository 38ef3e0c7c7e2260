"""Every shipped declaration gives what the oracle gives, on a world in which it says something of somebody."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from oracles.conftest import Opened
from oracles.database import open_database
from oracles.engine import engine_answers
from oracles.shipped_world import ASKED, shipped_world
from oracles.test_features import refuse_differences
from pophealth.declare import Feature
from pophealth.features import load_features
from pophealth.reference import load_library

FEATURES = {feature.name: feature for feature in load_features().values()}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    world = shipped_world(FEATURES, load_library())
    snapshot = world.write(Path(tmp_path_factory.mktemp("shipped")))
    return Opened(-1, world, snapshot, open_database(snapshot, world.library, world.medicine_map, world.bank_holidays))


@pytest.fixture(scope="module")
def answers(opened: Opened) -> list[pl.DataFrame]:
    return engine_answers(opened.snapshot, FEATURES, opened.world, ASKED)


@pytest.mark.parametrize("feature", FEATURES.values(), ids=list(FEATURES))
def test_shipped_feature_equals_oracle(feature: Feature, opened: Opened, answers: list[pl.DataFrame]) -> None:
    for asked, answer in zip(ASKED, answers, strict=True):
        refuse_differences(opened, feature, FEATURES, asked, answer)
    seen = pl.concat([answer.select(list(feature.outputs)) for answer in answers])
    for column in feature.outputs:
        told = seen[column].n_unique()
        assert told >= 2, (
            f"{column}: the made-up world of shipped declarations says one thing of everybody; give it rows"
        )
