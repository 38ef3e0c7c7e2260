"""Nothing is compiled after the warm-up: any plan, any chunking, arrays read-only or not."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numba.core.registry import CPUDispatcher

import pophealth.kernels
from features_world import compiled, rows_of_world, shards_of
from pophealth.features import evaluate, evaluate_dates
from pophealth.features.warm_up import warm_up

OUTER = (
    "day_columns", "changed_rows", "combine", "count_rows", "near", "co_issued", "current_repeats", "substance_lanes",
    "take_lanes", "current_substances", "chosen_values", "series", "pairs", "stay_counts", "move_stays",
)  # fmt: skip
"""Kernels that are called with a shard."""


def dispatchers() -> dict[str, CPUDispatcher]:
    """Give every compiled function of the feature kernels, by name."""
    found: dict[str, CPUDispatcher] = {}
    for module in pkgutil.iter_modules(pophealth.kernels.__path__):
        if module.name.startswith("features_"):
            members = vars(importlib.import_module(f"pophealth.kernels.{module.name}"))
            found |= {f"{module.name}.{name}": it for name, it in members.items() if isinstance(it, CPUDispatcher)}
    return found


def signatures() -> dict[str, tuple[Any, ...]]:
    return {name: tuple(map(str, kernel.nopython_signatures)) for name, kernel in dispatchers().items()}


def test_no_plan_and_no_chunking_compiles_after_the_warm_up() -> None:
    warm_up()
    warm = signatures()
    called = [name for name, kinds in warm.items() if kinds]  # inner ones are compiled into those that are called
    assert len(called) >= 14, called
    outer = [name for name in called if name.split(".")[1] in OUTER]
    assert len(outer) == len(OUTER)
    assert all(len(warm[name]) == (1 if "substance_lanes" not in name else 2) for name in outer)  # bytes, and words
    rows, people = rows_of_world(3, 60)
    for seed in range(4):
        plan = compiled(seed)
        for cuts in ((), (17,), (1, 2, 59), (0, 60)):
            for writable in (False, True):
                shards = shards_of(rows, 60, cuts, writable=writable)
                evaluate(plan, shards, people, date(2021, 3, 1), "2020-21")
                list(
                    evaluate_dates(plan, shards, people, [date(2020, 2, 29), date(2021, 3, 1)], ["2019-20", "2020-21"])
                )
    assert signatures() == warm


def test_kernels_are_kept_on_disk_and_hold_no_lock() -> None:
    for name, kernel in dispatchers().items():
        assert kernel.targetoptions.get("nogil"), name
        assert kernel._cache.__class__.__name__ == "FunctionCache", name
        assert Path(kernel._cache.cache_path).exists(), name
        assert not kernel.targetoptions.get("fastmath"), name


def test_what_goes_in_is_not_written_to() -> None:
    rows, people = rows_of_world(1, 10)
    shards = shards_of(rows, 10, (), writable=True)
    before = [array.copy() for shard in shards for runs in shard.postings.values() for array in runs]
    evaluate(compiled(0), shards, people, date(2021, 3, 1), "2020-21")
    after = [array for shard in shards for runs in shard.postings.values() for array in runs]
    assert all(
        np.array_equal(one, two, equal_nan=one.dtype.kind == "f") for one, two in zip(before, after, strict=True)
    )
    assert isinstance(people, pl.DataFrame)
