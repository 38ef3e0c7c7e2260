"""`networks check` and `diff` on a small site: list sizes come from the register, problems end with 3."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from pophealth.commands.networks import networks_check, networks_diff
from pophealth.errors import ConfigError, DataContractError
from test_support import sites

DAY = datetime(2025, 1, 31)  # noqa: DTZ001 - as the command line gives it


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return sites.make_site(tmp_path / "site")


def test_a_site_without_problems_says_every_check(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    networks_check(config, index_date=DAY, json=True)
    findings = json.loads(capsys.readouterr().out)
    assert {(finding["check"], finding["outcome"]) for finding in findings} == {
        ("a", "ok"), ("b", "ok"), ("c", "ok"), ("d", "warning"), ("e", "not checked"), ("f", "ok"), ("g", "not checked"),
    }  # fmt: skip
    assert {finding["subject"]: finding["count"] for finding in findings if finding["check"] == "d"} == {
        "U11111": 1,
        "U22222": 2,
    }
    networks_check(config)  # the last day the extract knows
    assert capsys.readouterr().out.splitlines()[0].split() == ["check", "outcome", "of", "count", "what"]


def test_a_practice_in_no_network_ends_with_3(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config.parent / "memberships.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:2]) + "\n")
    with pytest.raises(DataContractError, match="2 problems") as caught:
        networks_check(config, index_date=DAY)
    assert caught.value.exit_code == 3
    assert "A81002" in capsys.readouterr().out


def test_arrangements_and_areas_are_read(config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arrangements, areas = tmp_path / "arranged.csv", tmp_path / "areas.csv"
    arrangements.write_text(
        "network_code,payee_code,clinical_director,size_reason\nU11111,A81001,Dr A,rural\nU22222,A81002,Dr B,rural\n"
    )
    areas.write_text("network_code,lsoa_code\nU11111,E01000001\n")
    networks_check(config, index_date=DAY, arrangements=arrangements, areas=areas, json=True)
    findings = json.loads(capsys.readouterr().out)
    assert {finding["outcome"] for finding in findings} == {"ok"}
    assert {finding["subject"]: finding["count"] for finding in findings if finding["check"] == "g"} == {
        "U11111": 1,
        "U22222": 2,
    }
    areas.write_text("network\nU11111\n")
    with pytest.raises(DataContractError, match=r"areas areas\.csv: columns lsoa_code, network_code are missing"):
        networks_check(config, index_date=DAY, areas=areas)
    with pytest.raises(DataContractError, match="cannot be read as CSV"):
        networks_check(config, index_date=DAY, areas=tmp_path / "absent.csv")


def test_diff_says_who_moved(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = config.parent / "memberships.csv"
    path.write_text(
        "practice_code,network_code,start_date,end_date\nA81001,U11111,2019-10-01,2024-04-01\n"
        "A81001,U22222,2024-04-01,\nA81002,U22222,2019-10-01,\n"
    )
    before, after = datetime(2024, 3, 31), datetime(2024, 4, 1)  # noqa: DTZ001
    networks_diff(config, first=before, second=after, json=True)
    (change,) = json.loads(capsys.readouterr().out)
    assert (change["practice_code"], change["change"], change["to_network"]) == ("A81001", "moved", "U22222")
    networks_diff(config, first=before, second=after)
    assert "A81001" in capsys.readouterr().out
    networks_diff(config, first=after, second=after)
    assert capsys.readouterr().out == "no practice changed its network\n"


def test_without_memberships_there_is_nothing_to_check(config: Path) -> None:
    config.write_text(config.read_text().replace("memberships =", "# memberships ="))
    with pytest.raises(ConfigError, match=r"reference\.memberships: missing"):
        networks_check(config, index_date=DAY)
