"""Gives the conformance kit: hand-made people and the status each rule must give them, for any supplier's search.

The tables are the ones the tests read: text that a clinician can read, one file a rule, one block a contract year.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

from pophealth.cohorts.rules import load_rules
from pophealth.errors import DeclarationError, UsageError
from pophealth.terms import evidence_words

EXPECTED = ("status", "tier", "rank")
"""Columns of a table that say what must come out; the others are what is known of a person."""
HEADLINES = ("contract_year", "near_misses")


@dataclass
class Block:
    """One table of a file: the contract year it is for, its head, its rows."""

    contract_year: str = "2024-25"
    near_misses: int | None = None
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def read_blocks(path: Path) -> list[Block]:
    """Give the tables of a file.

    Raises
    ------
    DeclarationError
        A head line is unknown, or a row has more or fewer cells than its head.
    """
    blocks: list[Block] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, value = line.partition(":")
        if colon and "|" not in line:
            if name not in HEADLINES:
                msg = f"{path.name}, line {number}: unknown head line {name!r}; known are {', '.join(HEADLINES)}"
                raise DeclarationError(msg)
            if not blocks or (name == "contract_year" and blocks[-1].head):
                blocks.append(Block())
            setattr(blocks[-1], name, value.strip() if name == "contract_year" else int(value))
            continue
        blocks = blocks or [Block()]
        cells = [cell.strip() for cell in line.split("|")]
        if blocks[-1].head and len(cells) != len(blocks[-1].head):
            msg = f"{path.name}, line {number}: {len(cells)} cells, expected {len(blocks[-1].head)}"
            raise DeclarationError(msg)
        if blocks[-1].head:
            blocks[-1].rows.append(cells)
        else:
            blocks[-1].head = cells
    return blocks


def default_tables() -> Path:
    """Give the folder of tables of the checkout this package was installed from.

    Raises
    ------
    UsageError
        The package was installed without its tests.
    """
    folder = Path(__file__).resolve().parents[3] / "tests" / "cohorts"
    if not folder.is_dir():
        msg = "the kit's tables stand in the source checkout (tests/cohorts); name that folder with --tables"
        raise UsageError(msg)
    return folder


def write_kit(tables: Path, out: Path) -> tuple[list[Path], int]:
    """Give the files written below `out`, and the number of people in them.

    ``<service>/<rule>.csv`` holds a person a row: contract_year, person, what is known (an empty cell is unknown), and
    the expected status (``-``: not considered), tier and rank. ``kit.json`` says what each rule is.
    """
    written: list[Path] = []
    people = 0
    index = {}
    for rule in load_rules().values():
        path = tables / rule.service / f"{rule.id}.txt"
        if not path.is_file():
            continue
        blocks = read_blocks(path)
        text, count = _csv(rule.id, blocks)
        destination = out / rule.service / f"{rule.id}.csv"
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_text(text, "utf-8")
        written.append(destination)
        people += count
        index[rule.id] = {
            "catalogue_id": rule.catalogue_id,
            "title": rule.title,
            "source": rule.source,
            "evidence": [mark.value for mark in rule.evidence],
            "evidence_words": evidence_words(rule.evidence),
            "contract_years": sorted({block.contract_year for block in blocks}),
            "people": count,
            "criteria": {c.id: {"part": c.part, "predicate": c.predicate} for c in rule.criteria},
            "years": rule.years,
        }
    kit = out / "kit.json"
    kit.write_text(json.dumps(index, indent=1, sort_keys=True, default=str) + "\n", "utf-8")
    return [*written, kit], people


def _csv(rule_id: str, blocks: list[Block]) -> tuple[str, int]:
    known = list(dict.fromkeys(name for block in blocks for name in block.head if name not in EXPECTED))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["contract_year", "person", *known, *EXPECTED])
    count = 0
    for block in blocks:
        for row in block.rows:
            count += 1
            cells = dict(zip(block.head, row, strict=True))
            person = f"{rule_id}-{count:03d}"
            writer.writerow([block.contract_year, person, *(cells.get(name, "") for name in (*known, *EXPECTED))])
    return buffer.getvalue(), count
