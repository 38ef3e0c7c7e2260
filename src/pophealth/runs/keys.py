"""Gives a site its keys, and reads them: made once, mode 0600, never overwritten, never under `data_root`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pophealth.errors import ConfigError

FIRST_CONFIG = """\
# A first configuration. `pophealth config check` says what is still missing; docs/extracts.md explains every section.
[site]
name = "my site"
purpose = "development"          # case_finding, commissioning or development
legal_basis = "section_251"      # or direct_care, with approval_reference
data_root = "data"
key_file = "keys/site.key"
signing_key_file = "keys/signing.key"

[extract]
layout = "canonical"             # canonical, mapping, omop or synthea
path = "extract"

[extract.supplies]               # what the source supplies; a feature on anything else is unknown, never false
events = ["SNOMED"]
medications = ["dm+d"]
measurements = ["SNOMED"]
deaths = true

[reference]
# memberships = "pcn_membership.csv"
# areas_2021 = "imd2025_lsoa21.csv"
# medicine_map = "medicine_map.csv"
# codelists = ["codelists"]

[opt_outs]
# national_list = "national_opt_outs.csv"   # required under section_251; its first line is '# as_of: YYYY-MM-DD'
"""


def initialise(folder: Path) -> list[Path]:
    """Make keys and a first configuration in `folder`; give what was written. What is there already stays."""
    written = initialise_keys(folder / "keys")
    config = folder / "config.toml"
    if not config.exists():
        config.write_text(FIRST_CONFIG, "utf-8")
        written.append(config)
    return written


def initialise_keys(folder: Path) -> list[Path]:
    """Make the pseudonym key and the signing key (mode 0600) with its public half; give what was written."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    written: list[Path] = []
    if not (folder / "site.key").exists():
        written.append(_write_secret(folder / "site.key", secrets.token_bytes(32)))
    if not (folder / "signing.key").exists():
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        written.append(_write_secret(folder / "signing.key", pem))
        public = folder / "signing.pub"
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        written.append(public)
    return written


def _write_secret(path: Path, content: bytes) -> Path:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return path


def read_key(path: Path) -> bytes:
    """Give the site's pseudonym key.

    Raises
    ------
    ConfigError
        The file is absent, shorter than 32 bytes, or readable by others than its owner.
    """
    if not path.is_file():
        msg = f"config site.key_file: {path} does not exist; `pophealth init DIR` makes one"
        raise ConfigError(msg)
    if path.stat().st_mode & 0o077:
        msg = f"config site.key_file: {path} can be read by others; set its mode to 0600"
        raise ConfigError(msg)
    key = path.read_bytes()
    if len(key) < 32:
        msg = (
            f"config site.key_file: {path} holds {len(key)} bytes, expected 32 or more; `pophealth init DIR` makes one"
        )
        raise ConfigError(msg)
    return key
