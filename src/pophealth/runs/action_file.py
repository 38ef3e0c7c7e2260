"""Gives a returned actions file as rows of text, and what of them is wrong: by reason, how many, first in which row."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from pophealth.errors import DataContractError, UsageError
from pophealth.planning.actions import ACTIONS, STATUSES
from pophealth.terms import network_code

FIELDS = ("network_code", "patient_id", "nhs_number", "rule_id", "status", "when", "who", "note_code")
"""Columns of a file. A person is named by pseudonym or NHS number; the network may be named on the command line."""

_NOTE = r"^[A-Za-z0-9._-]{1,32}$"
_WHO = r"^[^\p{Cc}]{1,64}$"
_LONG_NUMBER = r"(?:[0-9][ -]?){10}"


@dataclass(frozen=True)
class Returned:
    """A returned file: its network, its rows with an action, and how many rows had none.

    `rows` holds text: `FIELDS` and ``row``, where each stood in the file.
    """

    network: str
    rows: pl.DataFrame
    without_action: int


def read_action_file(path: Path, network: str | None) -> Returned:
    """Give the rows of a CSV, Arrow or xlsx file that say something was done.

    Raises
    ------
    DataContractError
        The file cannot be read, or lacks a column.
    UsageError
        Neither the file nor the command line names one network.
    """
    readers = {".csv": _from_csv, ".arrow": _from_arrow, ".xlsx": _from_workbook}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        msg = f"actions {path.name}: expected .csv, .arrow or .xlsx"
        raise UsageError(msg)
    named, frame = reader(path)
    missing = sorted({"rule_id", "status", "when", "who"} - set(frame.columns))
    if missing or not {"patient_id", "nhs_number"} & set(frame.columns):
        msg = f"actions {path.name}: columns {', '.join(missing) or 'patient_id or nhs_number'} are missing"
        raise DataContractError(msg)
    trimmed = frame.with_columns(
        pl.col(name).cast(pl.String).str.strip_chars().replace("", None) if name in frame.columns else _nothing(name)
        for name in FIELDS
    )
    said = trimmed.filter(pl.any_horizontal(pl.col("status", "when", "who", "note_code").is_not_null()))
    one_rule_a_row = (
        said.with_columns(pl.col("rule_id").str.split(";"))
        .explode("rule_id")
        .with_columns(pl.col("rule_id").str.strip_chars().replace("", None))
    )
    code = _network_of(path, network or named, trimmed["network_code"])
    return Returned(code, one_rule_a_row.select(*FIELDS, "row"), trimmed.height - said.height)


def _nothing(name: str) -> pl.Expr:
    return pl.lit(None, dtype=pl.String).alias(name)


def _from_csv(path: Path) -> tuple[str | None, pl.DataFrame]:
    try:
        frame = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (OSError, pl.exceptions.PolarsError) as error:
        msg = f"actions {path.name}: cannot be read as CSV in UTF-8 ({type(error).__name__})"
        raise DataContractError(msg) from None
    return None, _numbered(frame.rename({name: name.strip().lstrip("\ufeff") for name in frame.columns}), first=2)


def _from_arrow(path: Path) -> tuple[str | None, pl.DataFrame]:
    try:
        frame = pl.read_ipc(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        msg = f"actions {path.name}: cannot be read as an Arrow file ({type(error).__name__})"
        raise DataContractError(msg) from None
    return None, _numbered(
        frame.select(pl.col(name).cast(pl.String) for name in FIELDS if name in frame.columns), first=1
    )


def _numbered(frame: pl.DataFrame, first: int) -> pl.DataFrame:
    return (
        frame.drop("row", strict=False).with_row_index("row", offset=first).with_columns(pl.col("row").cast(pl.String))
    )


def _from_workbook(path: Path) -> tuple[str | None, pl.DataFrame]:
    from pophealth.delivery.workbook_read import read_workbook_actions

    network, rows = read_workbook_actions(path)
    names = ("sheet", "row", "patient_id", "rule_id", "status", "who", "when", "note_code")
    frame = pl.DataFrame([[row[name] for name in names] for row in rows], dict.fromkeys(names, pl.String), orient="row")
    return network, frame.with_columns(row=pl.format("{} of sheet {}", "row", "sheet"))


def _network_of(path: Path, named: str | None, column: pl.Series) -> str:
    """Give the network of a file: named beside it, or the only one its rows name."""
    within = column.drop_nulls().unique()
    if named is not None:
        return network_code(named)
    if len(within) != 1:
        msg = f"actions {path.name}: its rows name {len(within)} networks; name the one it comes from with --network"
        raise UsageError(msg)
    return network_code(str(within[0]))


def typed_actions(returned: Returned, today: date) -> tuple[pl.DataFrame, dict[str, str]]:
    """Give the rows in the columns of `planning.actions.ACTIONS`, and what is wrong with their form.

    Returns
    -------
    DataFrame
        `ACTIONS` and ``row``; a cell that is wrong is null.
    dict
        Reason to "n rows, first row r", for rows that cannot stand.
    """
    rows = returned.rows.with_columns(
        _status=pl.col("status").str.to_lowercase().str.replace_all(" ", "_"),
        _when=pl.col("when").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
    ).with_columns(pl.when(pl.col("_status").is_in(list(STATUSES))).then("_status").alias("_status"))
    other = pl.col("network_code").is_not_null() & (pl.col("network_code") != returned.network)
    problems = {
        f"of another network than {returned.network}": other,
        f"with a status that is none of {', '.join(STATUSES)}": pl.col("_status").is_null(),
        "without a day as YYYY-MM-DD": pl.col("_when").is_null(),
        "of a day to come": pl.col("_when") > today,
        "without a rule id": pl.col("rule_id").is_null(),
        "without who did it, in up to 64 characters": ~pl.col("who").str.contains(_WHO).fill_null(value=False),
        "with a long number where a name of staff belongs": pl.col("who").str.contains(_LONG_NUMBER),
        "with a note code of other than letters, digits and . _ -": ~pl.col("note_code").str.contains(_NOTE),
        "with a long number in the note code": pl.col("note_code").str.contains(_LONG_NUMBER),
    }
    typed = rows.with_columns(
        pl.lit(returned.network).alias("network_code"), status=pl.col("_status"), when=pl.col("_when")
    ).select(*(pl.col(name).cast(dtype) for name, dtype in ACTIONS.items()), "nhs_number", "row")
    return typed, found_wrong(rows, problems)


def found_wrong(rows: pl.DataFrame, problems: dict[str, pl.Expr]) -> dict[str, str]:
    """Give, for each problem that a row has, how many rows and the first: never what stands in them."""
    found: dict[str, str] = {}
    for reason, holds in problems.items():
        bad = rows.filter(holds)["row"]
        if len(bad):
            found[reason] = f"{len(bad)} rows, first row {bad[0]}"
    return found


def number_digits(number: str) -> str:
    """Give an NHS number without the spaces or hyphens it was typed with."""
    return re.sub(r"[ -]", "", number)
