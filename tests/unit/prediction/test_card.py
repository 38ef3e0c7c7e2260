"""Gates, card and pictures say what the report says, and what it does not say."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from pophealth.declare.model import parse_model
from pophealth.prediction.card import render_card
from pophealth.prediction.gates import check_gates
from pophealth.prediction.plots import pictures
from test_support.models import SMALL

SPEC = replace(
    parse_model(tomllib.loads(SMALL.replace("{min_auroc}", "0.7")), folder_name="emergency_admission_12m"),
    gates={
        "min_auroc": 0.7,
        "calibration_slope": [0.9, 1.1],
        "max_ici": 0.01,
        "min_events": 100,
        "max_subgroup_auroc_gap": 0.1,
    },
)


def interval(estimate: float | None, low: float | None = None, high: float | None = None) -> dict[str, float | None]:
    return {"estimate": estimate, "low": low, "high": high}


def group(name: str, gap: dict[str, float | None], *, events: int = 15, beyond: float = 0.0) -> dict[str, object]:
    """A group in which the share of events is `beyond` above what was foretold."""
    figures = {
        "auroc": {"figure": interval(0.7, 0.6, 0.8), "gap": gap},
        "calibration_in_the_large": {"figure": interval(beyond, beyond, beyond), "gap": gap},
    }
    return {"grouping": "sex", "group": name, "rows": 50, "people": 40, "events": events, "figures": figures}


REPORT = {
    "events": 120,
    "metrics": {
        "auroc": interval(0.75, 0.7, 0.8),
        "calibration_slope": interval(1.0, 0.9, 1.1),
        "ici": interval(0.005),
    },
    "calibration_curve": [{"risk": 0.1, "observed": 0.12}, {"risk": 0.5, "observed": 0.4}],
    "decision_curve": [{"threshold": 0.1, "net_benefit": 0.02, "treat_all": 0.01}],
    "operational": [{"listed": 50, "true_positives": 10, "ppv": 0.2, "sensitivity": 0.1, "to_contact": None}],
    "subgroups": [group("female", interval(0.02, 0.01, 0.03)), group("male", interval(-0.05, -0.08, -0.02))],
}


def passed(report: dict[str, object]) -> dict[str, bool]:
    return {gate.name: gate.passed for gate in check_gates(SPEC, report)}


def test_every_gate_passes_on_a_report_that_reaches_it() -> None:
    assert passed(REPORT) == dict.fromkeys(SPEC.gates, True)


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"events": 99}, "min_events"),
        ({"metrics": REPORT["metrics"] | {"auroc": interval(0.6999)}}, "min_auroc"),
        ({"metrics": REPORT["metrics"] | {"calibration_slope": interval(1.2)}}, "calibration_slope"),
        ({"metrics": REPORT["metrics"] | {"ici": interval(None)}}, "max_ici"),
        ({"metrics": REPORT["metrics"] | {"ici": interval(float("nan"))}}, "max_ici"),
        ({"subgroups": [group("male", interval(-0.2, -0.3, -0.1))]}, "max_subgroup_auroc_gap"),
        ({"subgroups": []}, "max_subgroup_auroc_gap"),
    ],
)
def test_one_gate_shuts_and_no_other(change: dict[str, object], gate: str) -> None:
    assert [name for name, open_ in passed(REPORT | change).items() if not open_] == [gate]


def test_a_gap_that_chance_explains_shuts_no_gate() -> None:
    assert passed(REPORT | {"subgroups": [group("male", interval(-0.2, -0.5, 0.1))]})["max_subgroup_auroc_gap"]


def test_a_handful_of_people_shuts_no_gate_and_missing_events_do() -> None:
    gap = interval(-0.2, -0.3, -0.1)
    rest = [group("female", interval(0.02, 0.01, 0.03))]
    few = [group("not known", gap, events=0, beyond=-0.1), *rest]  # 5 of 50 were expected
    assert passed(REPORT | {"subgroups": few})["max_subgroup_auroc_gap"]
    none_where_many_were_due = [group("male", gap, events=0, beyond=-0.4), *rest]
    assert not passed(REPORT | {"subgroups": none_where_many_were_due})["max_subgroup_auroc_gap"]


def test_the_words_of_a_gate_name_what_was_asked_and_found() -> None:
    words = {gate.name: gate.words() for gate in check_gates(SPEC, REPORT)}
    assert words["max_subgroup_auroc_gap"] == "max_subgroup_auroc_gap asks 0.1, found 0.05 (sex male)"
    assert words["calibration_slope"] == "calibration_slope asks 0.9 to 1.1, found 1"
    lacking = check_gates(SPEC, {})[0].words()
    assert lacking == "min_auroc asks 0.7, found no figure"


def test_the_card_shows_figures_groups_lists_gates_and_the_national_ceiling() -> None:
    card = render_card(SPEC, "# For whom\n\nAdults.\n", REPORT, {"seed": 7})
    assert card.startswith("# For whom\n\nAdults.\n\n## This version")
    assert "| auroc | 0.750 | 0.700 to 0.800 |" in card
    assert "| ici | 0.005 | none to none |" in card
    assert "| sex male | 50 | 15 | 0.700 (0.600 to 0.800)" in card
    assert "| 50 | 10 | 0.200 | 0.100 | none |" in card
    assert "- passed: min_events asks 100, found 120" in card
    assert "0.799" in card
    assert "- NOT PASSED: min_events" in render_card(SPEC, "x", REPORT | {"events": 1}, {})


def test_pictures_are_png_equal_for_equal_reports_and_drawn_without_figures_too(tmp_path: Path) -> None:
    drawn = pictures("A model", REPORT)
    assert set(drawn) == {"calibration.png", "decision_curve.png", "subgroups.png"}
    assert all(picture.startswith(b"\x89PNG") for picture in drawn.values())
    assert drawn == pictures("A model", REPORT)
    assert set(pictures("Nothing", {})) == set(drawn)
    other = REPORT | {"calibration_curve": [{"risk": 0.1, "observed": 0.3}]}
    changed = pictures("A model", other)
    assert [name for name in drawn if drawn[name] != changed[name]] == ["calibration.png"]
