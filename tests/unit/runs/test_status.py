"""What ran when on what, from the diary and from what stands delivered; what is kept and what is removed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pophealth.config import load_config
from pophealth.delivery.verify import verify_delivery
from pophealth.runs.checks import prune
from pophealth.runs.engines.threads import Outcome
from pophealth.runs.journal import Journal, journal_file
from pophealth.runs.lock import exclusive
from pophealth.runs.resume import (
    committed_networks,
    deliveries_folder,
    is_committed,
    latest_committed_before,
    remove_unfinished,
)
from pophealth.runs.status import list_runs
from test_support import deliveries, sites

ONE, TWO, THREE, FOUR = ("1" * 64, "2" * 64, "3" * 64, "4" * 64)


def commit(root: Path, run: str) -> Path:
    """Deliver the small network in a run."""
    folder = deliveries_folder(root) / run / deliveries.NETWORK
    return deliveries.write_delivery(folder, **deliveries.parts() | {"facts": deliveries.facts(run_id=run)})


def ran(root: Path, run: str, day: date, *, delivers: bool = True, finishes: bool = True) -> None:
    """Tell the diary of a run, and deliver if it does."""
    journal = Journal(root)
    journal.started(run, day, [deliveries.NETWORK])
    if delivers:
        journal.network(run, Outcome(deliveries.NETWORK, commit(root, run)))
    else:
        journal.network(run, Outcome(deliveries.NETWORK, None, "OSError", "write.py:1"))
    if finishes:
        journal.finished(run)


def test_runs_stand_in_the_order_they_last_began(tmp_path: Path) -> None:
    ran(tmp_path, ONE, date(2025, 1, 1))
    ran(tmp_path, TWO, date(2025, 1, 2), delivers=False)
    Journal(tmp_path).started(ONE, date(2025, 1, 1), [])
    Journal(tmp_path).finished(ONE)
    runs = list_runs(tmp_path)
    assert [(run["run_id"], run["index_date"], run["committed"], run["failed"], run["state"]) for run in runs] == [
        (TWO, "2025-01-02", 0, 1, "finished"),
        (ONE, "2025-01-01", 1, 0, "finished"),
    ]


def test_a_network_that_failed_and_was_delivered_later_is_no_failure(tmp_path: Path) -> None:
    ran(tmp_path, ONE, date(2025, 1, 1), delivers=False)
    ran(tmp_path, ONE, date(2025, 1, 1))
    (run,) = list_runs(tmp_path)
    assert (run["committed"], run["failed"]) == (1, 0)


def test_a_run_without_an_end_is_under_way_or_was_cut_off(tmp_path: Path) -> None:
    ran(tmp_path, ONE, date(2025, 1, 1), finishes=False)
    ran(tmp_path, TWO, date(2025, 1, 2), finishes=False)
    assert [run["state"] for run in list_runs(tmp_path)] == ["cut off", "cut off"]
    with exclusive(tmp_path):
        assert [run["state"] for run in list_runs(tmp_path)] == ["cut off", "under way"]
    Journal(tmp_path).finished(TWO)
    with exclusive(tmp_path):
        assert [run["state"] for run in list_runs(tmp_path)] == ["cut off", "finished"]


def test_what_was_delivered_is_what_carries_the_mark(tmp_path: Path) -> None:
    folder = commit(tmp_path, ONE)
    assert committed_networks(tmp_path, ONE) == [deliveries.NETWORK]
    (folder / "COMMITTED").unlink()
    assert committed_networks(tmp_path, ONE) == []
    assert not is_committed(folder.parent, folder.name)
    assert committed_networks(tmp_path, TWO) == []


def test_the_run_before_is_the_latest_of_an_earlier_index_date(tmp_path: Path) -> None:
    day = date(2025, 3, 1)
    assert latest_committed_before(tmp_path, day) == ""
    ran(tmp_path, ONE, date(2025, 1, 1))
    ran(tmp_path, TWO, date(2025, 2, 1))
    ran(tmp_path, THREE, date(2025, 2, 2), delivers=False)
    ran(tmp_path, FOUR, date(2025, 3, 1))
    assert latest_committed_before(tmp_path, day) == TWO
    assert latest_committed_before(tmp_path, date(2025, 3, 2)) == FOUR
    assert latest_committed_before(tmp_path, date(2025, 1, 1)) == ""
    ran(tmp_path, ONE.replace("1", "9"), date(2025, 2, 1))
    assert latest_committed_before(tmp_path, day) == "9" * 64, "of two on one date the one begun last"


def test_pruning_a_delivery_does_not_change_what_came_before_what(tmp_path: Path) -> None:
    config = load_config(sites.make_site(tmp_path / "site"))
    root = config.site.data_root
    ran(root, ONE, date(2025, 1, 1))
    ran(root, TWO, date(2025, 2, 1))
    before = latest_committed_before(root, date(2025, 2, 1))
    prune(config, 1)
    assert committed_networks(root, ONE) == []
    assert latest_committed_before(root, date(2025, 2, 1)) == before == ONE


def delivered(root: Path) -> set[str]:
    return {path.name for path in deliveries_folder(root).iterdir()}


def test_prune_keeps_the_newest_delivered_runs_and_removes_the_rest(tmp_path: Path) -> None:
    config = load_config(sites.make_site(tmp_path / "site"))
    root = config.site.data_root
    for number, run in enumerate((ONE, TWO, THREE), start=1):
        ran(root, run, date(2025, 1, number))
    ran(root, FOUR, date(2025, 1, 4), delivers=False)
    removed = prune(config, 2)
    assert delivered(root) == {TWO, THREE}, "a bad night does not push out the last good list"
    assert removed == [str(deliveries_folder(root) / ONE)]
    assert prune(config, 2) == []
    verify_delivery(deliveries_folder(root) / THREE)


def test_prune_goes_by_the_diary_and_by_age_where_the_diary_was_lost(tmp_path: Path) -> None:
    import os

    config = load_config(sites.make_site(tmp_path / "site"))
    root = config.site.data_root
    for age, run in ((3, TWO), (1, ONE), (2, THREE)):
        commit(root, run)
        os.utime(deliveries_folder(root) / run, (10**9 - age, 10**9 - age))
    assert not journal_file(root).exists()
    prune(config, 2)
    assert delivered(root) == {THREE, ONE}
    Journal(root).started(THREE, date(2025, 1, 1), [])
    prune(config, 1)
    assert delivered(root) == {THREE}


def test_prune_touches_nothing_that_is_no_run(tmp_path: Path) -> None:
    config = load_config(sites.make_site(tmp_path / "site"))
    root = deliveries_folder(config.site.data_root)
    commit(config.site.data_root, ONE)
    (root / "notes").mkdir()
    (root / ("5" * 64)).symlink_to(tmp_path)
    prune(config, 1)
    assert {path.name for path in root.iterdir()} == {ONE, "notes", "5" * 64}


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    folder = commit(tmp_path, ONE)
    whole = deliveries.bytes_of(tmp_path)
    left = folder.parent / f".{deliveries.NETWORK}-123"
    left.mkdir()
    (left / "members.arrow").write_text("x")
    going = deliveries_folder(tmp_path) / f".pruned-{TWO}"
    going.mkdir()
    assert remove_unfinished(tmp_path) == 2
    assert deliveries.bytes_of(tmp_path) == whole
    assert remove_unfinished(tmp_path) == 0
    assert remove_unfinished(tmp_path / "absent") == 0


def test_snapshots_are_pruned_with_the_runs(tmp_path: Path) -> None:
    config = load_config(sites.make_site(tmp_path / "site"))
    root = config.site.data_root
    sites.write_register(root, died=date(2025, 2, 1))
    assert len(list((root / "register").glob("*/MANIFEST.json"))) == 2
    (removed,) = prune(config, 1)
    assert Path(removed).parent.name == "register"
    assert len(list((root / "register").glob("*/MANIFEST.json"))) == 1


@pytest.mark.parametrize("json", [True, False])
def test_the_command_prints_it(tmp_path: Path, json: bool, capsys: pytest.CaptureFixture[str]) -> None:
    from pophealth.commands.work import status

    config = sites.make_site(tmp_path / "site")
    status(config, json=json)
    assert capsys.readouterr().out == ("[]\n" if json else "no run yet\n")
    ran(config.parent / "data", ONE, date(2025, 1, 1))
    status(config, json=json)
    assert ONE in capsys.readouterr().out
