"""Gives files that a practice's own system can search by: NHS numbers alone, or with the date of birth; no header.

Which of them a system takes, and in what form, its supplier says: the readme beside them says so too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from pophealth.terms import Status, practice_code

README = """\
Files to search by, one a list: {count} files of practice {practice}, index date {index_date}.

CHECK WITH YOUR SUPPLIER before the first use. What a system takes as a list of patients differs by supplier and release;
these are the two forms most often asked for:

  nhs-only/<list>.csv    one NHS number of ten digits a line, no header
  nhs-dob/<list>.csv     NHS number, comma, date of birth as DD/MM/YYYY, no header

Each file holds this practice's own patients whom the rule of that name lists. They are prompts for a clinician, not
decisions, and this is not an alerting service. Nothing is written back to any record. Delete them when you have used them.
"""


def write_gp_files(
    folder: Path,
    practices: Mapping[str, pl.DataFrame],
    births: pl.DataFrame,
    presets: Sequence[str],
    index_date: str,
) -> list[Path]:
    """Write the files of every practice below ``<folder>/<ODS>/gp``; give what was written.

    Parameters
    ----------
    practices
        Members by practice, with NHS numbers.
    births
        patient_id and birth_date.
    presets
        ``nhs-only``, ``nhs-dob``; none writes nothing.
    """
    written: list[Path] = []
    for practice, members in practices.items() if presets else ():
        below = folder / practice_code(practice) / "gp"
        lines = _lines(members, births)
        files = {
            below / preset / f"{rule_id}.csv": str(text or "")
            for preset in presets
            for rule_id, text in lines.select("rule_id", preset).iter_rows()
        }
        files[below / "README.txt"] = README.format(count=len(files), practice=practice, index_date=index_date)
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())  # whoever puts the delivery in its place waits for the disk, once for all
        written += files
    return written


def _lines(members: pl.DataFrame, births: pl.DataFrame) -> pl.DataFrame:
    """Give the text of each list's files, one column a form, by rule; who has no date of birth is not in the form with it."""
    number = pl.col("nhs_number").cast(pl.String)
    both = pl.format("{},{}", number, pl.col("birth_date").dt.strftime("%d/%m/%Y"))
    return (
        members.filter(pl.col("status").cast(pl.String) == Status.LISTED.value, pl.col("nhs_number").is_not_null())
        .join(births.select("patient_id", "birth_date"), on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.col("rule_id").cast(pl.String))
        .sort("rule_id", "rank", "patient_id")
        .select("rule_id", (number + "\r\n").alias("nhs-only"), (both + "\r\n").alias("nhs-dob"))
        .group_by("rule_id", maintain_order=True)
        .agg(pl.all().str.join(""))
    )
