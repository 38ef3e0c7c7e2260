"""A run's id holds every input that decides a result, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pophealth.config import load_config
from pophealth.pseudonyms import LENGTH
from pophealth.runs import night
from pophealth.runs.engines.threads import Outcome
from pophealth.runs.identity import run_id
from pophealth.runs.journal import Journal
from pophealth.runs.keys import initialise_keys
from test_support import deliveries, sites

DAY = date(2025, 1, 31)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sites.make_site(tmp_path_factory.mktemp("made") / "site").parent


@pytest.fixture
def site(made: Path, tmp_path: Path) -> Path:
    """The folder of a site that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "site"))


def identity(site: Path, day: date = DAY) -> str:
    return night.open_night(load_config(site / "config.toml"), day).run_id


def set_(site: Path, section: str, line: str) -> None:
    """Put a line into a section of the configuration."""
    path = site / "config.toml"
    text = path.read_text()
    path.write_text(
        text.replace(f"[{section}]\n", f"[{section}]\n{line}\n")
        if f"[{section}]" in text
        else f"{text}\n[{section}]\n{line}\n"
    )


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def own_codelist(site: Path) -> None:
    put(
        site / "lists" / "hypertension.csv",
        "# title: x\n# version: 1\n# source: x\n# licence: x\ncode,code_system,term\nSYN:1,SYNTHETIC,x\n",
    )
    set_(site, "reference", 'codelists = ["lists"]')


def own_rules(site: Path) -> None:
    folder = Path(night.__file__).parents[1] / "cohorts" / "medication_review"
    rule = (folder / "ten_or_more_repeat_medicines.toml").read_text()
    put(
        site / "rules" / "medication_review" / "ten_or_more_repeat_medicines.toml",
        rule.replace("minutes       = 30", "minutes = 31"),
    )
    set_(site, "reference", 'rules = ["rules"]')


def earlier_run(site: Path) -> None:
    journal = Journal(site / "data")
    journal.started("1" * 64, date(2025, 1, 1), [deliveries.NETWORK])
    journal.network("1" * 64, Outcome(deliveries.NETWORK, site))


INPUTS: dict[str, Callable[[Path], object]] = {
    "register": lambda s: sites.write_register(s / "data", died=date(2025, 2, 1)),
    "memberships": lambda s: swap(s / "memberships.csv", "2019-10-01", "2019-10-02"),
    "areas": lambda s: swap(s / "areas.csv", "26525,8", "26525,9"),
    "medicine map": lambda s: swap(s / "medicines.csv", ",a,", ",b,"),
    "codelists": own_codelist,
    "rules": own_rules,
    "national opt-outs": lambda s: sites.write_list(s / "national.csv", "9990000018"),
    "type 1 opt-outs": lambda s: sites.write_list(s / "type_1.csv", "9990000018"),
    "legal basis": lambda s: set_(s, "site", 'legal_basis = "direct_care"\napproval_reference = "X"'),
    "purpose": lambda s: swap(
        s / "config.toml", '"case_finding"\nnetwork_sharing_agreement = "DSA 1"', '"development"'
    ),
    "agreement": lambda s: swap(s / "config.toml", "DSA 1", "DSA 2"),
    "contract year": lambda s: set_(s, "site", 'contract_year = "2023-24"'),
    "chosen rules": lambda s: set_(s, "runs", 'rules = ["ten_or_more_repeat_medicines"]'),
    "what is supplied": lambda s: set_(s, "extract.supplies", "deaths = true"),
    "the run before": earlier_run,
}


@pytest.mark.parametrize("name", INPUTS)
def test_each_input_changes_it(site: Path, name: str) -> None:
    before = identity(site)
    INPUTS[name](site)
    assert identity(site) != before


def test_the_index_date_and_the_release_change_it(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = identity(site)
    assert identity(site, date(2025, 1, 30)) != before
    monkeypatch.setattr(night, "__version__", "0.0.0")
    assert identity(site) != before


def moved(site: Path) -> Path:
    return site.rename(site.with_name("elsewhere"))


def renamed_files(site: Path) -> None:
    for old, new in (("areas.csv", "imd.csv"), ("memberships.csv", "ods.csv"), ("national.csv", "optouts.csv")):
        (site / old).rename(site / new)
        swap(site / "config.toml", f'"{old}"', f'"{new}"')


def reordered(site: Path) -> None:
    path = site / "memberships.csv"
    head, *rows = path.read_text().splitlines()
    path.write_text("\n".join([head, *reversed(rows)]) + "\n")


def other_signing_key(site: Path) -> None:
    for name in ("signing.key", "signing.pub"):
        (site / "keys" / name).unlink()
    initialise_keys(site / "keys")


NO_INPUTS: dict[str, Callable[[Path], object]] = {
    "where the site lies": moved,
    "names of files": renamed_files,
    "threads": lambda s: set_(s, "runs", "threads = 7"),
    "a comment": lambda s: put(s / "config.toml", "# hello\n" + (s / "config.toml").read_text()),
    "order of rows": reordered,
    "a later run": lambda s: Journal(s / "data").started("2" * 64, date(2025, 2, 1), []),
    "an earlier run that delivered nothing": lambda s: Journal(s / "data").started("2" * 64, date(2025, 1, 1), []),
    "the signing key": other_signing_key,
    "a key of the configuration said as its default": lambda s: set_(s, "opt_outs", "max_age_days = 8"),
}


@pytest.mark.parametrize("name", NO_INPUTS)
def test_nothing_else_changes_it(site: Path, name: str) -> None:
    before = identity(site)
    now_at = NO_INPUTS[name](site)
    assert identity(now_at if isinstance(now_at, Path) and now_at.is_dir() else site) == before


def test_the_choice_of_networks_is_not_in_it(site: Path) -> None:
    """A run grows network by network under one id: the id is known before any network is chosen."""
    assert "networks" not in night.open_night.__code__.co_varnames


def test_an_id_is_64_hex_digits_whatever_the_order_of_the_parts() -> None:
    assert run_id({"a": 1, "b": 2}) == run_id({"b": 2, "a": 1})
    assert run_id({"a": 1}) != run_id({"a": "1"})
    assert len(run_id({})) == 64 > LENGTH
