"""Gives what a network's own records lack: what is not recorded, by practice, and which lists it keeps from being right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.pages import words

if TYPE_CHECKING:
    from pophealth.delivery.parcel import Parcel

LOOKED_AT = (
    ("ethnicity_latest", "Ethnicity", "everybody", 0),
    ("imd_quintile", "Area of residence (deprivation)", "everybody", 0),
    ("qrisk_smoking", "Smoking status", "25 and over", 25),
    ("sbp_latest_5y_mmhg", "Blood pressure in 5 years", "40 and over", 40),
    ("bmi_latest_5y_kg_m2", "Body mass index in 5 years", "40 and over", 40),
    ("total_cholesterol_latest_mmol_l", "Cholesterol, ever", "40 and over", 40),
    ("qrisk_recorded_latest_percent", "Ten-year CVD risk, ever", "40 and over", 40),
    ("cfs_latest", "Clinical frailty scale", "75 and over", 75),
)
"""Column of patients, what it is, of whom it is asked, and from which age on."""

UNDECIDED_SHOWN = 12


def quality_of(parcel: Parcel) -> dict[str, Any]:
    """Give the values of the page on data quality: shares recorded, lists that cannot be decided, who was left out."""
    summary = parcel.summary
    rules = summary["rules"].items()
    undecided = [{"id": rule_id, "because": _because(rule), **rule} for rule_id, rule in rules if rule.get("unknown")]
    undecided.sort(key=lambda rule: (-rule["unknown"], rule["id"]))
    return {
        "recorded": recorded(parcel.patients),
        "practices": sorted(summary["practices"]),
        "practice_facts": summary["practices"],
        "practice_names": parcel.facts.get("practice_names") or {},
        "undecided": undecided[:UNDECIDED_SHOWN],
        "undecided_count": len(undecided),
        "not_computable": [{"id": rule_id, **rule} for rule_id, rule in rules if rule.get("not_computable")],
        "silence": [silent for silent in summary.get("silence") or () if isinstance(silent, dict)],
        "absent_practices": summary.get("absent_practices") or [],
        "left_out": summary.get("left_out_at_delivery") or {},
        "progress": _progress(summary),
        "models": _models(summary.get("monitoring") or {}),
    }


def recorded(patients: pl.DataFrame) -> list[dict[str, Any]]:
    """Give, for each thing looked at that this run computed, how many have it recorded: in all and by practice."""
    made = []
    for column, title, of_whom, from_age in LOOKED_AT:
        if column not in patients.columns:
            continue
        asked = patients.filter(pl.col("age_years") >= from_age) if from_age else patients
        known = pl.col(column).is_not_null()
        if column == "ethnicity_latest":
            known &= ~pl.col(column).cast(pl.String).is_in(["not_known", "not_stated"])
        rows = (
            asked.group_by(pl.col("practice_code").cast(pl.String))
            .agg(pl.len().alias("people"), known.sum().alias("recorded"))
            .sort("practice_code")
        )
        by_practice = {code: (there, people) for code, people, there in rows.iter_rows()}
        whole = sum(there for there, _ in by_practice.values()), sum(people for _, people in by_practice.values())
        made.append({"title": title, "of_whom": of_whom, "by_practice": by_practice, "whole": whole})
    return made


def _because(rule: dict[str, Any]) -> str:
    """Give in words what the criterion reads that most people's answer is unknown for."""
    steps = [step for step in rule["attrition"] if step["step"] == "include" and step["unknown"]]
    if not steps:
        return ""
    named = max(steps, key=lambda step: step["unknown"])["criterion"]
    asked = next((c for c in rule["criteria"] if c["id"] == named), None)
    if asked is None:
        return words.spelled(named)
    names = dict.fromkeys(
        re.findall(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)+", re.sub(r"'[^']*'", "", asked.get("bound") or asked["predicate"]))
    )
    said = [words.feature(name) for name in names if not name.startswith("age_")]
    return " or ".join(said[:2]) or words.spelled(named)


def _progress(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """Give what the network's returned actions say of each rule, and how many of them called it not appropriate.

    The rules that teams disagree with most come first: they are the ones to look at.
    """
    disagreed = summary.get("disagreements") or {}
    rows = [
        {"id": rule_id, "title": summary["rules"][rule_id]["title"], "service": summary["rules"][rule_id]["service"]}
        | {action: counts.get(action, 0) for action in words.ACTIONS}
        | {"disagreed": disagreed.get(rule_id)}
        for rule_id, counts in sorted((summary.get("progress") or {}).items())
        if rule_id in summary["rules"]
    ]
    return sorted(rows, key=lambda row: -(row["disagreed"] or {}).get("not_appropriate", 0))


def _models(monitoring: dict[str, Any]) -> list[dict[str, Any]]:
    """Give, for each prediction model in use, how far this network's people are from those it learned from.

    With it, whether the risks of an earlier delivery came true, and the limits that were passed.
    """
    return [_model(model_id, told) for model_id, told in sorted(monitoring.items())]


def _model(model_id: str, told: dict[str, Any]) -> dict[str, Any]:
    moved = {name: index for name, index in (told.get("psi") or {}).items() if index is not None and name != _RISK}
    most = max(moved, key=lambda name: (moved[name], name), default=None)
    breaches = [
        f"{breach['what']} of {words.feature(breach['column'])}: {breach['found']:.2f}, limit {breach['limit']:g}"
        for breach in told.get("breaches", ())
    ]
    outcomes = [
        {"of_whom": of_whom, **told[key]}
        for key, of_whom in (("in_the_large", "everybody followed"), ("in_the_large_held_out", "those held out"))
        if told.get(key)
    ]
    return {
        "title": words.first_upper(words.model(model_id)),
        "version": told.get("version"),
        "people": told.get("people"),
        "risk_index": (told.get("psi") or {}).get(_RISK),
        "most_moved": None if most is None else f"{words.feature(most)}: {moved[most]:.2f}",
        "imputed": told.get("imputed_share"),
        "breaches": breaches,
        "outcomes": outcomes,
    }


_RISK = "risk"
