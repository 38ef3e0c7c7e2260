"""Gives, row by row, which groups of ICD-10 codes a list of codes falls into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pophealth.errors import DataContractError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags


_SHAPE = r"^[A-Z][0-9][0-9A-Z]{1,4}$"
"""Three to five characters and one of a dagger or asterisk: what is longer is two codes in one field, or ICD-10-CM."""


class Diagnoses(NamedTuple):
    """The codes of a batch, flat: `row` and `place` (in `distinct`) of each, in order of rows.

    A code that was passed over has place -1. `known` is false where the list itself is missing.
    """

    row: NDArray[np.int64]
    place: NDArray[np.int64]
    distinct: tuple[str, ...]
    known: NDArray[np.bool_]


def read_codes(score_id: str, lists: pl.Series, flags: Flags, malformed: str) -> Diagnoses:
    """Give the codes of `lists` in one form: upper case, letters and digits only, no padding. Blank ones are left out.

    Raises
    ------
    DataContractError
        `malformed` is ``"refuse"`` and a code is not shaped like ICD-10.
    """
    height = lists.len()
    known = lists.is_not_null().to_numpy()
    lengths = lists.list.len().fill_null(0).cast(pl.Int64).to_numpy()
    flat = lists.filter(lists.list.len() > 0).explode() if lengths.any() else pl.Series(lists.name, [], dtype=pl.String)
    row = np.repeat(np.arange(height), lengths)
    if flat.null_count():
        # a list of nothing but nulls says no more than a missing one; beside a code a null or a blank is padding
        known = known & ((lengths == 0) | (np.bincount(row, flat.is_not_null().to_numpy(), minlength=height) > 0))
    flags.add("missing", lists.name, ~known)
    written = flat.unique().drop_nulls().sort()
    clean = written.str.to_uppercase().str.replace_all(r"[^A-Z0-9]", "").str.replace(r"X+$", "")
    shaped = clean.str.contains(_SHAPE)
    bad = clean.filter(~shaped & (clean != ""))
    if bad.len() and malformed == "refuse":
        msg = (
            f"score {score_id}: column {lists.name} holds {bad.len():,} of {written.len():,} different codes that are not "
            "shaped like ICD-10 (a letter, a digit and one to four more). HINT: other code systems go into other columns; "
            "option malformed_codes=flag passes over them and says so row by row."
        )
        raise DataContractError(msg)
    # the place of each code in `written`, one past the end where the list holds a null
    place = flat.cast(pl.Enum(written)).to_physical().cast(pl.Int64).fill_null(written.len()).to_numpy()
    if bad.len():
        is_bad = np.append((~shaped & (clean != "")).to_numpy(), False)
        broken = np.zeros(height, dtype=np.bool_)
        broken[row[is_bad[place]]] = True
        flags.add("not_applicable", "malformed_codes", broken)
    place = np.where(np.append(shaped.to_numpy(), False)[place], place, -1)
    return Diagnoses(row, place, tuple(clean.to_list()), known)


def groups_met(diagnoses: Diagnoses, beginnings: Mapping[str, int], height: int) -> NDArray[np.uint64]:
    """Give a mask per row: the groups of which any code of the row has a beginning in `beginnings` (text to mask)."""
    lengths = sorted({len(text) for text in beginnings})
    of_code = np.zeros(len(diagnoses.distinct) + 1, dtype=np.uint64)  # the last is for codes passed over
    for place, code in enumerate(diagnoses.distinct):
        mask = 0
        for length in lengths:
            mask |= beginnings.get(code[:length], 0)
        of_code[place] = mask
    met = np.zeros(height, dtype=np.uint64)
    if diagnoses.row.size:
        starts = np.flatnonzero(np.r_[True, np.diff(diagnoses.row) > 0])
        met[diagnoses.row[starts]] = np.bitwise_or.reduceat(of_code[diagnoses.place], starts)
    return met


def expand(beginnings: str) -> Iterable[str]:
    """Give the beginnings that a cell of a data file names: blanks between them, ``first-last`` for a run."""
    for part in beginnings.split():
        first, _, last = part.partition("-")
        if not last:
            yield first
            continue
        letter, digits = first[0], first[1:]
        for number in range(int(digits), int(last[1:]) + 1):
            yield f"{letter}{number:0{len(digits)}d}"


def is_beginning(text: str) -> bool:
    """Give whether `text` is the beginning of an ICD-10 code: a letter and two or three digits."""
    return re.fullmatch(r"[A-Z][0-9]{2,3}", text) is not None
