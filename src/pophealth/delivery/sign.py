"""Gives signatures: Ed25519 over the exact bytes of a manifest."""

from __future__ import annotations

import hashlib
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from pophealth.errors import ConfigError, IntegrityError


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """Give a site's signing key from its PEM file.

    Raises
    ------
    ConfigError
        The file is absent, readable by others, or no Ed25519 key.
    """
    if not path.is_file():
        msg = f"signing key: {path} does not exist; `pophealth init DIR` makes one"
        raise ConfigError(msg)
    if path.stat().st_mode & 0o077:
        msg = f"signing key: {path} can be read by others; set its mode to 0600"
        raise ConfigError(msg)
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: it is locked with a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        msg = f"signing key: {path} is not an Ed25519 private key in PEM form without a password"
        raise ConfigError(msg)
    return key


def load_public_key(path: Path) -> str:
    """Give the public key in a PEM file as 64 hex digits.

    Raises
    ------
    ConfigError
        The file is absent or no Ed25519 public key.
    """
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        msg = f"public key: {path} is not an Ed25519 public key in PEM form"
        raise ConfigError(msg)
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def public_key_of(key: Ed25519PrivateKey) -> str:
    """Give the public half as 64 hex digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def fingerprint(public_key: str) -> str:
    """Give what two people compare over the telephone: the first 16 hex digits of the key's SHA-256."""
    return hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:16]


def check_signature(content: bytes, signature: bytes, public_key: str, what: str) -> None:
    """Refuse content that the key did not sign.

    Raises
    ------
    IntegrityError
        The signature is not the key's signature of these bytes.
    """
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key)).verify(signature, content)
    except (InvalidSignature, ValueError):
        msg = (
            f"{what}: the manifest was not signed by the key {public_key[:16]}...; it was changed, or is another site's"
        )
        raise IntegrityError(msg) from None
