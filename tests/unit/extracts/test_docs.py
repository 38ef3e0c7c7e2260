"""What is written about extracts is what they are: tables, rules, reasons and settings, none missing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pophealth import config
from pophealth.cohorts import load_rules
from pophealth.config import load_config
from pophealth.errors import ConfigError
from pophealth.extracts import codes, merges, omop, parts, people, plausible, quarantine
from pophealth.extracts.canonical import READ
from pophealth.extracts.columns import column_types, required_columns
from pophealth.extracts.conservation import UNATTRIBUTED, WITHHELD
from pophealth.extracts.reading import FIELDS_RULE
from pophealth.runs.checks import check_config
from pophealth.tables import EXTRACT_TABLES

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "extracts.md").read_text("utf-8")
EXAMPLE = ROOT / "configs" / "icb.example.toml"


def described() -> dict[str, tuple[set[str], set[str]]]:
    rows = re.findall(r"^\| `(\w+)` \| [^|`]+ \|([^|]*)\|([^|]*)\|$", PAGE, re.MULTILINE)
    return {
        name: (set(re.findall(r"`(\w+)`", needed)), set(re.findall(r"`(\w+)`", more))) for name, needed, more in rows
    }


def test_every_canonical_table_is_described_column_by_column() -> None:
    contracts = {name: (set(required_columns(name)), set(EXTRACT_TABLES[name].optional)) for name in READ}
    assert described() == contracts
    for name in READ:
        assert set(column_types(name)) == contracts[name][0] | contracts[name][1]


def test_every_rule_and_reason_has_its_line() -> None:
    told = {text.replace("\\", "") for text in re.findall(r"`([^`\n]+)`", PAGE)}
    named = {
        codes.CHECK_DIGIT, codes.CHARACTERS, codes.SYNTHETIC, codes.RESTRICTED, merges.CYCLE, merges.UNKNOWN_TARGET,
        parts.MERGED, parts.NO_PRACTICE, people.QUARANTINED, people.DUPLICATE_KEY, people.DUPLICATE_NUMBER,
        people.DEATH_UNUSABLE, people.TYPE_1, people.OPT_OUT_UNREADABLE, quarantine.UNKNOWN_PERSON,
        quarantine.BOOKED_LATER, omop.CONDITION_AMONG_DRUGS, FIELDS_RULE, WITHHELD, UNATTRIBUTED,
        f"value|{plausible.NOT_ABOVE}", "value|implausible_<codelist>", "nhs_number|check_digit", "nhs_number|all_zero",
        "nhs_number|test", "<column>|unreadable",
    }  # fmt: skip
    kinds = (quarantine.FUTURE, quarantine.PLACEHOLDER, quarantine.BEFORE_BIRTH, quarantine.AFTER_DEATH)
    named |= {f"<date>|{kind}" for kind in kinds}
    for table in READ:
        for rule in EXTRACT_TABLES[table].row_rules():
            named.add(f"<column>|{rule.split('|')[1]}" if "|" in rule else rule)
    assert named <= told, sorted(named - told)


@pytest.mark.parametrize("section", [item for item in config.Section.__subclasses__() if item is not config.Config])
def test_the_example_shows_every_setting(section: type[config.Section]) -> None:
    text = EXAMPLE.read_text("utf-8")
    missing = [name for name in section.model_fields if re.search(rf"\b{name}\b", text) is None]
    assert missing == []


def test_the_example_loads_and_lacks_nothing_but_files() -> None:
    loaded = load_config(EXAMPLE)
    assert loaded.extract.tables["problems"].table == "events"
    assert loaded.extract.plausible["hba1c"].units == ("mmol/mol",)
    with pytest.raises(ConfigError, match="paths that do not exist"):
        check_config(loaded)


def test_the_mapping_of_the_example_can_be_meant(tmp_path: Path) -> None:
    from pophealth.extracts.layouts import open_layout

    (tmp_path / "extract").mkdir()
    text = EXAMPLE.read_text("utf-8").replace('path = "extract"', f'path = "{tmp_path / "extract"}"')
    (tmp_path / "site.toml").write_text(text)
    layout = open_layout(load_config(tmp_path / "site.toml").extract)
    assert set(layout.files(layout.parts[0])) == set(load_config(EXAMPLE).extract.tables)


@pytest.mark.parametrize("name", ["real-omop", "real-synthea-uk"])
def test_the_shipped_configurations_load(name: str) -> None:
    loaded = load_config(ROOT / "configs" / f"{name}.toml")
    assert loaded.site.contract_year == "2024-25"
    assert loaded.site.synthetic
    assert load_rules()


def test_no_file_of_the_room_writes_a_path_of_a_machine() -> None:
    for path in (ROOT / "src" / "pophealth" / "extracts").glob("*.py"):
        texts = [node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)]
        assert not [text for text in texts if isinstance(text, str) and re.match(r"/(home|work|tmp|usr)/", text)]
