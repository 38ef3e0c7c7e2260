"""Gives deprivation by small area: each boundary year with the edition of the index that was made for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pophealth.errors import DataContractError
from pophealth.tables import Areas

# Published column names (reference pack README): IMD 2019 by 2011 LSOA, IMD 2025 by 2021 LSOA (MHCLG, OGL v3).
_PUBLISHED = {
    2011: (2019, "lsoa11_code", "imd2019_rank", "imd2019_decile"),
    2021: (2025, "lsoa21_code", "imd2025_rank", "imd2025_decile"),
}


def load_areas(path_2011: Path | None, path_2021: Path | None) -> pl.DataFrame:
    """Give the areas (`tables.Areas`) of the files named; decile 1 is the most deprived tenth.

    A file is the published one (CSV), or a table in our own columns (CSV or Parquet).

    Raises
    ------
    DataContractError
        A column is missing, or rows break the contract (an edition that does not belong to its boundary year).
    """
    named = {2011: path_2011, 2021: path_2021}
    frames = [_load(path, vintage) for vintage, path in named.items() if path is not None]
    return pl.concat([Areas.create_empty(), *frames])


def _load(path: Path, vintage: int) -> pl.DataFrame:
    frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
    edition, code, rank, decile = _PUBLISHED[vintage]
    if code in frame.columns:
        frame = frame.rename({code: "lsoa_code", rank: "imd_rank", decile: "imd_decile"}).with_columns(
            lsoa_vintage=pl.lit(vintage), imd_edition=pl.lit(edition)
        )
    missing = sorted(set(Areas.create_empty().columns) - set(frame.columns))
    if missing:
        msg = f"areas {path.name}: columns {', '.join(missing)} are missing; found {', '.join(frame.columns)}"
        raise DataContractError(msg)
    good, failure = Areas.filter(frame.filter(pl.col("lsoa_vintage").cast(pl.Int16) == vintage), cast=True)
    if len(failure) or not good.height:
        msg = f"areas {path.name}: {len(failure)} of {frame.height} rows break the contract: {failure.counts()}"
        raise DataContractError(msg)
    return good
