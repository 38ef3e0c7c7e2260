"""Gives who is tried on what: people dealt into folds, late dates kept for testing, networks left out in turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import blake2b

import polars as pl

from pophealth.declare.model_parts import Validation
from pophealth.errors import DataContractError


@dataclass(frozen=True)
class Split:
    """One trial: rows to learn from and rows to be foretold, as masks over the frame. No person is in both."""

    name: str
    learn: pl.Series
    test: pl.Series


def folds_of(patient_ids: pl.Series, *, folds: int, seed: int) -> pl.DataFrame:
    """Give the fold of each person: patient_id, fold (int8, from 0), by patient_id.

    The fold is a keyed hash of the person, so that it depends on nobody else and on no row: a person who comes back in
    another extract stays where they were.
    """
    people = patient_ids.unique().sort()
    key = seed.to_bytes(8, "little")
    numbers = [
        int.from_bytes(blake2b(name.encode(), digest_size=8, key=key).digest(), "little") % folds
        for name in people.to_list()
    ]
    return pl.DataFrame({"patient_id": people, "fold": pl.Series(numbers, dtype=pl.Int8)})


def with_folds(frame: pl.DataFrame, validation: Validation) -> pl.DataFrame:
    """Give the frame with each row's fold."""
    folds = folds_of(frame["patient_id"], folds=validation.folds, seed=validation.seed)
    return frame.join(folds, on="patient_id", how="left", maintain_order="left")


def test_dates(index_dates: Sequence[date], validation: Validation) -> tuple[date, ...]:
    """Give the latest index dates, kept for testing; with a single date there is no time to split by, and it is both.

    Raises
    ------
    DataContractError
        No earlier date is left to learn from.
    """
    ordered = sorted(set(index_dates))
    if len(ordered) == 1:
        return tuple(ordered)
    if validation.test_dates >= len(ordered):
        msg = (
            f"validation: {validation.test_dates} of {len(ordered)} index dates are kept for testing; "
            "none is left to learn from"
        )
        raise DataContractError(msg)
    return tuple(ordered[-validation.test_dates :])


def by_person_and_time(frame: pl.DataFrame, validation: Validation) -> Iterator[Split]:
    """Give a trial per fold: learn from the other folds' earlier dates, foretell this fold's latest dates."""
    late = _is_late(frame, validation)
    learns_from = ~late if not late.all() else late
    for fold in range(validation.folds):
        mine = frame["fold"] == fold
        yield Split(f"fold {fold}", ~mine & learns_from, mine & late)


def by_network(frame: pl.DataFrame, validation: Validation) -> Iterator[Split]:
    """Give a trial per network (or group of networks): learn from people never in it, foretell it at the latest dates.

    Internal-external validation: Steyerberg and Harrell, J Clin Epidemiol 2016;69:245. A person whose practice changed
    its network stands in two; such a person is learnt from in neither trial.
    """
    late = _is_late(frame, validation)
    learns_from = ~late if not late.all() else late
    for networks in network_groups(frame["network_code"], validation.networks_left_out_at_most):
        mine = frame["network_code"].is_in(list(networks))
        people = frame["patient_id"].filter(mine).unique()
        theirs = frame["patient_id"].is_in(people.implode())
        yield Split(
            networks[0] if len(networks) == 1 else f"{len(networks)} networks", ~theirs & learns_from, mine & late
        )


def network_groups(networks: pl.Series, at_most: int) -> list[tuple[str, ...]]:
    """Give the networks left out together, by code: each alone, or dealt into `at_most` groups where there are more."""
    codes = networks.unique().sort().to_list()
    groups = min(at_most, len(codes))
    return [tuple(codes[first::groups]) for first in range(groups)] if len(codes) > 1 else []


def _is_late(frame: pl.DataFrame, validation: Validation) -> pl.Series:
    dates = test_dates(frame["index_date"].unique().to_list(), validation)
    return frame["index_date"].is_in(list(dates))
