"""Gives deprivation by small area: each boundary year with the edition of the index that was made for it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from pophealth.reference.published import only_good, read_published, require_columns
from pophealth.tables import Areas

# Published column names (reference pack README): IMD 2019 by 2011 LSOA, IMD 2025 by 2021 LSOA (MHCLG, OGL v3).
_PUBLISHED = {
    2011: (2019, "lsoa11_code", "imd2019_rank", "imd2019_decile"),
    2021: (2025, "lsoa21_code", "imd2025_rank", "imd2025_decile"),
}


def load_areas(path_2011: Path | None, path_2021: Path | None) -> pl.DataFrame:
    """Give the areas (`tables.Areas`) of the files named; decile 1 is the most deprived tenth.

    A file is the published one (CSV), or a table in our own columns (CSV or Parquet). Most codes mean the same area in
    both boundary years, and the editions rank it differently: the year beside a person's code decides which applies.

    Raises
    ------
    DataContractError
        A column is missing, or rows break the contract (an edition that does not belong to its boundary year).
    """
    named = {2011: path_2011, 2021: path_2021}
    frames = [_load(path, vintage) for vintage, path in named.items() if path is not None]
    return pl.concat([Areas.create_empty(), *frames])


def _load(path: Path, vintage: int) -> pl.DataFrame:
    frame = read_published(path, "areas")
    edition, code, rank, decile = _PUBLISHED[vintage]
    if code in frame.columns:
        require_columns(frame, (rank, decile), path, "areas")
        frame = frame.select(
            lsoa_code=code,
            lsoa_vintage=pl.lit(vintage, dtype=pl.Int16),
            imd_edition=pl.lit(edition, dtype=pl.Int16),
            imd_rank=rank,
            imd_decile=decile,
        )
    require_columns(frame, Areas.create_empty().columns, path, "areas")
    of_year = pl.col("lsoa_vintage").cast(pl.String).cast(pl.Int16, strict=False) == vintage
    return only_good(frame.filter(of_year.fill_null(value=True)), Areas, path, f"areas of {vintage}")
