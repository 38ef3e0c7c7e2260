"""A configuration is whole or refused, with the key named; abuse ends in a message, never in a crash."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pophealth.config import load_config
from pophealth.errors import ConfigError
from pophealth.runs.keys import FIRST_CONFIG
from pophealth.terms import LegalBasis, Purpose

LEAST = """\
[site]
name = "test"
purpose = "case_finding"
[extract]
layout = "canonical"
path = "extract"
[extract.supplies]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def with_line(section: str, line: str) -> str:
    """The least configuration with one more line in a section."""
    if f"[{section}]" in LEAST:
        return LEAST.replace(f"[{section}]\n", f"[{section}]\n{line}\n")
    return f"{LEAST}[{section}]\n{line}\n"


def test_the_least_configuration_has_the_stated_defaults(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, LEAST))
    assert (config.site.purpose, config.site.legal_basis) == (Purpose.CASE_FINDING, LegalBasis.SECTION_251)
    assert (config.opt_outs.max_age_days, config.extract.minimum_row_share, config.runs.threads) == (8, 0.5, 2)
    assert config.site.synthetic is False
    assert config.site.network_sharing_agreement is None


def test_paths_are_of_the_file_and_not_of_whoever_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    text = with_line("reference", 'codelists = ["lists", "/abs/lists"]\nmemberships = "../ods.csv"')
    path = written(tmp_path, text)
    monkeypatch.chdir(tmp_path / "elsewhere")
    config = load_config(Path("..") / "config.toml")
    assert config == load_config(path)
    assert config.site.data_root == tmp_path / "data"
    assert config.reference.codelists == (tmp_path / "lists", Path("/abs/lists"))
    assert config.reference.memberships == tmp_path.parent / "ods.csv"


def test_the_first_configuration_that_init_writes_is_one(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, FIRST_CONFIG)).extract.layout == "canonical"


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("site", 'purpse = "x"', "site.purpse: unknown key; did you mean 'purpose'?"),
        (
            "extract",
            "minimum_rows_share = 0.5",
            "extract.minimum_rows_share: unknown key; did you mean 'minimum_row_share'?",
        ),
        ("extract.supplies", 'event = ["SNOMED"]', "extract.supplies.event: unknown key; did you mean 'events'?"),
        ("opt_out", "max_age_days = 8", "opt_out: unknown key; did you mean 'opt_outs'?"),
        ("runs", "zzzz = 1", "runs.zzzz: unknown key"),
    ],
)
def test_an_unknown_key_is_an_error_with_the_nearest_known_one(
    tmp_path: Path, section: str, line: str, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, with_line(section, line)))
    assert said in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("section", "line", "key"),
    [
        ("runs", 'threads = "2"', "runs.threads"),
        ("runs", "threads = true", "runs.threads"),
        ("runs", "threads = 2.0", "runs.threads"),
        ("runs", "threads = 0", "runs.threads"),
        ("runs", "threads = 100000000000000000000000", "runs.threads"),
        ("runs", 'rules = "all"', "runs.rules"),
        ("site", 'synthetic = "yes"', "site.synthetic"),
        ("site", "synthetic = 1", "site.synthetic"),
        ("site", 'legal_basis = "consent"', "site.legal_basis"),
        ("site", "approval_reference = 12", "site.approval_reference"),
        ("site", 'approval_reference = " "', "site.approval_reference"),
        ("site", "data_root = 5", "site.data_root"),
        ("site", 'contract_year = "2024-26"', "expected two consecutive years as in 2024-25"),
        ("site", 'contract_year = "2024-25\\n"', "expected two consecutive years as in 2024-25"),
        ("extract", "minimum_row_share = 1.5", "extract.minimum_row_share"),
        ("extract", "minimum_row_share = nan", "extract.minimum_row_share"),
        ("extract", "minimum_row_share = inf", "extract.minimum_row_share"),
        ("extract", "minimum_row_share = 1979-05-27", "extract.minimum_row_share"),
        ("extract", 'extract_date = "soon"', "extract.extract_date"),
        ("extract", "accept_fewer_rows = {}", "extract.accept_fewer_rows"),
        ("opt_outs", "max_age_days = -1", "opt_outs.max_age_days"),
        ("opt_outs", "max_age_days = 9223372036854775808", "opt_outs.max_age_days"),
        ("opt_outs", "national_list = []", "opt_outs.national_list"),
        ("extract.attribution", 'kind = "guess"', "extract.attribution"),
        ("extract.attribution", 'practice_code = "A81001"', "extract.attribution"),
    ],
)
def test_a_wrong_type_or_value_is_named_by_its_key(tmp_path: Path, section: str, line: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, with_line(section, line)))
    assert key in str(caught.value)


@pytest.mark.parametrize("key", ["name", "purpose"])
def test_what_must_be_said_must_be_said(tmp_path: Path, key: str) -> None:
    text = "".join(line for line in LEAST.splitlines(keepends=True) if not line.startswith(f"{key} "))
    with pytest.raises(ConfigError, match=f"site.{key}: Field required"):
        load_config(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (with_line("site", 'legal_basis = "direct_care"'), "legal_basis 'direct_care' needs approval_reference"),
        (
            LEAST.replace("case_finding", "commissioning").replace("name =", 'network_sharing_agreement = "X"\nname ='),
            "network_sharing_agreement excludes purpose 'commissioning'",
        ),
        (with_line("site", 'key_file = "k"\nsigning_key_file = "k"'), "signing_key_file and key_file are one file"),
        (LEAST.replace("canonical", "mapping"), "layout 'mapping': tables describe layout 'mapping', which needs one"),
        (
            with_line("extract.tables.events", 'file = "e.csv"\ncolumns = {}'),
            "layout 'canonical': tables describe layout 'mapping'",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(written(tmp_path, text))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00",
        b"\xff\xfe",
        b"site",
        b"[site\n",
        b"site = 5\n",
        b"[[site]]\n",
        b"[site]\n[site]\n",
        b"x = " + b"9" * 5_000,
        b"x = " + b"[" * 5_000 + b"]" * 5_000,
        b"x = {" + b"a = {" * 500,
        LEAST.replace('"extract"', '"a\\u0000b"').encode(),
        LEAST.replace('name = "test"', 'name = ["test"]').encode(),
    ],
    ids=range(13),
)  # fmt: skip
def test_abuse_ends_in_a_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"config .*config\.toml"):
        load_config(path)


def test_nothing_in_a_configuration_is_run_or_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "expanded")
    text = LEAST.replace('"test"', '"$SECRET ${SECRET} ~ {{ 1 }} !!python/object"')
    assert load_config(written(tmp_path, text)).site.name == "$SECRET ${SECRET} ~ {{ 1 }} !!python/object"


def test_an_absent_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "absent.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KNOWN = tomllib.loads(LEAST)


@settings(max_examples=150, deadline=None)
@given(
    place=st.sampled_from(["site", "extract", "reference", "opt_outs", "runs", "restricted"]),
    key=st.data(),
    value=VALUES,
)
def test_whatever_stands_at_a_key_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, place: str, key: st.DataObject, value: Any
) -> None:
    from pydantic import ValidationError

    from pophealth.config import Config

    fields = sorted(Config.model_fields[place].annotation.model_fields)  # type: ignore[union-attr]
    name = key.draw(st.sampled_from(fields))
    table = KNOWN | {place: KNOWN.get(place, {}) | {name: value}}
    try:
        made = Config.model_validate_json(json.dumps(table, default=str))
    except ValidationError:
        return
    assert Config.model_validate_json(made.model_dump_json(exclude_unset=True)) == made


def digest(folder: Path, text: str) -> str:
    folder.mkdir(exist_ok=True)
    return load_config(written(folder, text)).digest()


MAPPED = LEAST.replace("canonical", "mapping") + '[extract.tables.events]\nfile = "e.csv"\ncolumns = { code = "c" }\n'


def test_the_digest_follows_settings_and_not_places(tmp_path: Path) -> None:
    base = digest(tmp_path / "a", LEAST)
    assert digest(tmp_path / "b", LEAST) == base
    for section, line in (
        ("site", 'data_root = "/elsewhere"'),
        ("site", 'signing_key_file = "s"'),
        ("reference", 'memberships = "x"\ncodelists = ["y"]'),
        ("opt_outs", 'national_list = "z"'),
        ("runs", "threads = 9"),
        ("scores", 'townsend_file = "t"'),
    ):
        assert digest(tmp_path / "c", with_line(section, line)) == base, line
    for section, line in (
        ("site", 'legal_basis = "direct_care"\napproval_reference = "x"'),
        ("site", "synthetic = true"),
        ("extract.supplies", 'events = ["SNOMED"]'),
        ("runs", 'rules = ["a"]'),
    ):
        assert digest(tmp_path / "c", with_line(section, line)) != base, line
    mapped = digest(tmp_path / "d", MAPPED)
    assert digest(tmp_path / "d", MAPPED.replace("e.csv", "f.csv")) == mapped
    assert digest(tmp_path / "d", MAPPED.replace('"c"', '"d"')) != mapped


def test_a_configuration_cannot_be_changed_after_it_was_read(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, LEAST))
    with pytest.raises(ValueError, match="frozen"):
        config.site.name = "other"  # type: ignore[misc]
