"""Gives a run's identity: the hash of everything that decides its result."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def run_id(parts: dict[str, Any]) -> str:
    """Give the SHA-256 of `parts` as 64 hex digits; what is not in them must not change a result."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
