"""Gives where a practice stands: network, place, sub-ICB, ICB and region, from the published practice map."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pophealth.errors import DataContractError
from pophealth.reference.published import only_good, read_published, require_columns
from pophealth.tables import Networks
from pophealth.terms import UNALLOCATED

# Published column names of the patient-list publication's practice map (reference pack README, NHS England, OGL v3).
_MAP = {
    "PRACTICE_CODE": "practice_code",
    "PRACTICE_NAME": "practice_name",
    "PCN_CODE": "network_code",
    "PCN_NAME": "network_name",
    "SUB_ICB_LOCATION_CODE": "sub_icb_code",
    "SUB_ICB_LOCATION_NAME": "sub_icb_name",
    "ICB_CODE": "icb_code",
    "ICB_NAME": "icb_name",
    "COMM_REGION_CODE": "region_code",
    "COMM_REGION_NAME": "region_name",
}
ROLL_UP = (*list(_MAP.values())[:4], "place_code", "place_name", *list(_MAP.values())[4:])
"""Columns of `load_roll_up`, from the smallest unit to the largest; all text."""

_WHAT = "practice map"
_PRACTICE, _NETWORK = r"^[A-Z][0-9A-Z]{5}$", r"^U[0-9]{5}$"
_BOARD = r"^([0-9A-Z]{3}|[0-9A-Z]{5})$"
"""Code of a board or sub-ICB location: three characters, and five since boards merged in 2026."""


def load_practice_map(path: Path) -> pl.DataFrame:
    """Give practices with name, postcode and network (null where unallocated) of the published practice map.

    `name_key` and `postcode_key` are what other sources are matched on: upper case and trimmed, without spaces.

    Raises
    ------
    DataContractError
        A column is missing.
    """
    frame = read_published(path, _WHAT)
    require_columns(frame, ("PRACTICE_CODE", "PRACTICE_NAME", "PRACTICE_POSTCODE", "PCN_CODE"), path, _WHAT)
    return frame.select(
        practice_code="PRACTICE_CODE",
        practice_name="PRACTICE_NAME",
        practice_postcode="PRACTICE_POSTCODE",
        network_code=pl.when(pl.col("PCN_CODE") != UNALLOCATED).then("PCN_CODE"),
        name_key=pl.col("PRACTICE_NAME").str.strip_chars().str.to_uppercase(),
        postcode_key=pl.col("PRACTICE_POSTCODE").str.replace_all(" ", "").str.to_uppercase(),
    )


def load_roll_up(path: Path, places: Path | None = None) -> pl.DataFrame:
    """Give one row per practice with every level above it, by practice (columns of `ROLL_UP`).

    A network may have practices in two boards, so the way up starts at the practice and never at the network. Practices
    in no network (code U) keep their row, with a null network.

    Parameters
    ----------
    places
        A site's own CSV or Parquet of practice_code, place_code and place_name: no national file gives places. Without
        it, and for practices it does not name, the place is null.

    Raises
    ------
    DataContractError
        A column is missing, a code is none, or a practice stands there twice.
    """
    frame = read_published(path, _WHAT)
    require_columns(frame, _MAP, path, _WHAT)
    no_network = pl.col("network_code") == UNALLOCATED
    rows = (
        frame.select(*_MAP)
        .rename(_MAP)
        .with_columns(
            pl.when(~no_network).then("network_code").alias("network_code"),
            pl.when(~no_network).then("network_name").alias("network_name"),
        )
    )
    _check_codes(rows, path)
    return rows.join(_places(places), on="practice_code", how="left").select(ROLL_UP).sort("practice_code")


def _check_codes(rows: pl.DataFrame, path: Path) -> None:
    forms = {"practice_code": _PRACTICE, "network_code": _NETWORK, "sub_icb_code": _BOARD, "icb_code": _BOARD}
    wrong = {name: int((~rows[name].str.contains(form)).sum() or 0) for name, form in forms.items()}
    wrong |= {f"{name} missing": rows[name].null_count() for name in forms if name != "network_code"}
    wrong["practice twice"] = rows.height - rows["practice_code"].n_unique()
    found = {what: count for what, count in wrong.items() if count}
    if found:
        msg = f"{_WHAT} {path.name}: {rows.height} rows, of which codes are wrong: {found}"
        raise DataContractError(msg)


def _places(path: Path | None) -> pl.DataFrame:
    columns = {"practice_code": pl.String, "place_code": pl.String, "place_name": pl.String}
    if path is None:
        return pl.DataFrame(schema=columns)
    frame = read_published(path, "places")
    require_columns(frame, columns, path, "places")
    rows = frame.select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    twice = rows.height - rows["practice_code"].n_unique()
    if twice:
        msg = f"places {path.name}: {twice} of {rows.height} rows name a practice that has a place already"
        raise DataContractError(msg)
    return rows


def networks_of(roll_up: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Give the networks (`tables.Networks`) of a roll-up: several rows for a network in two boards or places."""
    columns = Networks.create_empty().columns
    rows = roll_up.filter(pl.col("network_code").is_not_null()).select(columns).unique().sort(columns)
    return only_good(rows, Networks, path, _WHAT)
