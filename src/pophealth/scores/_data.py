"""Gives the published figures of this folder's data files, each file naming its paper and licence in its head."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from pophealth.errors import DeclarationError

_FOLDER = Path(__file__).parent / "data"
_HEAD = ("title", "version", "source", "licence")


@cache
def read_table(name: str) -> tuple[dict[str, str], ...]:
    """Give the rows of ``data/<name>.csv`` by column name; the head lines are checked, not given.

    Raises
    ------
    DeclarationError
        The file is absent, or its head does not name title, version, source and licence.
    """
    return _read(name)[1]


@cache
def read_head(name: str) -> dict[str, str]:
    """Give the head lines of ``data/<name>.csv``: title, version, source, licence and what else stands there.

    Raises
    ------
    DeclarationError
        As `read_table`.
    """
    return _read(name)[0]


def _read(name: str) -> tuple[dict[str, str], tuple[dict[str, str], ...]]:
    path = _FOLDER / f"{name}.csv"
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        msg = f"scores/data/{name}.csv: cannot be read ({error.strerror})"
        raise DeclarationError(msg) from error
    head = dict(line[1:].strip().split(": ", 1) for line in lines if line.startswith("#") and ": " in line)
    lacking = [key for key in _HEAD if not head.get(key)]
    if lacking:
        msg = f"scores/data/{name}.csv: the head lacks {', '.join(lacking)}"
        raise DeclarationError(msg)
    return head, tuple(csv.DictReader(line for line in lines if line and not line.startswith("#")))
