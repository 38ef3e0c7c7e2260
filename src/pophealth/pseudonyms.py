"""Gives pseudonyms: one per person, site and purpose, the same in every snapshot, and no way back without the key."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

LENGTH = 32
"""Hex digits of a pseudonym: 128 bits, so that two of 60 million people never share one by chance."""


def purpose_key(site_key: bytes, purpose: str) -> bytes:
    """Give the key of one purpose of a site: lists made for different purposes cannot be joined on their pseudonyms."""
    return hmac.digest(site_key, f"pophealth pseudonym, purpose {purpose}".encode(), "sha256")


def pseudonym(key: bytes, text: str) -> str:
    """Give the pseudonym of a person known by `text`: the NHS number, or the source's own key where there is none.

    Parameters
    ----------
    key
        Of a purpose (`purpose_key`). An unkeyed hash of an NHS number is undone by trying all of them.
    """
    return hmac.digest(key, text.encode(), "sha256").hex()[:LENGTH]


def pseudonyms(key: bytes, texts: Iterable[str]) -> list[str]:
    """Give the pseudonym of each of `texts`, in order."""
    digest = hmac.digest
    return [digest(key, text.encode(), "sha256").hex()[:LENGTH] for text in texts]
