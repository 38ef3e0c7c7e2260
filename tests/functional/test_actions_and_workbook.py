"""The loop closed: a workbook goes out, comes back filled in, and the next run takes note of what was done."""

from __future__ import annotations

import csv
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from pophealth.config import load_config
from pophealth.runs.clock import today
from pophealth.runs.night import run

DAY, LATER = "2024-12-31", "2025-01-31"
HEAD = ("patient_id", "rule_id", "status", "when", "who", "note_code")


def read(delivery: Path, name: str) -> pl.DataFrame:
    return pl.read_ipc(delivery / f"{name}.arrow").with_columns(pl.col(pl.Categorical).cast(pl.String))


def summary(delivery: Path) -> dict:
    return json.loads((delivery / "summary.json").read_text())


def delivered(site, index_date: str, network: str) -> list[Path]:
    return [p for p in site.deliveries() if p.name == network and summary(p)["index_date"] == index_date]


def written(path: Path, *rows: tuple[object, ...], head: tuple[str, ...] = HEAD) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def run_once(ingested, tmp_path_factory):
    """A site with a first run, made once and copied for every test."""
    site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path_factory.mktemp("first") / "site")))
    assert run(load_config(Path(site.config)), date.fromisoformat(DAY)).failed == {}
    return site


@pytest.fixture
def site(run_once, tmp_path: Path):
    """A copy of the site with its first run."""
    return type(run_once)(Path(shutil.copytree(run_once.folder, tmp_path / "site")))


@pytest.fixture
def first(site) -> Path:
    """The delivery of a network of the first run."""
    return site.deliveries()[0]


def ordinary_pairs(delivery: Path, count: int) -> list[tuple[str, str]]:
    """People and rules that are neither urgent nor without a list in the second run."""
    rows = read(delivery, "members").filter(
        pl.col("status") == "listed", pl.col("rule_id") == "social_prescribing_offer", pl.col("place") != "urgent"
    )
    return rows.select("patient_id", "rule_id").sort("patient_id").rows()[:count]


def test_what_was_done_is_not_offered_again_until_it_is_due(site, first, pophealth, tmp_path, capsys) -> None:
    done, declined, wrong, booked = ordinary_pairs(first, 4)
    file = written(
        tmp_path / "a.csv",
        (*done, "done", "2025-01-10", "A. Link", "SP1"),
        (*declined, "declined", "2025-01-10", "A. Link", ""),
        (*wrong, "not appropriate", "2025-01-10", "A. Link", "N2"),
        (*booked, "booked", "2025-01-11", "A. Link", ""),
        (*ordinary_pairs(first, 5)[4], "", "", "", ""),
    )
    capsys.readouterr()
    assert pophealth("actions", "import", site.config, file, "--network", first.name, "--json") == 0
    imported = json.loads(capsys.readouterr().out)
    assert (imported["rows"], imported["without_action"]) == (4, 1)
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    delivery = delivered(site, LATER, first.name)[0]
    places = {
        (p, r): place for p, r, place in read(delivery, "members").select("patient_id", "rule_id", "place").iter_rows()
    }
    assert [places[pair] for pair in (done, declined, wrong)] == ["closed"] * 3
    assert places[booked] != "closed"
    offered = set(read(delivery, "plan").select("patient_id", rule_id=pl.col("rules")).explode("rule_id").iter_rows())
    assert not {done, declined, wrong} & offered
    assert booked in offered
    told = summary(delivery)
    assert told["progress"]["social_prescribing_offer"] == {"booked": 1, "declined": 1, "done": 1, "not_appropriate": 1}
    assert told["disagreements"] == {"social_prescribing_offer": {"not_appropriate": 1, "answers": 4}}
    worklist = {row["patient_id"]: row for row in read(delivery, "worklist").to_dicts()}
    assert worklist[booked[0]]["action_status"] == "booked"


def test_it_is_offered_again_once_due(site, first, pophealth, tmp_path) -> None:
    pair = ordinary_pairs(first, 1)[0]
    file = written(tmp_path / "a.csv", (*pair, "done", "2024-12-31", "A. Link", ""))
    assert pophealth("actions", "import", site.config, file, "--network", first.name) == 0
    site.configure(("[delivery]", "[planning.due_again]\nsocial_prescribing_offer = 1\n\n[delivery]"))
    assert pophealth("run", site.config, "--index-date", LATER) == 0
    delivery = delivered(site, LATER, first.name)[0]
    row = read(delivery, "members").filter(pl.col("patient_id") == pair[0], pl.col("rule_id") == pair[1])
    assert row["place"].to_list() != ["closed"]
    assert summary(delivery)["progress"] == {}


def test_an_old_run_stays_the_same_run_and_a_later_action_is_another_one(
    site, first, pophealth, tmp_path, capsys
) -> None:
    pair = ordinary_pairs(first, 1)[0]
    later = written(tmp_path / "later.csv", (*pair, "done", "2025-01-01", "A. Link", ""))
    assert pophealth("actions", "import", site.config, later, "--network", first.name) == 0
    capsys.readouterr()
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert capsys.readouterr().out.startswith("nothing to do")
    that_day = written(tmp_path / "that_day.csv", (*pair, "reviewed", DAY, "A. Link", ""))
    assert pophealth("actions", "import", site.config, that_day, "--network", first.name) == 0
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    assert len(delivered(site, DAY, first.name)) == 2


def test_the_same_file_twice_changes_nothing_and_history_only_grows(site, first, pophealth, tmp_path, capsys) -> None:
    one, two = ordinary_pairs(first, 2)
    file = written(
        tmp_path / "a.csv",
        (*one, "booked", "2025-01-10", "A. Link", ""),
        (*one, "done", "2025-01-10", "A. Link", ""),
        (*two, "done", "2025-01-10", "A. Link", ""),
    )
    words = ("actions", "import", site.config, file, "--network", first.name, "--json")
    capsys.readouterr()
    assert pophealth(*words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["settled"], told["imported"]) == (3, 1, {"done": 2})
    parts = sorted((site.folder / "data" / "state" / "actions").iterdir())
    before = {path.name: path.read_bytes() for path in parts}
    assert pophealth(*words) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["already_known"], told["imported"], told["path"]) == (2, {}, None)
    more = written(tmp_path / "b.csv", (*two, "not_appropriate", "2025-01-12", "B. Link", ""))
    assert pophealth("actions", "import", site.config, more, "--network", first.name) == 0
    after = {path.name: path.read_bytes() for path in (site.folder / "data" / "state" / "actions").iterdir()}
    assert len(after) == len(before) + 1
    assert before.items() <= after.items()
    capsys.readouterr()
    assert pophealth("actions", "list", site.config, "--json") == 0
    counts = {(row["rule_id"], row["status"]): row["people"] for row in json.loads(capsys.readouterr().out)}
    assert counts == {("social_prescribing_offer", "done"): 2, ("social_prescribing_offer", "not_appropriate"): 1}


def bad(column: str, value: str, said: str) -> object:
    return pytest.param(column, value, said, id=said)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        bad("patient_id", "0" * 32, "of people whom network"),
        bad("rule_id", "care_home_resident", "of a list that the person was never on"),
        bad("rule_id", "no_such_rule", "of a list that the person was never on"),
        bad("status", "seen", "with a status that is none of"),
        bad("when", "10/01/2025", "without a day as YYYY-MM-DD"),
        bad("when", (today() + timedelta(days=1)).isoformat(), "of a day to come"),
        bad("who", "", "without who did it"),
        bad("who", "999 123 4567", "with a long number where a name of staff belongs"),
        bad("note_code", "fell at home", "with a note code of other than"),
        bad("note_code", "9991234567", "with a long number in the note code"),
    ],
)
def test_one_wrong_row_refuses_the_file_and_shows_nothing_of_it(
    site, first, pophealth, tmp_path, capfd, column: str, value: str, said: str
) -> None:
    good, other = ordinary_pairs(first, 2)
    row = dict(zip(HEAD, (*other, "done", "2025-01-10", "A. Link", "N1"), strict=True)) | {column: value}
    file = written(tmp_path / "a.csv", (*good, "done", "2025-01-10", "A. Link", ""), tuple(row.values()))
    capfd.readouterr()
    assert pophealth("actions", "import", site.config, file, "--network", first.name) == 3
    error = capfd.readouterr().err
    assert said in error
    assert "1 rows, first row 3" in error
    assert good[0] not in error
    assert other[0] not in error
    assert "999" not in error
    assert not (site.folder / "data" / "state" / "actions").exists()


def test_another_networks_people_are_refused(site, first, pophealth, tmp_path, capsys) -> None:
    other = site.deliveries()[1]
    assert other.name != first.name
    pair = ordinary_pairs(other, 1)[0]
    file = written(tmp_path / "a.csv", (*pair, "done", "2025-01-10", "A. Link", ""))
    assert pophealth("actions", "import", site.config, file, "--network", first.name) == 3
    assert pophealth("actions", "import", site.config, file, "--network", "U99999") == 2
    assert pophealth("actions", "import", site.config, file) == 2
    named = written(
        tmp_path / "b.csv", (other.name, *pair, "done", "2025-01-10", "A", ""), head=("network_code", *HEAD)
    )
    assert pophealth("actions", "import", site.config, named) == 0
    assert pophealth("actions", "import", site.config, named, "--network", first.name) == 3
    assert "of another network" in capsys.readouterr().err


def test_numbers_and_arrow_files_are_taken_too(site, first, pophealth, tmp_path) -> None:
    rows = read(first, "members").filter(pl.col("status") == "listed", pl.col("nhs_number").is_not_null())
    row = rows.filter(pl.col("rule_id") == "social_prescribing_offer").sort("patient_id").row(0, named=True)
    number = row["nhs_number"]
    frame = pl.DataFrame(
        {
            "nhs_number": [f"{number[:3]} {number[3:6]} {number[6:]}"],
            "rule_id": ["social_prescribing_offer"],
            "status": ["done"],
            "when": [date(2025, 1, 10)],
            "who": ["A. Link"],
        }
    )
    frame.write_ipc(tmp_path / "a.arrow")
    assert pophealth("actions", "import", site.config, tmp_path / "a.arrow", "--network", first.name) == 0
    part = next((site.folder / "data" / "state" / "actions").iterdir()).read_text()
    assert row["patient_id"] in part
    assert number not in part


def test_a_changed_history_is_refused(site, first, pophealth, tmp_path) -> None:
    file = written(tmp_path / "a.csv", (*ordinary_pairs(first, 1)[0], "done", "2025-01-10", "A. Link", ""))
    assert pophealth("actions", "import", site.config, file, "--network", first.name) == 0
    part = next((site.folder / "data" / "state" / "actions").iterdir())
    part.write_text(part.read_text().replace("done", "Done"))
    assert pophealth("run", site.config, "--index-date", LATER) == 5
    part.rename(part.with_name(part.name.replace("000001", "000002")))
    assert pophealth("actions", "list", site.config) == 5


def test_the_workbook_goes_out_and_comes_back(ingested, pophealth, tmp_path) -> None:
    site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path / "site")))
    site.hand_over_everything()
    site.configure(("pages = true", "pages = false"))
    assert pophealth("run", site.config, "--index-date", DAY) == 0
    for delivery in site.deliveries():
        assert pophealth("verify", delivery) == 0
    delivery = site.deliveries()[0]
    book = openpyxl.load_workbook(delivery / "lists.xlsx")
    worklist, listed = read(delivery, "worklist"), read(delivery, "members").filter(pl.col("status") == "listed")
    assert book["Worklist"].max_row == worklist.height + 1
    services = {
        name: sheet.max_row - 1
        for name, sheet in zip(book.sheetnames, book.worksheets, strict=True)
        if name not in ("Worklist", "Read me")
    }
    assert sum(services.values()) == listed.height
    assert len(services) == listed["service"].n_unique() == 7
    head = [cell.value for cell in book["Worklist"][1]]
    numbers = {row[head.index("NHS number")] for row in book["Worklist"].iter_rows(min_row=2, values_only=True)}
    assert {number.replace(" ", "") for number in numbers if number} == set(worklist["nhs_number"].drop_nulls())
    sheet = book["Personalised care"]
    head = [cell.value for cell in sheet[1]]
    for heading, value in (("Action", "done"), ("Done by", "A. Link"), ("Date done", date(2025, 1, 10))):
        sheet.cell(2, head.index(heading) + 1).value = value
    book.save(tmp_path / "lists.xlsx")
    assert pophealth("actions", "import", site.config, tmp_path / "lists.xlsx") == 0
    part = json.loads(next((site.folder / "data" / "state" / "actions").iterdir()).read_text())
    assert part["patient_id"] == sheet.cell(2, head.index("Reference (do not change)") + 1).value
    assert (part["status"], part["when"], part["network_code"]) == ("done", "2025-01-10", delivery.name)


def test_everything_handed_over_is_the_same_bytes_at_any_number_of_threads(ingested, pophealth, tmp_path) -> None:
    files = []
    for threads in (1, 2):
        site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path / f"site{threads}")))
        site.hand_over_everything()
        site.configure(("threads = 2", f"threads = {threads}"))
        assert pophealth("run", site.config, "--index-date", DAY, "--network", site_network(site)) == 0
        files.append(json.loads((site.deliveries()[0] / "MANIFEST.json").read_text())["files"])
    assert files[0] == files[1]
    assert {"lists.xlsx", "index.html", "plan.arrow", "worklist.arrow", "changes.arrow"} <= set(files[0])


def test_practices_get_files_and_their_own_workbook_where_the_network_may_see_no_number(
    ingested, pophealth, tmp_path
) -> None:
    site = type(ingested)(Path(shutil.copytree(ingested.folder, tmp_path / "site")))
    site.hand_over_everything()
    site.configure(
        ("pages = true", "pages = false"), ('network_sharing_agreement = "DEMO-0001 (synthetic data)"\n', "")
    )
    assert pophealth("run", site.config, "--index-date", DAY, "--network", site_network(site)) == 0
    delivery = site.deliveries()[0]
    assert read(delivery, "worklist")["nhs_number"].null_count() == read(delivery, "worklist").height
    for practice in sorted((delivery / "practices").iterdir()):
        members = read(practice, "members").filter(pl.col("status") == "listed")
        sheet = openpyxl.load_workbook(practice / "lists.xlsx")["Worklist"]
        head = [cell.value for cell in sheet[1]]
        rows = list(sheet.iter_rows(min_row=2, values_only=True))
        assert {row[head.index("Practice")] for row in rows} == {practice.name}
        found = {row[head.index("NHS number")].replace(" ", "") for row in rows if row[head.index("NHS number")]}
        assert found == set(members["nhs_number"].drop_nulls())
        files = {path.stem: path.read_text().split() for path in (practice / "gp" / "nhs-only").glob("*.csv")}
        for rule_id, lines in files.items():
            assert set(lines) == set(members.filter(pl.col("rule_id") == rule_id)["nhs_number"].drop_nulls())
        assert set(files) == set(members.filter(pl.col("nhs_number").is_not_null())["rule_id"])


def site_network(site) -> str:
    return sorted(pl.read_parquet(site.folder / "memberships.parquet")["network_code"].unique())[0]
