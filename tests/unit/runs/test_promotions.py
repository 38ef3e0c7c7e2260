"""The promotion log: what stands in it cannot be changed, removed or put in between unseen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pophealth.errors import IntegrityError
from pophealth.runs.promotions import Promotion, append_promotion, current, log_file, read_promotions


def entry(version: int, previous: int | None = None, alias: str = "champion", model: str = "m") -> Promotion:
    return Promotion(
        "2025-01-31T00:00:00+00:00", "promoted", model, alias, version, previous, "ab", "é", "why", {"g": 1}
    )


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for version in (1, 2, 3):
        append_promotion(tmp_path, entry(version, version - 1 or None))
    return tmp_path


def test_lines_come_back_in_order_and_the_last_says_what_an_alias_means(root: Path) -> None:
    append_promotion(root, entry(7, alias="challenger"))
    append_promotion(root, entry(9, model="other"))
    entries = read_promotions(root)
    assert [item.version for item in entries] == [1, 2, 3, 7, 9]
    assert entries[0] == entry(1)
    assert current(entries, "m", "champion") == entry(3, 2)
    assert current(entries, "m", "nobody") is None


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    assert read_promotions(tmp_path) == []


def test_only_the_owner_can_read_it(root: Path) -> None:
    assert log_file(root).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda lines: [lines[0].replace('"version": 1', '"version": 2'), *lines[1:]], 2),
        (lambda lines: [lines[0], lines[2]], 2),
        (lambda lines: [*lines[1:]], 1),
        (lambda lines: [lines[0], lines[0], *lines[1:]], 2),
        (lambda lines: [lines[1], lines[0], lines[2]], 1),
        (lambda lines: ["nonsense", *lines[1:]], 1),
        (lambda lines: ["[]", *lines[1:]], 1),
        (lambda lines: [lines[0], "", *lines[1:]], 2),
    ],
)
def test_a_changed_log_is_refused_by_line_and_not_added_to(root: Path, damage, line: int) -> None:
    path = log_file(root)
    path.write_text("".join(f"{text}\n" for text in damage(path.read_text().splitlines())))
    before = path.read_bytes()
    with pytest.raises(IntegrityError, match=f"line {line} "):
        read_promotions(root)
    with pytest.raises(IntegrityError, match=f"line {line} "):
        append_promotion(root, entry(4))
    assert path.read_bytes() == before


@pytest.mark.parametrize("cut", [1, 10, 200])
def test_a_line_that_a_power_cut_left_half_written_never_stood(root: Path, cut: int) -> None:
    path = log_file(root)
    whole = path.read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    path.write_bytes(whole[: len(whole) - cut])
    assert [item.version for item in read_promotions(root)] == [1, 2]
    append_promotion(root, entry(4, 2))
    assert [item.version for item in read_promotions(root)] == [1, 2, 4]
    assert last not in path.read_bytes()
    assert all(json.loads(line) for line in path.read_text().splitlines())
