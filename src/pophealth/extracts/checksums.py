"""Gives whether an extract's files are the ones that were sent: hashed against a list that came with them, before reading."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pophealth.errors import DataContractError
from pophealth.files import sha256_of

SUMS = "SHA256SUMS"
MANIFESTS = ("manifest.json", "extract.json")
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


@dataclass(frozen=True)
class Sent:
    """What came with an extract: the SHA-256 of each file by name, rows where stated, and the extract date if stated."""

    sha256: dict[str, str]
    rows: dict[str, int]
    extract_date: date | None

    def check(self, folder: Path, paths: Iterable[Path]) -> None:
        """Refuse files that are not the ones listed. Without a list nothing is checked.

        Raises
        ------
        DataContractError
            A file is not listed, or its bytes are others: a flipped bit in a data page is read without any error.
        """
        if not self.sha256:
            return
        for path in paths:
            name = path.relative_to(folder).as_posix()
            if name not in self.sha256:
                msg = f"extract {name}: not in the list of checksums that came with the extract"
                raise DataContractError(msg)
            if sha256_of(path) != self.sha256[name]:
                msg = (
                    f"extract {name}: its SHA-256 is not the one in the list of checksums; it was damaged on the way or "
                    "changed afterwards. Have it sent again."
                )
                raise DataContractError(msg)

    def missing(self, folder: Path) -> list[str]:
        """Give the names of listed files that are not there."""
        return [name for name in sorted(self.sha256) if not (folder / name).is_file()]


def read_sent(folder: Path) -> Sent:
    """Give what came with an extract: ``SHA256SUMS`` (as sha256sum writes it), or ``manifest.json``; empty if neither.

    The manifest is ``{"files": {name: {"sha256": ..., "rows": ...}}, "extract_date": "YYYY-MM-DD"}``.

    Raises
    ------
    DataContractError
        The list is there and cannot be read.
    """
    sha256: dict[str, str] = {}
    rows: dict[str, int] = {}
    extract_date: date | None = None
    for path in [folder / name for name in MANIFESTS if (folder / name).is_file()]:
        try:
            manifest = json.loads(path.read_text("utf-8"))
            files = dict(manifest.get("files", {}))
            sha256 |= {name: str(entry["sha256"]) for name, entry in files.items()}
            rows |= {name: int(entry["rows"]) for name, entry in files.items() if "rows" in entry}
            if manifest.get("extract_date"):
                extract_date = date.fromisoformat(manifest["extract_date"])
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"extract {path.name}: not a manifest of files with their sha256 ({type(error).__name__})"
            raise DataContractError(msg) from None
    sums = folder / SUMS
    if sums.is_file():
        sha256 |= _read_sums(sums)
    return Sent(sha256, rows, extract_date)


def _read_sums(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = f"extract {path.name}: cannot be read ({type(error).__name__})"
        raise DataContractError(msg) from None
    matches = [_LINE.fullmatch(line) for line in lines]
    bad = [number for number, match in enumerate(matches, start=1) if match is None]
    if bad:
        msg = f"extract {path.name}: {len(bad)} of {len(lines)} lines are not '<sha256>  <name>', first line {bad[0]}"
        raise DataContractError(msg)
    return {match[2].removeprefix("./"): match[1] for match in matches if match is not None}
