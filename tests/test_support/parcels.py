"""Made-up parcels of any size: what a network is handed, with declared rules; people, records and plan drawn by a seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from pophealth.cohorts.rules import load_rules
from pophealth.delivery.parcel import Parcel
from pophealth.planning.changes import counted
from pophealth.runs.summary import rule_facts

YEAR, INDEX = "2024-25", date(2025, 1, 31)
NETWORK = "U12345"
MONITORING = {
    "emergency_admission_12m": {
        "version": "3",
        "people": 220,
        "psi": {"risk": 0.04, "age_years": 0.02, "efi_deficit_count": 0.31},
        "imputed_share": 0.12,
        "breaches": [
            {"what": "stability index", "column": "efi_deficit_count", "found": 0.31, "limit": 0.2, "stops": False}
        ],
        "in_the_large": {
            "people": 200,
            "events": 21,
            "expected": 18.4,
            "gap": 0.01,
            "low": -0.02,
            "high": 0.04,
            "index_date": "2024-01-31",
        },
    }
}
PLACES = ("urgent", "owed", "planned", "waiting", "held_out")
POLYGLOT = "\"'><script>window.hit=1</script><img src=x onerror=window.hit=2><svg/onload=window.hit=3>{{7*7}}</title></style>-->"
"""Text that would run, or break out, wherever it is not escaped."""


@dataclass(frozen=True)
class Made:
    """How large a parcel is."""

    people: int = 240
    listed: int = 60
    practices: int = 2
    rules: int = 14
    records: int = 2
    seed: int = 7


def made_parcel(size: Made = Made(), agreement: str | None = "DSA 1", **more: Any) -> Parcel:
    """Give a parcel; `more` replaces its attributes."""
    drawn = np.random.default_rng(size.seed)
    codes = [f"A{81001 + place}" for place in range(size.practices)]
    patients = _patients(size, codes, drawn)
    rules = _rules(size)
    members = _members(size, rules, patients, drawn)
    listed = members.filter(pl.col("status") == "listed")
    worklist = _worklist(listed, patients, rules, drawn)
    practices = {code: members.filter(pl.col("practice_code") == code) for code in codes}
    changes = _changes(listed, drawn)
    if agreement is None:
        none = pl.lit(None, dtype=pl.String).alias("nhs_number")
        members, worklist = members.with_columns(none), worklist.with_columns(none)
    parcel = Parcel(
        facts=_facts(codes, agreement),
        summary=_summary(size, rules, members, codes, drawn, changes),
        members=members,
        patients=patients,
        evidence=_evidence(size, rules, listed, drawn),
        offers=pl.DataFrame(),
        worklist=worklist,
        changes=changes,
        contributions=_contributions(worklist),
        practices=practices,
    )
    return replace(parcel, **more)


def nhs_number(person: int) -> str:
    """Give ten digits that stand for nobody: of the range that real numbers are not taken from."""
    return f"999{person:07d}"


def _facts(codes: list[str], agreement: str | None) -> dict[str, Any]:
    return {
        "run_id": "ab" * 32, "network_code": NETWORK, "practices": codes, "index_date": INDEX.isoformat(),
        "contract_year": YEAR, "purpose": "case_finding", "legal_basis": "direct_care", "approval_reference": None,
        "network_sharing_agreement": agreement, "synthetic": True, "version": "0.1.0",
        "network_name": "Made-up Network", "practice_names": {code: f"Surgery {code}" for code in codes},
    }  # fmt: skip


def _rules(size: Made) -> dict[str, dict[str, Any]]:
    """Give every n-th declared rule as the summary says it, with those first that have an urgent tier or are owed."""
    declared = sorted(load_rules().values(), key=lambda rule: (rule.service, rule.id))
    first = [rule for rule in declared if rule.owed or any(tier.urgent for tier in rule.tiers)]
    spread = declared[:: max(1, len(declared) // size.rules)]
    chosen = {rule.id: rule for rule in [first[0], first[-1], *spread, *declared]}
    return {rule_id: rule_facts(rule, YEAR) for rule_id, rule in list(chosen.items())[: size.rules]}


def _patients(size: Made, codes: list[str], drawn: np.random.Generator) -> pl.DataFrame:
    ids = [hashlib.sha256(f"{size.seed}:{person}".encode()).hexdigest()[:32] for person in range(size.people)]
    ages = drawn.integers(0, 95, size.people)
    frame = pl.DataFrame(
        {
            "patient_id": ids,
            "age_years": ages.astype(np.int16),
            "sex": drawn.choice(["female", "male", "not_known"], size.people, p=[0.5, 0.49, 0.01]),
            "practice_code": drawn.choice(codes, size.people),
            "imd_quintile": drawn.integers(1, 6, size.people).astype(np.int8),
            "ethnicity_latest": drawn.choice(["white", "asian", "black"], size.people),
            "sbp_latest_5y_mmhg": drawn.normal(140, 15, size.people).round(),
        }
    )
    missing = pl.Series(drawn.random(size.people) < 0.3)
    return frame.with_columns(
        pl.when(~missing).then("ethnicity_latest").alias("ethnicity_latest"),
        pl.when(missing | (pl.col("age_years") > 50)).then("sbp_latest_5y_mmhg").alias("sbp_latest_5y_mmhg"),
    )


def _members(
    size: Made, rules: dict[str, dict[str, Any]], patients: pl.DataFrame, drawn: np.random.Generator
) -> pl.DataFrame:
    """Give listed rows of the first `listed` people, one to eight each, and as many people again whose need is met."""
    ids = list(rules)
    picks = []
    for person in range(min(2 * size.listed, size.people)):
        status = "listed" if person < size.listed else "met"
        number = int(drawn.integers(1, min(8, len(ids)) + 1)) if status == "listed" else 1
        picks += [(person, rule_id, status) for rule_id in sorted(drawn.choice(ids, number, replace=False))]
    rows = []
    for person, rule_id, status in picks:
        rule = rules[rule_id]
        tier = int(drawn.integers(0, len(rule["declared_tiers"])))
        include = [c for c in rule["criteria"] if c["part"] == "include"]
        unknown = [c["bit"] for c in rule["criteria"] if c["part"] == "adjust"][:1] if person % 5 == 0 else []
        rows.append(
            (
                NETWORK, patients["practice_code"][person], patients["patient_id"][person], rule["service"], rule_id,
                rule["catalogue_id"], YEAR, None, status, tier + 1 if status == "listed" else None,
                rule["declared_tiers"][tier]["label"] if status == "listed" else None,
                sum(1 << c["bit"] for c in include), sum(1 << bit for bit in unknown), [c["id"] for c in include],
                nhs_number(person) if status == "listed" else None, person % 7 == 0 and status == "listed",
            )
        )  # fmt: skip
    schema = {
        "network_code": pl.String, "practice_code": pl.String, "patient_id": pl.String, "service": pl.String,
        "rule_id": pl.String, "catalogue_id": pl.String, "contract_year": pl.String, "carried_from": pl.String,
        "status": pl.String, "tier": pl.Int8, "tier_label": pl.String, "criteria_true": pl.UInt64,
        "criteria_unknown": pl.UInt64, "reasons": pl.List(pl.String), "nhs_number": pl.String, "is_new": pl.Boolean,
    }  # fmt: skip
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    urgent = [(i, t["label"]) for i, rule in rules.items() for t in rule["declared_tiers"] if t["urgent"]]
    pairs = [{"rule_id": rule_id, "tier_label": label} for rule_id, label in urgent]
    is_urgent = pl.struct("rule_id", "tier_label").is_in(pairs)
    owed = pl.col("rule_id").is_in([rule_id for rule_id, rule in rules.items() if rule["owed"]])
    planned = pl.Series(drawn.random(frame.height) < 0.3)
    place = (
        pl.when(is_urgent).then(pl.lit("urgent")).when(owed).then(pl.lit("owed"))
        .when(planned).then(pl.lit("planned")).otherwise(pl.lit("waiting"))
    )  # fmt: skip
    return frame.with_columns(
        pl.when(pl.col("status") == "listed").then(place).alias("place"),
        pl.when(pl.col("status") == "listed")
        .then(pl.int_range(1, pl.len() + 1).over("rule_id"))
        .cast(pl.Int32)
        .alias("rank"),
    )


def _worklist(
    listed: pl.DataFrame, patients: pl.DataFrame, rules: dict[str, dict[str, Any]], drawn: np.random.Generator
) -> pl.DataFrame:
    facts = {rule_id: (rule["role"], rule["minutes"], rule["service"]) for rule_id, rule in rules.items()}
    placed = listed.with_columns(
        pl.col("place").cast(pl.Enum(PLACES)),
        role=pl.col("rule_id").replace_strict({i: f[0] for i, f in facts.items()}, return_dtype=pl.String),
        minutes=pl.col("rule_id").replace_strict({i: f[1] for i, f in facts.items()}, return_dtype=pl.Int32),
    )
    people = (
        placed.sort("place", "rule_id")
        .group_by("patient_id", maintain_order=True)
        .agg(
            pl.col("practice_code", "nhs_number").first(),
            pl.col("place").min(),
            pl.col("role").unique(maintain_order=True).alias("roles"),
            pl.col("minutes").sum(),
            pl.col("service").unique(maintain_order=True).alias("services"),
            pl.col("rule_id").alias("rules"),
            pl.col("tier_label").alias("tier_labels"),
            pl.col("is_new").any(),
        )
        .sort("place", "patient_id")
    )
    number = people.height
    return people.join(
        patients.select("patient_id", "age_years", "sex", "imd_quintile"),
        on="patient_id",
        how="left",
        maintain_order="left",
    ).with_columns(
        order=pl.int_range(1, number + 1, dtype=pl.Int32),
        is_urgent=pl.col("place") == "urgent",
        days_since_result=pl.when(pl.col("place") == "urgent")
        .then(pl.Series(drawn.integers(0, 60, number)))
        .cast(pl.Int32),
        months_since_seen=pl.Series(drawn.integers(0, 30, number), dtype=pl.Int32),
        risk=pl.Series(drawn.random(number) / 2),
        action_status=pl.when(pl.int_range(number) % 9 == 2).then(pl.lit("booked")),
    )


def _evidence(
    size: Made, rules: dict[str, dict[str, Any]], listed: pl.DataFrame, drawn: np.random.Generator
) -> pl.DataFrame:
    """Give some records behind every include criterion, and an absence behind what would meet the need."""
    criteria = pl.DataFrame(
        [
            (rule_id, c["id"], c["part"])
            for rule_id, rule in rules.items()
            for c in rule["criteria"]
            if c["part"] in ("include", "met_when", "adjust")
        ],
        schema={"rule_id": pl.String, "criterion": pl.String, "part": pl.String},
        orient="row",
    )
    rows = listed.select("patient_id", "rule_id").join(criteria, on="rule_id", how="inner", maintain_order="left")
    copies = pl.int_ranges(0, pl.when(pl.col("part") == "include").then(size.records).otherwise(1))
    rows = rows.with_columns(copy=copies).explode("copy", empty_as_null=True, keep_nulls=True)
    found = pl.col("part") == "include"
    days = pl.Series(drawn.integers(0, 700, rows.height))
    return rows.with_row_index("_row").select(
        "patient_id",
        "rule_id",
        "criterion",
        pl.lit("measurements").alias("table"),
        pl.when(found).then(pl.format("r{}", "_row")).alias("record_id"),
        pl.when(found).then(pl.lit(INDEX) - pl.duration(days=days)).cast(pl.Date).alias("date"),
        pl.when(found).then(pl.lit("SYN:1")).alias("code"),
        pl.when(found).then(pl.lit("SYNTHETIC")).alias("code_system"),
        pl.when(found).then(pl.lit("Systolic blood pressure")).alias("term"),
        pl.when(found).then(pl.Series(drawn.integers(90, 200, rows.height).astype(float))).alias("value"),
        pl.when(found).then(pl.lit("mmHg")).alias("unit"),
        pl.lit(INDEX - timedelta(days=365)).alias("window_from"),
        pl.lit(INDEX).alias("window_to"),
        pl.lit("has_bp_60m").alias("feature"),
    )


def _changes(listed: pl.DataFrame, drawn: np.random.Generator) -> pl.DataFrame:
    some = listed.filter("is_new").select("patient_id", "rule_id", "practice_code", "service")
    cause = drawn.choice(["record", "registered", "rule"], some.height)
    came = some.with_columns(pl.lit("entered").alias("change"), pl.Series("cause", cause, dtype=pl.String))
    gone = some.head(3).with_columns(pl.lit("left").alias("change"), pl.lit("death").alias("cause"))
    return pl.concat([came, gone])


def _contributions(worklist: pl.DataFrame) -> pl.DataFrame:
    told = [("age_years", "Age", "82 years", 0.6, "up"), ("on_statin_6m", "On a statin", None, -0.2, "down")]
    schema = {
        "feature": pl.String, "label": pl.String, "value_text": pl.String, "contribution": pl.Float64,
        "direction": pl.String,
    }  # fmt: skip
    frame = pl.DataFrame(told, schema=schema, orient="row").with_columns(model_id=pl.lit("m"))
    return worklist.head(20).select("patient_id").join(frame, how="cross")


def _summary(
    size: Made,
    rules: dict[str, dict[str, Any]],
    members: pl.DataFrame,
    codes: list[str],
    drawn: np.random.Generator,
    changes: pl.DataFrame,
) -> dict[str, Any]:
    counted = {(rule, status): n for rule, status, n in members.group_by("rule_id", "status").len().iter_rows()}
    made = {}
    for place, (rule_id, facts) in enumerate(rules.items()):
        listed, met = counted.get((rule_id, "listed"), 0), counted.get((rule_id, "met"), 0)
        tiers = members.filter((pl.col("rule_id") == rule_id) & (pl.col("status") == "listed"))["tier_label"]
        unknown = place % 3 * 4
        steps = [("registered", None, size.people, 0)]
        steps += [
            ("include", c["id"], listed + met + unknown, unknown) for c in facts["criteria"] if c["part"] == "include"
        ]
        ends = {"excluded": 0, "met": met, "adjusted": 0, "unknown": unknown, "listed": listed}
        steps += [(end, None, people, 0) for end, people in ends.items()]
        made[rule_id] = facts | {
            "carried_from": "2023-24" if place == 1 else None,
            "not_computable": "codelist frailty_made_up not supplied" if place == size.rules - 1 else None,
            **ends,
            "near_misses": int(drawn.integers(0, 50)),
            "tiers": dict(sorted(tiers.value_counts().iter_rows())),
            "attrition": [dict(zip(("step", "criterion", "people", "unknown"), step, strict=True)) for step in steps],
            "attrition_by_group": _by_group([people for _, _, people, _ in steps], wide=place == 2),
        }
    return {
        "schema": 1, "network_code": NETWORK, "index_date": INDEX.isoformat(), "contract_year": YEAR,
        "registered": size.people,
        "practices": {
            code: {"people": 10 + size.people // len(codes), "registered": size.people // len(codes), "opted_out": 3,
                   "died": 2, "not_registered": 4, "not_regular": 1, "not_born": 0}
            for code in codes
        },
        "absent_practices": [], "left_out_at_delivery": {"opted_out": 1, "died": 0, "deducted": 0},
        "silence": [{"feature": "has_gout", "share": 0.02, "expected": 4.8, "chance": 0.007}],
        "by_quintile": {str(q): size.people // 5 for q in range(1, 6)}, "rules": made,
        "plan": _plan(rules), "changes": _change_counts(rules, changes),
        "progress": {next(iter(rules)): {"reviewed": 3, "done": 2, "not_appropriate": 1}}, "monitoring": MONITORING,
        "disagreements": {next(iter(rules)): {"not_appropriate": 1, "answers": 6}},
    }  # fmt: skip


def _change_counts(rules: dict[str, dict[str, Any]], changes: pl.DataFrame) -> dict[str, Any]:
    """Give what the summary says of changes: of those who are gone, of whom no row is left, there are nine."""
    by_rule = counted(changes, "rule_id")
    first, role = next(iter(rules)), next(iter(rules.values()))["role"]
    by_rule.setdefault(first, {"entered": {}, "left": {}})["left"] |= {"opt_out": 4, "moved": 5}
    return {
        "previous_run": "cd" * 32,
        "previous_index_date": "2024-12-31",
        "by_rule": by_rule,
        "by_role": {role: {"entered": {"capacity": 2}, "left": {"record": 1, "capacity": 3}}},
    }


def _by_group(steps: list[int], *, wide: bool) -> dict[str, dict[str, list[int]]]:
    """Give the steps by deprivation: met (fourth from the end) and listed as asked for, so that one rule has a wide gap."""
    one, five = ([200, *[120] * (len(steps) - 6), 0, 20, 0, 0, 100], [200, *[120] * (len(steps) - 6), 0, 100, 0, 0, 20])
    same = [200, *[120] * (len(steps) - 6), 0, 60, 0, 0, 60]
    return {
        "imd_quintile": {"1": one if wide else same, "5": five if wide else same},
        "sex": {"female": same, "male": same},
    }


def _plan(rules: dict[str, dict[str, Any]]) -> dict[str, Any]:
    roles = sorted({rule["role"] for rule in rules.values()})
    return {
        "weeks": 4,
        "by_role": [
            {"role": role, "role_title": role.replace("_", " ").capitalize(), "slots": 40, "urgent": 2, "owed": 3,
             "planned": 9, "waiting": 30, "held_out": 0, "planned_people": 14, "slots_used": 41 if place == 0 else 20,
             "moved_by_floor": 1}
            for place, role in enumerate(roles)
        ],
        "floor": {
            "floors": [{"column": "imd_quintile", "values": ["1"], "share": 0.3, "approval_reference": None}],
            "brought_in": 3, "made_to_wait": 3, "people_put_back": 12, "ranks_put_back_median": 2, "ranks_put_back_most": 9,
        },
        "holdout": {"share": 0.1, "approval_reference": "CAG 1", "compared_people": 10, "drawn_people": 2, "held_out_people": 1},
        "if_slots_change": [{"role": roles[0], "slots_delta": delta, "people_delta": delta // 2} for delta in (-10, 10)],
    }  # fmt: skip


def poisoned(parcel: Parcel) -> Parcel:
    """Give a parcel with markup in every text that is not a code, a date or a word of the house; equal texts stay equal."""
    rules = parcel.summary["rules"]
    names = set(rules) | {c["id"] for rule in rules.values() for c in rule["criteria"]}
    names |= {rule["role"] for rule in rules.values()} | {role["role"] for role in parcel.summary["plan"]["by_role"]}
    bad = {name: f"{name}{POLYGLOT}" for name in names}
    keep = {*PLACES, "listed", "met", "include", "exclude", "adjust", "met_when", "registered", "excluded", "adjusted",
            "unknown", "V", "P", "K", "female", "male", "entered", "left", "up", "down", YEAR, "2023-24", "imd_quintile",
            "sex", "1", "5", "booked", "record", "rule", "death", "capacity", "moved", "opt_out",
            "2024-12-31", "2024-01-31", "case_finding", INDEX.isoformat(), "measurements",
            *parcel.facts["practices"], NETWORK, *{rule["service"] for rule in rules.values()}}  # fmt: skip

    def text(value: str) -> str:
        return value if value in keep else bad.setdefault(value, f"{value}{POLYGLOT}")

    frames = {
        name: _poisoned_frame(getattr(parcel, name), text)
        for name in ("members", "patients", "evidence", "worklist", "changes", "contributions")
    }
    practices = {code: _poisoned_frame(frame, text) for code, frame in (parcel.practices or {}).items()}
    facts = {
        key: value if key in ("practices",) else _poisoned_value(value, text) for key, value in parcel.facts.items()
    }
    return replace(parcel, facts=facts, summary=_poisoned_value(parcel.summary, text), practices=practices, **frames)


def _poisoned_value(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        rules = {key: text(key) for key in value if isinstance(value[key], dict) and "catalogue_id" in value[key]}
        return {rules.get(key, key): _poisoned_value(item, text) for key, item in value.items()}
    if isinstance(value, list):
        return [_poisoned_value(item, text) for item in value]
    return text(value) if isinstance(value, str) else value


def _poisoned_frame(frame: pl.DataFrame, text: Callable[[str], str]) -> pl.DataFrame:
    spared = {"patient_id", "nhs_number", "practice_code", "network_code", "record_id"}
    changed = []
    for name, dtype in frame.schema.items():
        if name in spared or dtype not in (pl.String, pl.List(pl.String)):
            continue
        words = frame[name].explode(empty_as_null=True, keep_nulls=True) if dtype == pl.List(pl.String) else frame[name]
        known = {word: text(word) for word in words.drop_nulls().unique().to_list()}
        one = pl.element() if dtype != pl.String else pl.col(name)
        changed.append(pl.col(name).list.eval(one.replace(known)) if dtype != pl.String else one.replace(known))
    return frame.with_columns(changed)
