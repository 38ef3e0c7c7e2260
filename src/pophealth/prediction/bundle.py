"""Gives a fitted model as a folder of plain files with a hash of each, and back; refuses any other folder."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pophealth.errors import IntegrityError
from pophealth.files import check_sha256, json_bytes, sha256_of, write_synced
from pophealth.prediction.bundle_bodies import body_files, read_body
from pophealth.prediction.fitted import FittedModel
from pophealth.prediction.inputs import Column, Input

MANIFEST = "manifest.json"
LAYOUT = 1
"""Version of the layout of a bundle."""


def write_bundle(fitted: FittedModel, folder: Path) -> str:
    """Write a fitted model into an empty folder and give the SHA-256 of its manifest.

    The folder holds ``model.json`` (inputs and facts), ``model.toml`` (the specification as trained), the estimator as
    ``estimator.skops`` or ``survival.json`` with ``survival.arrow`` (a stack: numbered, one of these each), and
    ``manifest.json`` with the SHA-256 of every file. The same model gives the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    body, files = body_files(fitted.body, fitted.estimator_kind)
    facts = {name: value for name, value in vars(fitted).items() if name not in ("body", "spec_text", "inputs")}
    content = {
        "model.json": json_bytes(
            {"layout": LAYOUT, "body": body, "inputs": [asdict(item) for item in fitted.inputs], **facts}
        ),
        "model.toml": fitted.spec_text.encode(),
        **files,
    }
    for name, data in content.items():
        write_synced(folder / name, data)
    listing = {"layout": LAYOUT, "files": {name: sha256_of(folder / name) for name in sorted(content)}}
    write_synced(folder / MANIFEST, json_bytes(listing))
    return sha256_of(folder / MANIFEST)


def read_bundle(folder: Path, *, sha256: str | None = None) -> FittedModel:
    """Give the fitted model that a folder holds.

    Parameters
    ----------
    sha256
        What the manifest must hash to, from the registry; None takes the folder's word.

    Raises
    ------
    IntegrityError
        A file is missing, changed or one too many, a type in it is not trusted, or it does not hold a model.
    """
    what = f"model bundle {folder.name}"
    names = _check_files(folder, sha256, what)
    parsed = _parse(folder / "model.json", what)
    if parsed.get("layout") != LAYOUT:
        msg = f"{what}: model.json has layout {parsed.get('layout')!r}, this version reads {LAYOUT}"
        raise IntegrityError(msg)
    content = {name: (folder / name).read_bytes() for name in names if name not in ("model.json", "model.toml")}
    try:
        inputs = tuple(_input(item) for item in parsed["inputs"])
        body = read_body(parsed["body"], content, inputs, what)
        return FittedModel(
            spec_id=str(parsed["spec_id"]),
            spec_version=int(parsed["spec_version"]),
            estimator_kind=str(parsed["estimator_kind"]),
            inputs=inputs,
            body=body,
            horizon_months=int(parsed["horizon_months"]),
            recalibration={name: (float(pair[0]), float(pair[1])) for name, pair in parsed["recalibration"].items()},
            codelists=dict(parsed["codelists"]),
            reference=dict(parsed["reference"]),
            training=dict(parsed["training"]),
            spec_text=(folder / "model.toml").read_text("utf-8"),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as fault:
        msg = (
            f"{what}: model.json does not hold what layout {LAYOUT} has ({type(fault).__name__}); train the model again"
        )
        raise IntegrityError(msg) from fault


def _check_files(folder: Path, sha256: str | None, what: str) -> list[str]:
    """Check every file against the manifest and give their names."""
    manifest = folder / MANIFEST
    if sha256 is not None:
        check_sha256(manifest, sha256, what)
    elif not manifest.is_file():
        msg = f"{what}: {MANIFEST} is missing"
        raise IntegrityError(msg)
    listing = _parse(manifest, what).get("files")
    if not isinstance(listing, dict) or not {"model.json", "model.toml"} <= set(listing):
        msg = f"{what}: {MANIFEST} does not list model.json and model.toml"
        raise IntegrityError(msg)
    present = {path.name for path in folder.iterdir()} - {MANIFEST}
    more = sorted(present - set(listing))
    odd = [name for name in listing if Path(name).name != name]
    if more or odd:
        msg = f"{what}: {len(more)} files that {MANIFEST} does not list, first {more[:1]}; {len(odd)} listed outside the folder"
        raise IntegrityError(msg)
    for name, digest in listing.items():
        check_sha256(folder / name, str(digest), what)
    return list(listing)


def _parse(path: Path, what: str) -> dict[str, Any]:
    try:
        parsed = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as fault:
        msg = f"{what}: {path.name} is not JSON"
        raise IntegrityError(msg) from fault
    if not isinstance(parsed, dict):
        msg = f"{what}: {path.name} is not a JSON object"
        raise IntegrityError(msg)
    return parsed


def _input(item: dict[str, Any]) -> Input:
    columns = tuple(Column(**{**column, "knots": tuple(column.get("knots", ()))}) for column in item["columns"])
    levels = None if item["levels"] is None else tuple(item["levels"])
    return Input(**{**item, "columns": columns, "levels": levels})
