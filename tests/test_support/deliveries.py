"""One small delivery, written into any folder: two practices, three people, two rules."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pophealth.delivery.identify import identify_members, practice_frames
from pophealth.delivery.write import write_delivery
from pophealth.terms import Purpose

RUN = "ab" * 32
NETWORK = "U12345"
PRACTICES = ("A81001", "A81002")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
NUMBERS = {"p1": "9990000018", "p2": "9990000026", "p3": "9990000034"}
"""NHS numbers of the range that stands for nobody: wherever one turns up, it came from here."""


def members() -> pl.DataFrame:
    """Member rows before they are identified."""
    rows = [
        ("A81001", "p1", "smr_02", "listed", 1, "severe", 1, 3, 0, ["old", "frail"]),
        ("A81002", "p2", "smr_02", "listed", 2, "other", 2, 1, 2, ["old"]),
        ("A81001", "p3", "smr_02", "met", None, None, None, 5, 0, ["old", "reviewed"]),
        ("A81002", "p2", "cv_07", "excluded", None, None, None, 1, 0, []),
    ]
    schema = {
        "practice_code": pl.String, "patient_id": pl.String, "rule_id": pl.String, "status": pl.String,
        "tier": pl.Int8, "tier_label": pl.String, "rank": pl.Int32, "criteria_true": pl.UInt64,
        "criteria_unknown": pl.UInt64, "reasons": pl.List(pl.String),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        network_code=pl.lit(NETWORK),
        service=pl.lit("medication_review"),
        catalogue_id=pl.lit("SMR-02"),
        contract_year=pl.lit("2024-25"),
        carried_from=pl.lit(None, dtype=pl.String),
    )


def patients() -> pl.DataFrame:
    """Patient rows as the line gives them, features behind."""
    return pl.DataFrame(
        {
            "patient_id": ["p1", "p2", "p3"],
            "practice_code": ["A81001", "A81002", "A81001"],
            "sex": pl.Series(["female", "male", "not_known"], dtype=pl.Enum(["female", "male", "not_known"])),
            "age_years": pl.Series([90, 65, 7], dtype=pl.Int16),
            "imd_quintile": pl.Series([1, None, 5], dtype=pl.Int8),
            "has_frailty": [True, None, False],
            "frailty_latest": pl.Series(["severe", None, None], dtype=pl.Enum(["mild", "severe"])),
            "frailty_latest_date": [date(2024, 5, 1), None, None],
            "efi_score": [0.4, None, 0.0],
            "count_issues_12m": pl.Series([5, 0, 0], dtype=pl.Int32),
        }
    )


def evidence() -> pl.DataFrame:
    """Evidence rows: one record, and one absence."""
    schema = {
        "patient_id": pl.String, "rule_id": pl.String, "criterion": pl.String, "table": pl.String,
        "record_id": pl.String, "date": pl.Date, "code": pl.String, "code_system": pl.String, "term": pl.String,
        "value": pl.Float64, "unit": pl.String, "window_from": pl.Date, "window_to": pl.Date, "feature": pl.String,
    }  # fmt: skip
    day = date(2024, 5, 1)
    return pl.DataFrame(
        [
            ("p1", "smr_02", "frail", "events", "r1", day, "SYN:1", "SYNTHETIC", "Frail", None, None, day, day, "f"),
            ("p1", "smr_02", "no_review", "events", None, None, None, None, None, None, None, day, day, "g"),
        ],
        schema=schema,
        orient="row",
    )


def identity() -> pl.DataFrame:
    """Who is who, as the register keeps it apart."""
    return pl.DataFrame({"patient_id": list(NUMBERS), "nhs_number": list(NUMBERS.values())})


def facts(purpose: Purpose = Purpose.CASE_FINDING, agreement: str | None = "DSA 1", **more: Any) -> dict[str, Any]:
    """What the manifest says of the run."""
    return {
        "run_id": RUN,
        "network_code": NETWORK,
        "practices": list(PRACTICES),
        "purpose": purpose.value,
        "network_sharing_agreement": agreement,
        **more,
    }


SUMMARY = {"schema": 1, "registered": 3, "rules": {"smr_02": {"listed": 2, "minutes": 20, "title": "Reviews"}}}


def parts(purpose: Purpose = Purpose.CASE_FINDING, agreement: str | None = "DSA 1") -> dict[str, Any]:
    """The arguments of `write_delivery` beside the folder."""
    return {
        "members": identify_members(members(), identity(), purpose=purpose, agreement=agreement),
        "patients": patients(),
        "evidence": evidence(),
        "summary": SUMMARY,
        "practices": practice_frames(members(), identity()) if purpose is Purpose.CASE_FINDING else None,
        "facts": facts(purpose, agreement),
        "signing_key": KEY,
    }


def deliver(root: Path, purpose: Purpose = Purpose.CASE_FINDING, agreement: str | None = "DSA 1", **more: Any) -> Path:
    """Write the delivery below ``root/deliveries``; `more` replaces arguments."""
    return write_delivery(root / "deliveries" / RUN / NETWORK, **(parts(purpose, agreement) | more))


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
