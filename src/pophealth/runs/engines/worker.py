"""Gives one network delivered in a process elsewhere, which is handed names and paths and opens the records itself.

Nothing heavy is imported before the process is held to one thread: a cluster counts its workers, not their threads.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from pophealth.errors import IntegrityError
from pophealth.sparing import hand_freed_memory_back, share_arenas

if TYPE_CHECKING:
    from pophealth.config import Config
    from pophealth.runs.night import Night

Work = Callable[[str, tuple[str, ...]], Path]
"""Network and its practices in, folder of its delivery out."""

ONE_THREAD = ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Handed:
    """What a worker is told of a run: the configuration as JSON (paths that it sees too), the date, the run it must be."""

    config: str
    index_date: date
    run_id: str


def handed(night: Night) -> Handed:
    """Give what a worker needs to open the same run."""
    return Handed(night.config.model_dump_json(), night.index_date, night.run_id)


def deliver_once(told: Handed, network: str, practices: tuple[str, ...]) -> Path:
    """Give the folder of a network's delivery, committed by this attempt or by an earlier one that was lost.

    Raises
    ------
    IntegrityError
        This worker sees another register, other reference files or another release than the driver.
    """
    for name in ONE_THREAD:
        os.environ[name] = "1"  # read once, when the library is first used: in a fresh process that is below
    hand_freed_memory_back()
    share_arenas()
    from pophealth.runs.resume import is_committed

    night, work = _opened(told)
    folder = night.folder / network
    with claimed(night.config.site.data_root, network):
        if is_committed(night.folder, network):
            return folder
        for left in night.folder.glob(f".{network}-*"):
            shutil.rmtree(left)  # of an attempt that is dead: the claim is ours
        return work(network, practices)


@lru_cache(maxsize=1)
def _opened(told: Handed) -> tuple[Night, Work]:
    """Give the run this process works for, opened once and kept for the networks that follow."""
    from pophealth.config import Config
    from pophealth.runs.delivering import deliverer
    from pophealth.runs.night import open_night

    config: Config = Config.model_validate_json(told.config)
    night = open_night(config, told.index_date)
    if night.run_id != told.run_id:
        msg = (
            f"worker: it would make run {night.run_id[:12]}, the driver makes {told.run_id[:12]}. Register, reference "
            "files, opt-out lists, journal and release must be the same ones for driver and workers."
        )
        raise IntegrityError(msg)
    return night, deliverer(night)


@contextmanager
def claimed(data_root: Path, network: str) -> Iterator[None]:
    """Hold a network for one attempt at a time; the system lets go of it however the process ends.

    An executor given up for lost may still be writing: the next attempt waits here, and then finds what was committed.
    """
    path = data_root / "state" / f"claim-{network}"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
