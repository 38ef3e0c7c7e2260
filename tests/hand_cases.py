"""Gives the people of `from_records.txt` and `registers.txt` of `tests/cohorts/`: records, and what must be said of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

TEXT = Path(__file__).parent / "cohorts" / "from_records.txt"
REGISTERS = Path(__file__).parent / "cohorts" / "registers.txt"


@dataclass
class Case:
    """A person of one of these files: the line of people, records by table, status by list (``-``: no row), columns."""

    person: str
    records: list[tuple[str, str]] = field(default_factory=list)
    expected: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.person.split(" | ")[0]


def read_cases(*texts: Path) -> list[Case]:
    cases: list[Case] = []
    for line in [line for text in texts for line in text.read_text("utf-8").splitlines()]:
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if not line.startswith(" "):
            cases.append(Case(line))
        elif words[0] in (">", "="):
            told = cases[-1].expected if words[0] == ">" else cases[-1].columns
            told[words[1].rstrip(":")] = words[2]
        else:
            cases[-1].records += [(table, f"{cases[-1].name} | {row}") for table, row in _records(words)]
    return cases


def _records(words: list[str]) -> Iterator[tuple[str, str]]:
    kind, *rest = words
    if kind == "bp":
        day, (systolic, diastolic) = rest[0], rest[1].split("/")
        yield "measurements", f"systolic_bp | {day} | {systolic} | mmHg"
        yield "measurements", f"diastolic_bp | {day} | {diastolic} | mmHg"
    elif kind == "value":
        yield "measurements", " | ".join([*rest, ""] if len(rest) < 4 else rest)
    elif kind == "issue":
        yield "medications", " | ".join([*rest, "28"])
    elif kind == "admitted":
        yield "spells", " | ".join([*rest[:3], " ".join(rest[3:])])
    else:
        yield "events", " | ".join(rest)
