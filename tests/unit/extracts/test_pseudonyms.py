"""Pseudonyms: the published construction, one per purpose, the same every time."""

from __future__ import annotations

import hashlib
import re

import pytest

from pophealth.pseudonyms import pseudonym, pseudonyms, purpose_key

SITE_KEY = bytes(range(32))


def hmac_sha256(key: bytes, text: bytes) -> bytes:
    """RFC 2104 over SHA-256, written out."""
    block = key.ljust(64, b"\0") if len(key) <= 64 else hashlib.sha256(key).digest().ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()


def test_a_pseudonym_is_the_head_of_a_keyed_hash() -> None:
    key = purpose_key(SITE_KEY, "case_finding")
    assert pseudonym(key, "9434765919") == hmac_sha256(key, b"9434765919").hex()[:32]
    assert re.fullmatch(r"[0-9a-f]{32}", pseudonym(key, "any source key: ü"))


def test_purposes_and_sites_cannot_be_joined() -> None:
    keys = {purpose_key(SITE_KEY, purpose) for purpose in ("case_finding", "commissioning", "development")}
    keys.add(purpose_key(bytes(32), "case_finding"))
    assert len({pseudonym(key, "9434765919") for key in keys}) == 4
    assert SITE_KEY not in keys


def test_the_same_person_has_the_same_pseudonym_every_time() -> None:
    key = purpose_key(SITE_KEY, "case_finding")
    assert pseudonyms(key, ["a", "b", "a"]) == [pseudonym(key, "a"), pseudonym(key, "b"), pseudonym(key, "a")]
    # fixed here so that no release ever moves people to other pseudonyms unnoticed
    assert (
        pseudonym(key, "9434765919")
        == hmac_sha256(hmac_sha256(SITE_KEY, b"pophealth pseudonym, purpose case_finding"), b"9434765919").hex()[:32]
    )


@pytest.mark.parametrize("count", [0, 1, 3])
def test_many_at_once_are_as_many(count: int) -> None:
    assert len(pseudonyms(SITE_KEY, [str(number) for number in range(count)])) == count
