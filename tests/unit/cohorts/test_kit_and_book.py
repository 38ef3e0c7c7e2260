"""The kit another supplier's search is scored against, and the book of rules, are written from what the tests read."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from pophealth.cli import main
from pophealth.cohorts import load_rules
from pophealth.cohorts.book import book, write_book
from pophealth.cohorts.kit import default_tables, read_blocks, write_kit
from pophealth.errors import DeclarationError
from pophealth.runs.summary import rule_facts
from pophealth.terms import SERVICES, Evidence

ROOT = Path(__file__).resolve().parents[3]


def test_the_kit_holds_every_rule_and_every_person(tmp_path: Path) -> None:
    written, people = write_kit(default_tables(), tmp_path)
    index = json.loads((tmp_path / "kit.json").read_text())
    assert set(index) == set(load_rules())
    assert len(written) == len(index) + 1
    rows = 0
    for rule_id, entry in index.items():
        (path,) = tmp_path.glob(f"*/{rule_id}.csv")
        table = list(csv.DictReader(path.read_text("utf-8").splitlines()))
        assert len(table) == entry["people"] >= 6
        assert {row["status"] for row in table} <= {"listed", "met", "adjusted", "excluded", "unknown", "-"}
        assert len({row["person"] for row in table}) == len(table)
        rows += len(table)
    assert rows == people


def test_a_table_with_a_row_too_long_is_named(tmp_path: Path) -> None:
    path = tmp_path / "r.txt"
    path.write_text("contract_year: 2023-24\na | status\ntrue | listed | 3\n")
    with pytest.raises(DeclarationError, match="line 3: 3 cells, expected 2"):
        read_blocks(path)
    path.write_text("contact_year: 2023-24\n")
    with pytest.raises(DeclarationError, match="unknown head line 'contact_year'"):
        read_blocks(path)


def test_the_book_is_what_the_declarations_say(tmp_path: Path) -> None:
    pages = book()
    assert set(pages) == set(SERVICES)
    for rule in load_rules().values():
        page = pages[rule.service]
        assert rule.title in page
        assert all(criterion.predicate in page for criterion in rule.criteria)
    assert [path.stem for path in write_book(tmp_path)] == list(SERVICES)


@pytest.mark.parametrize("service", SERVICES)
def test_the_pages_in_the_repository_are_up_to_date(service: str) -> None:
    page = ROOT / "docs" / "rules" / f"{service}.md"
    assert page.read_text("utf-8") == book()[service], "run: pophealth rules book"


def test_a_figure_of_general_knowledge_is_to_be_confirmed_wherever_its_mark_is_shown(tmp_path: Path) -> None:
    """The book, the kit and the facts that summary, pages and workbook are written from; list, show and explain beside."""
    general = [rule for rule in load_rules().values() if Evidence.TO_BE_CONFIRMED in rule.evidence]
    assert len(general) > 10
    pages = book()
    write_kit(default_tables(), tmp_path)
    kit = json.loads((tmp_path / "kit.json").read_text())
    for rule in general:
        assert "K: to be confirmed" in kit[rule.id]["evidence_words"]
        assert "K: to be confirmed" in rule_facts(rule, "2024-25")["evidence_words"]
        section = pages[rule.service].split(f'<a id="{rule.id}"></a>')[1].split("<a id=")[0]
        assert "K: to be confirmed" in section
        (row,) = [
            line for line in pages[rule.service].splitlines() if line.startswith("| ") and f"(#{rule.id})" in line
        ]
        assert "K (to be confirmed)" in row


@pytest.mark.parametrize("words", [("list",), ("list", "--json"), ("show", "frequent_attender")])
def test_the_commands_say_it_too(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    monkeypatch.setattr("sys.argv", ["pophealth", "rules", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert not stopped.value.code
    assert "to be confirmed" in capsys.readouterr().out
