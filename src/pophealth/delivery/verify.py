"""Gives a verdict on deliveries: every file is what the signed manifest says, none is missing, none is extra."""

from __future__ import annotations

import json
import os
import stat
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
        A file is missing, extra, changed or swapped, a folder is another's or a link, or the signature does not fit.
    """
    if (path / MANIFEST).exists():
        folders = [path]
    else:
        folders = sorted(entry for entry in path.glob("*") if not entry.name.startswith("."))
        if not any((folder / MANIFEST).exists() for folder in folders):
            msg = f"verify: no delivery in {path}; expected a folder with {MANIFEST}, or a run's folder of such folders"
            raise UsageError(msg)
    for folder in folders:
        _verify_one(folder, public_key)
    return folders


def signer_of(folder: Path) -> str:
    """Give the public key, as hex, that a verified delivery says it was signed with."""
    return str(json.loads((folder / MANIFEST).read_bytes())["public_key"])


def _verify_one(folder: Path, public_key: str | None) -> None:
    from pophealth.delivery.sign import check_signature

    what = f"delivery {folder.name}"
    here = _files_of(folder, what)
    absent = [name for name in (MANIFEST, SIGNATURE, COMMITTED) if name not in here]
    if absent:
        msg = f"{what}: {absent[0]} is missing; it was never completed, or someone took it away"
        raise IntegrityError(msg)
    content = (folder / MANIFEST).read_bytes()
    manifest = _parsed(content, what)
    check_signature(content, (folder / SIGNATURE).read_bytes(), public_key or str(manifest["public_key"]), what)
    if (folder / COMMITTED).read_bytes() != f"{sha256_of(folder / MANIFEST)}\n".encode():
        msg = f"{what}: {COMMITTED} names another manifest than the one that is here"
        raise IntegrityError(msg)
    place = Path(os.path.abspath(folder))  # noqa: PTH100 - resolve() would follow a link to a whole delivery elsewhere
    if (place.parent.name, place.name) != (manifest["run_id"], manifest["network_code"]):
        msg = f"{what}: its manifest is of network {manifest['network_code']}, run {manifest['run_id'][:16]}..."
        raise IntegrityError(msg)
    _compare(folder, here - {MANIFEST, SIGNATURE, COMMITTED}, manifest["files"], what)


def _parsed(content: bytes, what: str) -> dict[str, Any]:
    """Give the manifest, refused unless it has the form that is signed."""
    try:
        manifest = json.loads(content)
        texts = [manifest[name] for name in ("run_id", "network_code", "public_key")]
        hashes = [entry["sha256"] for entry in manifest["files"].values()]
    except (ValueError, KeyError, TypeError, AttributeError):
        texts, hashes = [None], []
    if not all(isinstance(text, str) for text in (*texts, *hashes)) or manifest["schema"] != MANIFEST_SCHEMA:
        msg = f"{what}: {MANIFEST} is damaged, or of another form than this release reads ({MANIFEST_SCHEMA})"
        raise IntegrityError(msg)
    parsed: dict[str, Any] = manifest
    return parsed


def _files_of(folder: Path, what: str) -> set[str]:
    """Give the files below a folder by name; links, sockets and folders without a file are refused."""
    files: set[str] = set()
    odd = int(folder.is_symlink() or not folder.is_dir())
    for above, folders, names in os.walk(folder):
        odd += not (folders or names)
        for name in (*folders, *names):
            path = Path(above) / name
            mode = path.lstat().st_mode
            if stat.S_ISREG(mode):
                files.add(str(path.relative_to(folder)))
            else:
                odd += not stat.S_ISDIR(mode)
    if odd:
        msg = f"{what}: {odd} entries are links, empty folders or no files; a delivery holds files only"
        raise IntegrityError(msg)
    return files


def _compare(folder: Path, here: set[str], files: dict[str, dict[str, Any]], what: str) -> None:
    extra, missing = here - set(files), set(files) - here
    if extra or missing:
        msg = f"{what}: {len(extra)} files are in no manifest and {len(missing)} that it names are missing"
        raise IntegrityError(msg)
    for name, entry in files.items():
        check_sha256(folder / name, entry["sha256"], what)
