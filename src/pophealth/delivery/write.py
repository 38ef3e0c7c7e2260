"""Gives a delivery: one network's folder, complete or absent, every file named with its hash in a signed manifest."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.disclose import disclose
from pophealth.delivery.sign import public_key_of
from pophealth.delivery.verify import COMMITTED, MANIFEST, MANIFEST_SCHEMA, SIGNATURE
from pophealth.errors import DataContractError
from pophealth.files import json_bytes, place_folder, replace_file, sha256_of, write_synced
from pophealth.terms import Purpose, network_code, practice_code

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

MEMBERS = (
    "network_code",
    "practice_code",
    "patient_id",
    "service",
    "rule_id",
    "catalogue_id",
    "contract_year",
    "carried_from",
    "status",
    "tier",
    "tier_label",
    "rank",
    "criteria_true",
    "criteria_unknown",
    "reasons",
    "nhs_number",
)
"""Columns of `members.arrow`: a contract; more may be added behind them, none renamed."""


def write_delivery(
    folder: Path,
    *,
    members: pl.DataFrame,
    patients: pl.DataFrame,
    evidence: pl.DataFrame,
    summary: dict[str, Any],
    practices: dict[str, pl.DataFrame] | None,
    facts: dict[str, Any],
    signing_key: Ed25519PrivateKey,
) -> Path:
    """Give the committed folder of one network's delivery.

    Parameters
    ----------
    folder
        Where it will stand: ``deliveries/<run_id>/<network>``. Written beside, synced, renamed; ``COMMITTED`` last.
    members, patients, evidence
        The network's tables. For `commissioning` none of them leaves: only the disclosure-controlled summary does.
    practices
        Members by practice with NHS numbers (case finding only), or None.
    facts
        What the manifest says of the run; holds network_code, practices and purpose.

    Raises
    ------
    DataContractError
        A table holds a row of a practice that is not of this network.
    """
    tables = {"members": members.select(MEMBERS), "patients": patients, "evidence": evidence}
    _refuse_strangers(tables, facts)
    made = folder.parent / f".{network_code(folder.name)}-{os.getpid()}"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True, mode=0o700)
    try:
        _write_files(made, tables, summary, practices, Purpose(facts["purpose"]))
        manifest = json_bytes(_manifest(made, facts, public_key_of(signing_key)))
        write_synced(made / MANIFEST, manifest)
        write_synced(made / SIGNATURE, signing_key.sign(manifest))
        place_folder(made, folder)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    replace_file(folder / COMMITTED, f"{sha256_of(folder / MANIFEST)}\n".encode())
    return folder


def _refuse_strangers(tables: dict[str, pl.DataFrame], facts: dict[str, Any]) -> None:
    """Look once more before anything is written: another network's row must not leave with this one's."""
    for name, frame in tables.items():
        if "practice_code" in frame.columns:
            strangers = frame.filter(~pl.col("practice_code").is_in(facts["practices"])).height
            if strangers:
                msg = f"delivery of {facts['network_code']}: {strangers} rows of {name} are of practices outside it"
                raise DataContractError(msg)
    people = set(tables["patients"]["patient_id"])
    strangers = len(set(tables["evidence"]["patient_id"]) - people)
    if strangers:
        msg = f"delivery of {facts['network_code']}: evidence shows {strangers} people who are not in patients"
        raise DataContractError(msg)


def _write_files(
    made: Path,
    tables: dict[str, pl.DataFrame],
    summary: dict[str, Any],
    practices: dict[str, pl.DataFrame] | None,
    purpose: Purpose,
) -> None:
    if purpose is Purpose.COMMISSIONING:
        (made / "summary.json").write_bytes(json_bytes(disclose(summary)))
        return
    (made / "summary.json").write_bytes(json_bytes(summary))
    for name, frame in tables.items():
        _write_arrow(frame, made / f"{name}.arrow")
    if purpose is Purpose.CASE_FINDING:
        for code, frame in (practices or {}).items():
            below = made / "practices" / practice_code(code)
            below.mkdir(parents=True)
            _write_arrow(frame.select(MEMBERS), below / "members.arrow")


def _write_arrow(frame: pl.DataFrame, path: Path) -> None:
    """Write a table as an Arrow IPC file that every Arrow reader since 1.0 opens."""
    frame.rechunk().write_ipc(path, compression="lz4", compat_level=pl.CompatLevel.oldest())


def _manifest(made: Path, facts: dict[str, Any], public_key: str) -> dict[str, Any]:
    files = {
        str(path.relative_to(made)): {"sha256": sha256_of(path), "bytes": path.stat().st_size}
        for path in sorted(made.rglob("*"))
        if path.is_file()
    }
    odd = [name for name in files if re.fullmatch(r"[A-Za-z0-9_./-]+", name) is None]
    if odd:
        msg = f"delivery of {facts['network_code']}: {len(odd)} file names hold characters that no file name needs"
        raise DataContractError(msg)
    return {"schema": MANIFEST_SCHEMA, **facts, "public_key": public_key, "files": files}
