"""Gives a delivery: one network's folder, complete or absent, every file named with its hash in a signed manifest."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pophealth.delivery.columns import MEMBERS, TABLES, values_of, write_arrow
from pophealth.delivery.disclose import disclose
from pophealth.delivery.guard import refuse_strangers, refuse_wrong_place, require_space
from pophealth.delivery.sign import public_key_of
from pophealth.delivery.verify import COMMITTED, MANIFEST, MANIFEST_SCHEMA, SIGNATURE
from pophealth.errors import DataContractError, TryLaterError
from pophealth.files import disk_is_full, json_bytes, place_folder, replace_file, sha256_of, write_synced
from pophealth.terms import Purpose, practice_code

if TYPE_CHECKING:
    import polars as pl
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


AT_ONCE = 2
"""Tables written at the same time: more would only widen what is held at once."""


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
    further: Mapping[str, pl.DataFrame] | None = None,
    render: Callable[[Path], object] | None = None,
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
        What the manifest says of the run; holds run_id, network_code, practices, purpose and network_sharing_agreement.
    further
        More tables of the network by the names of `columns.TABLES`: plan, worklist, changes, contributions.
    render
        Writes pages, workbook and files into the folder it is given, before the manifest names every file. Never called
        for `commissioning`: all it could write is about people.

    Raises
    ------
    DataContractError
        A table holds a row of a practice that is not of this network, or an NHS number that may not stand there.
    IntegrityError
        The folder is a link, is not where its facts say, or is committed already.
    TryLaterError
        The disk has no room for it; nothing was written.
    """
    tables = {"members": members, "patients": patients, "evidence": evidence, **(further or {})}
    refuse_wrong_place(folder, facts)
    refuse_strangers(tables, practices or {}, facts)
    require_space(folder, [*tables.values(), *(practices or {}).values()])
    made = folder.parent / f".{folder.name}-{os.getpid()}"
    shutil.rmtree(made, ignore_errors=True)
    try:
        made.mkdir(parents=True, mode=0o700)
        _write_files(made, tables, summary, practices, Purpose(facts["purpose"]))
        if render is not None and facts["purpose"] != Purpose.COMMISSIONING.value:
            render(made)
        _read_again(made, facts)
        manifest = json_bytes(_manifest(made, facts, public_key_of(signing_key)))
        write_synced(made / MANIFEST, manifest)
        write_synced(made / SIGNATURE, signing_key.sign(manifest))
        place_folder(made, folder)
        replace_file(folder / COMMITTED, f"{sha256_of(folder / MANIFEST)}\n".encode())
    except BaseException as error:
        shutil.rmtree(made, ignore_errors=True)
        _take_away_uncommitted(folder)
        if disk_is_full(error):
            msg = f"delivery of {folder.name}: the disk is full; nothing of it is left. Free space and run again."
            raise TryLaterError(msg) from None
        raise
    return folder


def _take_away_uncommitted(folder: Path) -> None:
    """Leave the old state behind after an error: a folder in its place that never got its mark is no delivery."""
    if not (folder / COMMITTED).is_file():
        shutil.rmtree(folder, ignore_errors=True)


def _write_files(
    made: Path,
    tables: dict[str, pl.DataFrame],
    summary: dict[str, Any],
    practices: dict[str, pl.DataFrame] | None,
    purpose: Purpose,
) -> None:
    if purpose is Purpose.COMMISSIONING:
        write_synced(made / "summary.json", json_bytes(disclose(summary)))
        return
    jobs = [(frame, made / f"{name}.arrow", TABLES[name]) for name, frame in tables.items()]
    if purpose is Purpose.CASE_FINDING:
        for code, frame in (practices or {}).items():
            below = made / "practices" / practice_code(code)
            below.mkdir(parents=True)
            jobs.append((frame, below / "members.arrow", MEMBERS))
    jobs.sort(key=lambda job: job[0].height, reverse=True)  # the longest first, so that both threads end together
    with ThreadPoolExecutor(AT_ONCE) as pool:
        written = [pool.submit(write_arrow, *job) for job in jobs]
        write_synced(made / "summary.json", json_bytes(summary))
    for one in written:
        one.result()


def _read_again(made: Path, facts: dict[str, Any]) -> None:
    """Read what was written before it is signed: each file holds rows of the practices it may hold, and of no other."""
    for path in sorted(made.rglob("*.arrow")):
        allowed = {path.parent.name} if path.parent != made else set(facts["practices"])
        if values_of(path, "practice_code") - allowed:
            msg = f"delivery of {facts['network_code']}: {path.name} as written holds rows of practices outside it"
            raise DataContractError(msg)


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
