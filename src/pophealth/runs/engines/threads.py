"""Gives networks worked through in threads of this process: kernels and Polars let go of the lock."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pophealth.errors import PophealthError

Value = TypeVar("Value")


@dataclass(frozen=True)
class Outcome(Generic[Value]):
    """How one network ended: its value, or the type of the error and the place where it arose."""

    network: str
    value: Value | None
    error_type: str | None = None
    place: str | None = None


def run_networks(
    pending: Sequence[str],
    work: Callable[[str], Value],
    threads: int,
    ended: Callable[[Outcome[Value]], None],
) -> list[Outcome[Value]]:
    """Give the outcome of every network, in the order of `pending`; one failing leaves the others alone.

    Parameters
    ----------
    ended
        Called in this thread as each network ends.
    """
    outcomes: dict[str, Outcome[Value]] = {}
    with ThreadPoolExecutor(max_workers=threads) as pool:
        for future in as_completed([pool.submit(attempt, network, work) for network in pending]):
            outcome = future.result()
            outcomes[outcome.network] = outcome
            ended(outcome)
    return [outcomes[network] for network in pending]


def attempt(network: str, work: Callable[[str], Value]) -> Outcome[Value]:
    """Give how `work` on one network ended; whatever it raises stays with that network."""
    try:
        return Outcome(network, work(network))
    except PophealthError as error:
        # the message of an error of ours holds no row and no identifier, by contract: it tells the operator what to do
        return Outcome(network, None, type(error).__name__, f"{_place(error)}: {error}")
    except Exception as error:  # noqa: BLE001 - other networks must go on; the text of a foreign error can hold a value
        return Outcome(network, None, type(error).__name__, _place(error))


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "pophealth" in Path(frame.filename).parts] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
