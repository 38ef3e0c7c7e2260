"""Gives a returned actions file taken in: every row checked against what the network was handed, all of it or nothing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from pophealth.delivery.verify import MANIFEST
from pophealth.errors import DataContractError, UsageError
from pophealth.files import check_sha256
from pophealth.planning.actions import ACTIONS, settled
from pophealth.pseudonyms import pseudonyms, purpose_key
from pophealth.runs.action_file import Returned, found_wrong, number_digits, read_action_file, typed_actions
from pophealth.runs.actions import append_actions, read_history
from pophealth.runs.clock import today
from pophealth.runs.keys import read_key
from pophealth.runs.lock import exclusive
from pophealth.runs.resume import deliveries_folder, is_committed
from pophealth.runs.status import list_runs
from pophealth.terms import Purpose, Status

if TYPE_CHECKING:
    from pophealth.config import Config


@dataclass(frozen=True)
class ImportReport:
    """What an import did.

    Attributes
    ----------
    rows, without_action
        Rows that say something was done (one a rule), and rows that say nothing.
    settled
        Rows that gave way to another of the same person, rule and day in the same file.
    already_known
        Rows that the history held already.
    imported : dict
        New actions by status.
    path : Path or None
        The new part of the history; none when nothing was new.
    """

    network: str
    rows: int
    without_action: int
    settled: int
    already_known: int
    imported: dict[str, int]
    path: Path | None


def import_actions(config: Config, file: Path, network: str | None = None) -> ImportReport:
    """Take in what a network returned.

    Raises
    ------
    DataContractError
        A row is of somebody else's person, of a list the person is not on, of a day to come, or not in the form: how
        many and the first row, by reason. Nothing was taken in.
    UsageError
        The network was never delivered, or the purpose hands out no person to act on.
    TryLaterError
        A run of the site is under way.
    """
    if config.site.purpose is Purpose.COMMISSIONING:
        msg = "actions import: purpose 'commissioning' hands out no list of people, so nothing can come back"
        raise UsageError(msg)
    returned = read_action_file(file, network)
    with exclusive(config.site.data_root):
        rows = _checked(config, file.name, returned)
        history = read_history(config.site.data_root)
        once = settled(rows)
        new = once.join(history, on=list(ACTIONS), how="anti", nulls_equal=True, maintain_order="left")
        path = append_actions(config.site.data_root, new) if new.height else None
    return ImportReport(
        returned.network,
        rows.height,
        returned.without_action,
        rows.height - once.height,
        once.height - new.height,
        dict(sorted(new["status"].cast(pl.String).value_counts().iter_rows())),
        path,
    )


def _checked(config: Config, name: str, returned: Returned) -> pl.DataFrame:
    """Give the rows in the columns of `ACTIONS`, each of a person and a list that the network was handed."""
    typed, wrong = typed_actions(returned, today())
    rows = _with_pseudonyms(config, typed)
    people, listed = _handed(config, returned.network)
    known = pl.col("patient_id").is_in(people.implode()).fill_null(value=False)
    pairs = rows.join(listed, on=["patient_id", "rule_id"], how="anti").select("row").unique()["row"]
    wrong |= found_wrong(
        rows,
        {
            f"of people whom network {returned.network} was never handed": ~known,
            "of a list that the person was never on": known & pl.col("row").is_in(pairs.implode()),
        },
    )
    if wrong:
        reasons = "; ".join(f"{reason}: {count}" for reason, count in wrong.items())
        msg = f"actions {name}: refused, nothing was taken in. {reasons}. Correct these rows and import the file again."
        raise DataContractError(msg)
    return rows.select(*ACTIONS)


def _with_pseudonyms(config: Config, rows: pl.DataFrame) -> pl.DataFrame:
    """Give the rows with the pseudonym where a person is named by NHS number; the number goes no further."""
    numbers = rows["nhs_number"].drop_nulls().unique()
    if not len(numbers):
        return rows.drop("nhs_number")
    key = purpose_key(read_key(config.site.key_file), config.site.purpose)
    made = pseudonyms(key, [number_digits(number) for number in numbers])
    named = pl.DataFrame({"nhs_number": numbers, "_made": made}, {"nhs_number": pl.String, "_made": pl.String})
    return (
        rows.join(named, on="nhs_number", how="left", maintain_order="left")
        .with_columns(pl.coalesce("patient_id", "_made").alias("patient_id"))
        .drop("nhs_number", "_made")
    )


def _handed(config: Config, network: str) -> tuple[pl.Series, pl.DataFrame]:
    """Give everybody a network's deliveries that still stand show, and each person and rule that one of them listed."""
    root = config.site.data_root
    folders = [deliveries_folder(root) / run["run_id"] for run in list_runs(root)]
    folders = [folder / network for folder in folders if is_committed(folder, network)]
    if not folders:
        msg = f"actions import: no delivery of network {network} stands; `pophealth status` lists the runs"
        raise UsageError(msg)
    lists = pl.concat([_listed(folder) for folder in folders]).unique()
    people = pl.concat([_read(folder, "patients.arrow", ["patient_id"])["patient_id"] for folder in folders])
    return people.unique(), lists


def _listed(folder: Path) -> pl.DataFrame:
    members = _read(folder, "members.arrow", ["patient_id", "rule_id", "status"])
    return members.filter(pl.col("status") == Status.LISTED.value).select("patient_id", "rule_id")


def _read(folder: Path, name: str, columns: list[str]) -> pl.DataFrame:
    files: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())["files"]
    if name not in files:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String))
    check_sha256(folder / name, files[name]["sha256"], f"delivery {folder.name} of run {folder.parent.name[:16]}")
    return pl.read_ipc(folder / name, columns=columns).select(pl.all().cast(pl.String))
