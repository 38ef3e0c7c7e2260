"""Gives what the benchmarks share: options of a command line, memory as it is used, versions, and a file of results."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PACKAGES = ("pophealth", "polars", "pyarrow", "numpy", "numba", "duckdb", "pandas", "pyspark")


def options_of(defaults: dict[str, str]) -> dict[str, str]:
    """Give the words KEY=value of the command line over `defaults`; an unknown key ends the program."""
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    if unknown := sorted(set(given) - set(defaults) - {"JSON"}):
        msg = f"unknown: {', '.join(unknown)}; known: {', '.join([*defaults, 'JSON'])}"
        raise SystemExit(msg)
    return defaults | given


def circumstances() -> dict[str, Any]:
    """Give when and where figures were taken: versions, cores, load."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "versions": versions,
    }


def write(options: dict[str, str], figures: dict[str, Any]) -> None:
    """Write the figures with their circumstances to the file of the option JSON; in a folder, to one named by the day."""
    if "JSON" not in options:
        return
    path = Path(options["JSON"])
    if path.is_dir():
        path /= f"{Path(sys.argv[0]).stem}-{datetime.now(UTC):%Y-%m-%dT%H%M}.json"
    said = {"options": options, **circumstances(), "figures": figures}
    path.write_text(json.dumps(said, indent=1, default=str) + "\n", "utf-8")
    print(f"wrote {path}")


class Memory:
    """What a process held while it was watched, in MiB: anonymous pages, and pages nobody else has."""

    def __init__(self) -> None:
        self.before, self.unique_before = anonymous_mib(), unique_mib()
        self.peak, self.unique_peak = self.before, self.unique_before

    def look(self) -> None:
        """Take one sample."""
        self.peak = max(self.peak, anonymous_mib())
        self.unique_peak = max(self.unique_peak, unique_mib())

    @property
    def above(self) -> float:
        """Anonymous memory at most, above what was held before."""
        return self.peak - self.before


@contextmanager
def watched(every_seconds: float = 0.02) -> Iterator[Memory]:
    """Give the memory of this process, sampled while the block runs. Sampling costs CPU: time no figure in it."""
    memory, stop = Memory(), threading.Event()

    def watch() -> None:
        while not stop.wait(every_seconds):
            memory.look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield memory
    finally:
        stop.set()
        watcher.join()
        memory.look()


def anonymous_mib() -> float:
    """Give this process's memory that is not a mapped file."""
    return _kib("/proc/self/status", ("RssAnon:",)) / 1024


def unique_mib() -> float:
    """Give this process's pages that no other process has; pages of mapped files count where it alone maps them."""
    return _kib("/proc/self/smaps_rollup", ("Private_Clean:", "Private_Dirty:")) / 1024


def _kib(path: str, heads: tuple[str, ...]) -> int:
    lines = Path(path).read_text("utf-8").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(heads))
