"""Gives a verdict on deliveries: every file is what the signed manifest says, none is missing, none is extra."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pophealth.errors import IntegrityError, UsageError
from pophealth.files import check_sha256, sha256_of

MANIFEST = "MANIFEST.json"
SIGNATURE = "MANIFEST.sig"
COMMITTED = "COMMITTED"
MANIFEST_SCHEMA = 1


def verify_delivery(path: Path, public_key: str | None = None) -> list[Path]:
    """Give the network folders found whole: one delivery, or every one of a run's folder.

    Parameters
    ----------
    path
        ``deliveries/<run_id>/<network>`` or ``deliveries/<run_id>``.
    public_key
        The site's public key as hex. Without one, the key that the manifest names is taken: that finds damage, not a
        forger who signs with a key of his own.

    Raises
    ------
    UsageError
        There is no delivery at `path`.
    IntegrityError
        A file is missing, extra, changed or swapped, a folder is another's, or the signature does not fit.
    """
    folders = [path] if (path / MANIFEST).exists() else sorted(entry.parent for entry in path.glob(f"U*/{MANIFEST}"))
    if not folders:
        msg = f"verify: no delivery in {path}; expected a folder with {MANIFEST}, or a run's folder of such folders"
        raise UsageError(msg)
    for folder in folders:
        _verify_one(folder, public_key)
    return folders


def _verify_one(folder: Path, public_key: str | None) -> None:
    from pophealth.delivery.sign import check_signature

    what = f"delivery {folder.name}"
    content = (folder / MANIFEST).read_bytes()
    for name in (SIGNATURE, COMMITTED):
        if not (folder / name).is_file():
            msg = f"{what}: {name} is missing; it was never completed, or someone took it away"
            raise IntegrityError(msg)
    if (folder / COMMITTED).read_text("utf-8").strip() != sha256_of(folder / MANIFEST):
        msg = f"{what}: {COMMITTED} names another manifest than the one that is here"
        raise IntegrityError(msg)
    manifest: dict[str, Any] = json.loads(content)
    check_signature(content, (folder / SIGNATURE).read_bytes(), public_key or str(manifest["public_key"]), what)
    resolved = folder.resolve()
    if (resolved.parent.name, resolved.name) != (manifest["run_id"], manifest["network_code"]):
        msg = f"{what}: its manifest is of network {manifest['network_code']}, run {manifest['run_id'][:16]}..."
        raise IntegrityError(msg)
    _verify_files(folder, manifest["files"], what)


def _verify_files(folder: Path, files: dict[str, dict[str, Any]], what: str) -> None:
    here = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    extra = here - set(files) - {MANIFEST, SIGNATURE, COMMITTED}
    links = [name for name in here if (folder / name).is_symlink()]
    if extra or links:
        msg = f"{what}: {len(extra)} files are in no manifest and {len(links)} are links"
        raise IntegrityError(msg)
    for name, entry in files.items():
        check_sha256(folder / name, entry["sha256"], what)
