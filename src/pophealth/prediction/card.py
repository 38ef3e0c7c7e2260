"""Gives a model's card: what its authors say of it, and what this training measured, by group and in plain figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pophealth.declare.model import ModelSpec
from pophealth.prediction.gates import check_gates

CEILING = (
    "National models of emergency admission or death reach an AUROC of about 0.80 and no more (SPARRAv4: 0.799, AUPRC "
    "0.389, Brier 0.0666 on 12.9 million person-times). A figure far above that says that something of the future leaked "
    "into the inputs."
)
SHOWN = ("auroc", "auprc", "calibration_in_the_large", "calibration_slope")


def render_card(spec: ModelSpec, words: str, report: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Give the card as Markdown.

    Parameters
    ----------
    words
        ``card.md`` of the model's folder: for whom, and what it must not be used for.
    facts
        What the training was: estimator, people, events, index dates, seed, code version, digest of the register.
    """
    outcome = spec.outcome.catalogue.words
    lines = [words.rstrip(), "", "## This version", ""]
    lines += [f"`{spec.id}`, specification {spec.version}: {outcome} within {spec.outcome.months} months.", ""]
    lines += [f"- {name.replace('_', ' ')}: {value}" for name, value in facts.items()]
    lines += ["", "## What it reached on people and dates it was not made from", ""]
    lines += _table(("figure", "estimate", "95 % interval"), _metric_rows(report.get("metrics", {})))
    lines += ["", CEILING, "", "## By group", ""]
    lines += _table(("group", "rows", "events", *SHOWN), _group_rows(report.get("subgroups", ())))
    lines += ["", "## Lists of a length that can be staffed", ""]
    lines += _table(
        ("listed", "found", "PPV", "sensitivity", "contacts for one"), _list_rows(report.get("operational", ()))
    )
    lines += ["", "## Gates", ""]
    gates = check_gates(spec, report)
    lines += [f"- {'passed' if gate.passed else 'NOT PASSED'}: {gate.words()}" for gate in gates] or ["None declared."]
    return "\n".join(lines) + "\n"


def _metric_rows(metrics: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(name, _number(item.get("estimate")), _bounds(item)) for name, item in metrics.items()]


def _group_rows(groups: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    rows = []
    for group in groups:
        figures = [(group["figures"].get(name) or {}).get("figure") or {} for name in SHOWN]
        shown = [f"{_number(item.get('estimate'))} ({_bounds(item)})" if item else "" for item in figures]
        rows.append((f"{group['grouping']} {group['group']}", f"{group['rows']:,}", f"{group['events']:,}", *shown))
    return rows


def _list_rows(rows: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return [
        (
            f"{row['listed']:,}",
            f"{row['true_positives']:,}",
            _number(row["ppv"]),
            _number(row["sensitivity"]),
            _number(row["to_contact"]),
        )
        for row in rows
    ]


def _bounds(item: Mapping[str, Any]) -> str:
    return f"{_number(item.get('low'))} to {_number(item.get('high'))}"


def _number(value: Any) -> str:
    return "none" if value is None else f"{value:.3f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
