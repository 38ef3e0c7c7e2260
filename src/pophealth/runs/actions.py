"""Gives the history of what networks did with their lists: taken in whole or not at all, appended to, never changed."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.errors import IntegrityError
from pophealth.files import replace_file
from pophealth.planning.actions import ACTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

_PART = re.compile(r"([0-9]{6})-([0-9a-f]{16})\.jsonl")


def actions_folder(data_root: Path) -> Path:
    """Give where the history lies: one file an import, numbered, its hash in its name."""
    return data_root / "state" / "actions"


def read_history(data_root: Path) -> pl.DataFrame:
    """Give the whole history (`planning.actions.ACTIONS`) in the order in which it came in.

    Raises
    ------
    IntegrityError
        A part is missing or is not what its name says: history is appended to, never changed.
    """
    rows: list[dict[str, Any]] = []
    for path in _parts(data_root):
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest()[:16] != _PART.fullmatch(path.name)[2]:  # type: ignore[index]
            msg = f"actions: {path.name} is not what its name says; the history was changed or damaged. Restore it."
            raise IntegrityError(msg)
        rows += [json.loads(line) for line in content.decode().splitlines()]
    text = pl.DataFrame(
        [[row.get(name) for name in ACTIONS] for row in rows], dict.fromkeys(ACTIONS, pl.String), orient="row"
    )
    dated = text.with_columns(pl.col("when").str.to_date("%Y-%m-%d"))
    return dated.select(pl.col(name).cast(dtype) for name, dtype in ACTIONS.items())


def _parts(data_root: Path) -> list[Path]:
    parts = sorted(path for path in actions_folder(data_root).glob("*.jsonl") if _PART.fullmatch(path.name))
    numbers = [int(path.name[:6]) for path in parts]
    if numbers != list(range(1, len(parts) + 1)):
        msg = f"actions: the history has {len(parts)} parts that are not numbered 1 to {len(parts)}; restore what is missing"
        raise IntegrityError(msg)
    return parts


def known_on(history: pl.DataFrame, index_date: date) -> pl.DataFrame:
    """Give what was done up to the index date: what came later must not turn an old run into another one."""
    return history.filter(pl.col("when") <= index_date)


def actions_digest(history: pl.DataFrame) -> str:
    """Give the SHA-256 of a history, as hex; empty where there is none."""
    return hashlib.sha256(_lines(history.iter_rows())).hexdigest() if history.height else ""


def append_actions(data_root: Path, actions: pl.DataFrame) -> Path:
    """Append a part to the history, and give where it stands. The caller holds the site's lock."""
    folder = actions_folder(data_root)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = _lines(actions.select(*ACTIONS).iter_rows())
    number = len(_parts(data_root)) + 1
    path = folder / f"{number:06d}-{hashlib.sha256(content).hexdigest()[:16]}.jsonl"
    replace_file(path, content)
    return path


def _lines(rows: Iterable[Sequence[Any]]) -> bytes:
    text = (json.dumps(dict(zip(ACTIONS, row, strict=True)), default=str, sort_keys=True) for row in rows)
    return "".join(f"{line}\n" for line in text).encode()


def count_actions(data_root: Path) -> list[dict[str, Any]]:
    """Give the history in numbers, by network, rule and status: people, first and last day."""
    keys = ["network_code", "rule_id", "status"]
    counted = (
        read_history(data_root)
        .group_by(keys)
        .agg(
            people=pl.col("patient_id").n_unique(),
            first=pl.col("when").min().dt.to_string("iso"),
            last=pl.col("when").max().dt.to_string("iso"),
        )
        .sort(keys)
    )
    return counted.with_columns(pl.col("status").cast(pl.String)).to_dicts()
