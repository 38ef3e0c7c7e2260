"""The registers of section 11.1 that ask for an age, a medicine or a finding: people of `registers.txt`, from records."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest

from hand_cases import REGISTERS, Case, read_cases
from pophealth.features import load_features

CASES = read_cases(REGISTERS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_register_asks_for_age_medicine_date_and_no_resolved_code(
    case: Case, everybody: tuple[dict[str, Any], dict[tuple[str, str], str]]
) -> None:
    person = everybody[0][case.name]
    assert {name: str(person[name]).lower() for name in case.columns} == case.columns


def test_every_register_with_a_condition_has_people_on_both_sides() -> None:
    said: defaultdict[str, set[str]] = defaultdict(set)
    for case in CASES:
        for name, value in case.columns.items():
            said[name].add(value)
    registers = {name for name, feature in load_features().items() if feature.kind in ("all_of", "any_of")}
    assert {f"on_{name}_register" for name in ("asthma", "ckd", "depression", "diabetes", "epilepsy")} < registers
    assert {name: said[name] - {"none"} for name in registers} == {name: {"true", "false"} for name in registers}
