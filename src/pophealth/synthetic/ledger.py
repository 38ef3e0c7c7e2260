"""Gives the ledger: the rows of a network as they are made, and the same rows in order with recorded dates and record ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pophealth.errors import UsageError
from pophealth.synthetic.arrays import Days, Ints

LAG_SHARE, LAG_DAYS = 0.15, 12.0
"""Share of rows recorded later than they are dated, and by how much on average."""
LATE_SHARE, LATE_DAYS = 0.0008, (255, 900)
"""Share of rows recorded very late (letters scanned, records merged): beyond what one byte of days can hold."""
UNDATED_SHARE = 0.004
"""Share of rows without a recorded date."""
LAGGING = frozenset({"events", "medications", "measurements"})

_PERSON_BITS, _DAY_BITS, _ROW_BITS = 20, 17, 26
_DAY_SHIFT = 1 << 16  # days before 1970 are negative: down to 1790

Columns = dict[str, npt.NDArray[Any]]


@dataclass
class Sheet:
    """Rows of one table, piece by piece: person (place in the roster), day, and the table's own columns."""

    pieces: list[Columns] = field(default_factory=list)

    def add(self, person: Ints, day: Ints, **columns: Any) -> None:
        """Add rows; a column given as one value is the same in all of them, one left out is missing in all of them."""
        size = len(person)
        piece = {"person": person.astype(np.int32), "day": day.astype(np.int32)}
        piece |= {name: np.broadcast_to(np.asarray(value), (size,)) for name, value in columns.items()}
        self.pieces.append(piece)

    @property
    def height(self) -> int:
        """Number of rows."""
        return sum(len(piece["person"]) for piece in self.pieces)

    def column(self, name: str, missing: Any) -> npt.NDArray[Any]:
        """Give a column of all pieces in the order they were added."""
        parts = [piece.get(name, np.full(len(piece["person"]), missing)) for piece in self.pieces]
        return np.concatenate(parts) if parts else np.empty(0, np.asarray(missing).dtype)


class Ledger:
    """The sheets of a network. A row outside its person's life with the practice is never written."""

    def __init__(self, first: Days, last: Days) -> None:
        self.first, self.last = first, last
        self.sheets: dict[str, Sheet] = {}

    def add(self, table: str, person: Ints, day: Ints, **columns: Any) -> None:
        """Add rows to a table, without those dated before birth or after the person's last day."""
        inside = (day >= self.first[person]) & (day <= self.last[person])
        kept = {name: value[inside] if np.ndim(value) else value for name, value in columns.items()}
        self.sheets.setdefault(table, Sheet()).add(person[inside], day[inside], **kept)

    def height(self, *tables: str) -> int:
        """Give the number of rows of some tables, of all of them when none is named."""
        return sum(self.sheets[name].height for name in (tables or tuple(self.sheets)) if name in self.sheets)


def in_order(person: Ints, day: Ints) -> Ints:
    """Give the order of rows by person, then day, then as they were made; the same on every machine.

    Raises
    ------
    UsageError
        More people or rows than one network's sheet can hold.
    """
    if len(person) and (int(person.max()) >> _PERSON_BITS or len(person) >> _ROW_BITS):
        msg = (
            f"synth: one network can hold {1 << _PERSON_BITS:,} people and {1 << _ROW_BITS:,} rows a table; ask for "
            "fewer patients or records, or for more networks"
        )
        raise UsageError(msg)
    key = (person.astype(np.int64) << (_DAY_BITS + _ROW_BITS)) | ((day.astype(np.int64) + _DAY_SHIFT) << _ROW_BITS)
    key |= np.arange(len(person), dtype=np.int64)
    key.sort()  # a plain sort of different numbers: no tie can fall one way here and another there
    return key & ((1 << _ROW_BITS) - 1)


def recorded_days(rng: np.random.Generator, day: Days, last_day: int) -> tuple[Days, npt.NDArray[np.bool_]]:
    """Give the day each row was recorded, never after the extract, and which rows have none."""
    drawn = rng.random(len(day), np.float32)
    lag = np.zeros(len(day), np.int32)
    slow = np.flatnonzero(drawn < LAG_SHARE)
    lag[slow] = np.minimum(1 + rng.exponential(LAG_DAYS, len(slow)), 250).astype(np.int32)
    late = np.flatnonzero(drawn < LATE_SHARE)
    lag[late] = rng.integers(*LATE_DAYS, len(late))
    undated = (drawn >= LAG_SHARE) & (drawn < LAG_SHARE + UNDATED_SHARE)
    return np.minimum(day + lag, last_day), undated
