"""`config check` opens every file a configuration names, once, and says what it amounts to."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pophealth.commands.setup import config_check
from pophealth.config import load_config
from pophealth.errors import ConfigError, DataContractError, PophealthError
from pophealth.runs.checks import check_config
from test_support import sites


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return sites.make_site(tmp_path / "site", register=False)


def add(path: Path, section: str, line: str) -> None:
    path.write_text(path.read_text().replace(f"[{section}]\n", f"[{section}]\n{line}\n"))


def test_what_a_configuration_amounts_to(config_file: Path) -> None:
    add(config_file, "site", 'contract_year = "2024-25"')
    facts = check_config(load_config(config_file))
    assert facts["site"] == "test"
    assert (facts["purpose"], facts["legal_basis"], facts["layout"]) == ("case_finding", "section_251", "canonical")
    assert (facts["membership_rows"], facts["membership_warnings"]) == (2, [])
    assert (facts["areas"], facts["medicines_mapped"]) == (1, 1)
    assert 0 < facts["rules_in_force"] <= facts["rules"]
    assert len(facts["pointers_not_filled"]) < facts["codelists"]
    assert facts["configuration_digest"] == load_config(config_file).digest()


def test_the_command_prints_it_for_people_and_for_machines(
    config_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_check(config_file, json=True)
    facts = json.loads(capsys.readouterr().out)
    config_check(config_file, json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(facts)
    assert str(sites.NETWORKS) not in "".join(lines)


SPOILED: dict[str, tuple[Callable[[Path], object], type[PophealthError], str]] = {
    "no extract": (lambda s: (s / "extract").rmdir(), ConfigError, r"1 paths that do not exist: extract.path = "),
    "two files gone": (
        lambda s: [(s / name).unlink() for name in ("areas.csv", "national.csv")],
        ConfigError,
        r"2 paths that do not exist: opt_outs.national_list = .*; reference.areas_2021 = ",
    ),
    "an open key": (
        lambda s: (s / "keys" / "site.key").chmod(0o644),
        ConfigError,
        r"site.key_file: .* can be read by others",
    ),
    "an open signing key": (
        lambda s: (s / "keys" / "signing.key").chmod(0o640),
        ConfigError,
        r"site.signing_key_file: .* can be read by others",
    ),
    "a key under the data": (
        lambda s: (shutil.move(s / "keys", s / "data" / "keys"), swap(s, '"keys/', '"data/keys/')),
        ConfigError,
        r"lies under site.data_root; a copy of the data must not carry its key",
    ),
    "a damaged membership": (
        lambda s: (s / "memberships.csv").write_text("practice_code\nA81001\n"),
        DataContractError,
        r"memberships memberships.csv: columns network_code, start_date are missing",
    ),
    "the wrong edition": (
        lambda s: (s / "areas.csv").write_text("lsoa11_code,imd2019_rank,imd2019_decile\nE01000001,1,1\n"),
        DataContractError,
        r"areas areas.csv: columns .* are missing",
    ),
    "a damaged codelist": (
        lambda s: (
            (s / "lists").mkdir(),
            (s / "lists" / "x.csv").write_text("code\n1\n"),
            swap(s, "[reference]", '[reference]\ncodelists = ["lists"]'),
        ),
        DataContractError,
        r"codelist x.csv: the head lacks",
    ),
    "an unknown rule": (
        lambda s: swap(s, "[opt_outs]", '[runs]\nrules = ["no_such_rule"]\n[opt_outs]'),
        PophealthError,
        r"no_such_rule",
    ),
}


def swap(site: Path, old: str, new: str) -> None:
    path = site / "config.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_wrong_is_said_before_any_record_is_read(tmp_path: Path, config_file: Path, name: str) -> None:
    add(config_file, "site", 'contract_year = "2024-25"')
    (config_file.parent / "data").mkdir()
    spoil, error, said = SPOILED[name]
    spoil(config_file.parent)
    with pytest.raises(error, match=said) as caught:
        check_config(load_config(config_file))
    assert caught.value.exit_code in (2, 3)
