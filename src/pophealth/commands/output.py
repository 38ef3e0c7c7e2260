"""Gives a command's answer: JSON for machines, plain aligned text for people."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any


def say(line: str = "") -> None:
    """Write one line to standard output."""
    sys.stdout.write(f"{line}\n")


def note(line: str) -> None:
    """Write one line to standard error: progress and warnings, which no pipe should swallow."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def say_json(value: Any) -> None:
    """Write `value` as JSON, keys in the order given."""
    import json  # `--help` does without

    say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def say_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with columns padded to their widest cell."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max([len(name), *(len(row[place]) for row in cells)]) for place, name in enumerate(head)]
    for row in [list(head), *cells]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
