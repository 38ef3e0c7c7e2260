"""Gives the Townsend deprivation score of the area of residence, from a file the user brings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Option, Output, Score

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `townsend` of prepared inputs.

    An unknown area has no score here; QRISK3 then takes the mean, 0, and says so (clinical-scores.md section 11).

    Raises
    ------
    UsageError
        The file named is not there.
    DataContractError
        It lacks the columns named, holds what is no number, or an area twice.
    """
    import polars as pl

    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    areas = inputs["lsoa11"].str.strip_chars()
    missing = areas.is_null().to_numpy()
    flags.add("missing", "lsoa11", missing)
    if not options["lookup_file"]:
        value = pl.Series([None], dtype=pl.Float64).new_from_index(0, inputs.height)
        flags.add("not_applicable", "lookup_file_not_given", ~missing)
    else:
        scores = read_lookup(Path(options["lookup_file"]), options["area_column"], options["score_column"])
        value = areas.to_frame("area").join(scores, on="area", how="left", maintain_order="left")["score"]
        flags.add("out_of_range", "lsoa11", value.is_null().to_numpy() & ~missing)
    return pl.DataFrame([value.alias("townsend"), flags.series("townsend_flags")])


def read_lookup(path: Path, area_column: str, score_column: str) -> pl.DataFrame:
    """Give area (text) and score (float64) of a CSV or Parquet file, one row an area.

    Raises
    ------
    UsageError, DataContractError
        As `compute`.
    """
    import polars as pl

    from pophealth.errors import DataContractError, UsageError

    if not path.is_file():
        msg = f"lookup file: there is no file {path}"
        raise UsageError(msg)
    parquet = path.suffix.lower() == ".parquet"
    try:
        table = pl.read_parquet(path) if parquet else pl.read_csv(path, infer_schema=False)
        scores = table.select(
            area=pl.col(area_column).cast(pl.String).str.strip_chars(),
            score=pl.col(score_column).cast(pl.Float64),
        )
    except pl.exceptions.PolarsError as error:
        msg = (
            f"lookup file {path.name}: expected a table with areas in column {area_column} and numbers in {score_column} "
            f"({type(error).__name__}). HINT: `pophealth scores describe` says which columns."
        )
        raise DataContractError(msg) from error
    twice = scores.height - scores["area"].n_unique()
    if twice:
        msg = f"lookup file {path.name}: {twice:,} of {scores.height:,} areas stand there twice; expected each once"
        raise DataContractError(msg)
    return scores


SCORE = Score(
    id="townsend",
    title="Townsend deprivation score 2011",
    version="as the file brought by the user (Townsend 2011)",
    source="Townsend and others 1988; UK Data Service, Townsend 2011; as in clinical-scores.md section 11",
    licence="Census output, Open Government Licence; the file is brought by the user",
    range=(-7.0, 12.0),
    direction="higher is worse",
    inputs=(
        Input(
            "lsoa11",
            "text",
            feature="lsoa_code",
            description=(
                "Code of the 2011 lower super output area of residence, or of its output area where the file is by output "
                "area; a 2021 code only after the best-fit look-up, for most but not all mean the same area. An area that "
                "is not in the file is flagged out_of_range"
            ),
        ),
    ),
    outputs=(Output("townsend", "float", "Townsend score", "Sum of four z-scores; higher is more deprived"),),
    primary_output="townsend",
    compute=compute,
    options=(
        Option("lookup_file", "", "path of the CSV or Parquet file with scores by area; without it nobody has a score"),
        Option("area_column", "lsoa11cd", "column of the file with the area codes"),
        Option("score_column", "townsend_2011", "column of the file with the scores"),
    ),
)
