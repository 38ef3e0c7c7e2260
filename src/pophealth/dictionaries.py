"""Gives the digest of a dictionary of concepts: what a plan and an index compare before numbers are believed."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl


def digest_of(dictionary: pl.DataFrame) -> str:
    """Give the SHA-256 of which code of which code system has which number.

    Parameters
    ----------
    dictionary
        Columns concept, code_system and code, a row per concept.
    """
    digest = hashlib.sha256(dictionary["concept"].to_numpy().astype(np.uint32).tobytes())
    for name in ("code_system", "code"):
        text = dictionary[name].cast(pl.String)
        digest.update(
            text.str.len_bytes().to_numpy().astype(np.uint32).tobytes()
        )  # so that no two ways to cut it agree
        digest.update("".join(text.to_list()).encode())
    return digest.hexdigest()
