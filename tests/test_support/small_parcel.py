"""A parcel of three people with text that a spreadsheet would run, were it let."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from pophealth.delivery.identify import identify_members, practice_frames
from pophealth.delivery.parcel import Parcel
from pophealth.planning.worklist import WORKLIST
from pophealth.terms import Purpose
from test_support import deliveries

RISKY = ("=1+1", "+1", "-1", "@SUM(A1)", "\tTab", "\rReturn", '=HYPERLINK("http://x","y")', "http://example.org/")

RULES: dict[str, Any] = {
    "smr_02": {
        "catalogue_id": "SMR-02",
        "title": RISKY[0],
        "role": "clinical_pharmacist",
        "service": "medication_review",
        "declared_tiers": [{"label": "severe", "urgent": True}, {"label": "other", "urgent": False}],
    },
    "cv_07": {"catalogue_id": "CV-07", "title": "Risk", "role": "gp", "service": "cvd_prevention"},
}


def _worklist() -> pl.DataFrame:
    rows = [
        {
            "patient_id": "p1", "practice_code": "A81001", "age_years": 90, "sex": "female", "imd_quintile": 1,
            "place": "urgent", "order": 1, "roles": ["clinical_pharmacist"], "minutes": 40,
            "services": ["medication_review"], "rules": ["smr_02"], "tier_labels": [RISKY[6]], "is_urgent": True,
            "days_since_result": 3, "months_since_seen": 2, "risk": 0.25, "is_new": True, "action_status": "booked",
        },
        {
            "patient_id": "p2", "practice_code": "A81002", "age_years": 65, "sex": "not_known", "imd_quintile": None,
            "place": "waiting", "order": 2, "roles": ["clinical_pharmacist", "gp"], "minutes": 20,
            "services": ["medication_review", "cvd_prevention"], "rules": ["smr_02", "cv_07"],
            "tier_labels": ["other", None], "is_urgent": False, "is_new": False,
        },
    ]  # fmt: skip
    return pl.DataFrame([{name: row.get(name) for name in WORKLIST} for row in rows], WORKLIST)


def parcel(agreement: str | None = "DSA 1", purpose: Purpose = Purpose.CASE_FINDING) -> Parcel:
    """Three people; p1 and p2 are listed, p2 twice."""
    members = deliveries.members().with_columns(
        service=pl.when(pl.col("rule_id") == "cv_07")
        .then(pl.lit("cvd_prevention"))
        .otherwise(pl.lit("medication_review")),
        catalogue_id=pl.when(pl.col("rule_id") == "cv_07").then(pl.lit("CV-07")).otherwise(pl.lit("SMR-02")),
        status=pl.when(pl.col("rule_id") == "cv_07").then(pl.lit("listed")).otherwise("status"),
        rank=pl.when(pl.col("rule_id") == "cv_07").then(1).otherwise("rank").cast(pl.Int32),
        tier_label=pl.when(pl.col("tier") == 1).then(pl.lit(RISKY[3])).otherwise("tier_label"),
        place=pl.when(pl.col("patient_id") == "p1").then(pl.lit("urgent")).otherwise(pl.lit("waiting")),
        is_new=pl.col("patient_id") == "p1",
        days_since_result=pl.when(pl.col("patient_id") == "p1").then(3).cast(pl.Int32),
    )
    identity = deliveries.identity()
    shown = identify_members(members, identity, purpose=purpose, agreement=agreement)
    numbers = shown.select("patient_id", "nhs_number").drop_nulls().unique("patient_id")
    worklist = _worklist().drop("nhs_number").join(numbers, on="patient_id", how="left", maintain_order="left")
    evidence = deliveries.evidence()
    risky = evidence.head(1).with_columns(
        term=pl.lit(RISKY[7]), record_id=pl.lit("r2"), date=date(2024, 6, 1), value=1.5
    )
    return Parcel(
        facts=deliveries.facts(purpose, agreement) | {"index_date": "2025-01-31", "network_name": RISKY[1]},
        summary={"rules": RULES},
        members=shown,
        patients=deliveries.patients(),
        evidence=pl.concat([evidence, risky]),
        offers=pl.DataFrame(),
        worklist=worklist.select(*WORKLIST),
        changes=pl.DataFrame(),
        contributions=pl.DataFrame(),
        practices=practice_frames(members, identity) if purpose is Purpose.CASE_FINDING else None,
    )
