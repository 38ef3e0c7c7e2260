"""Gives a registered version of a model: its files, each checked against the hash that the registry holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from pophealth.errors import IntegrityError
from pophealth.files import check_sha256, json_bytes, sha256_of

MANIFEST = "artifacts.json"
"""Lists every file that was logged with a version, with its SHA-256; the version carries the SHA-256 of this file."""


@dataclass(frozen=True)
class Version:
    """One registered version of a model.

    Attributes
    ----------
    folder
        Everything logged with it: ``bundle/``, ``plots/``, ``card.md``, ``report.json``, ``signature.json``.
    sha256
        SHA-256 of the list of those files, as the registry holds it.
    """

    model_id: str
    version: int
    run_id: str
    aliases: tuple[str, ...]
    folder: Path
    sha256: str
    tags: dict[str, str]

    @property
    def bundle(self) -> Path:
        """Where the fitted model lies."""
        return self.folder / "bundle"

    def file(self, name: str) -> Path:
        """Give one of its files, checked against its hash.

        Raises
        ------
        IntegrityError
            It, or the list of hashes, is not what was logged.
        """
        what = f"model {self.model_id} version {self.version}"
        listing = self.folder / MANIFEST
        check_sha256(listing, self.sha256, what)
        hashes: dict[str, str] = json.loads(listing.read_bytes())
        if name not in hashes:
            msg = f"{what}: nothing called {name} was logged with it"
            raise IntegrityError(msg)
        check_sha256(self.folder / name, hashes[name], what)
        return self.folder / name

    def check(self) -> None:
        """Refuse a version of which a file is missing or changed."""
        self.file("report.json")
        for name in json.loads((self.folder / MANIFEST).read_bytes()):
            self.file(name)


def list_files(folder: Path) -> None:
    """Write `artifacts.json` into `folder`: every file in it with its SHA-256."""
    hashes = {
        path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(folder.rglob("*")) if path.is_file()
    }
    (folder / MANIFEST).write_bytes(json_bytes(hashes))
