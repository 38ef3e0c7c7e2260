"""Gives files that a practice's own system can search by: NHS numbers alone, or with the date of birth; no header.

Which of them a system takes, and in what form, its supplier says: the readme beside them says so too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from pophealth.files import write_synced
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
    for practice, members in practices.items():
        if not presets:
            break
        listed = members.filter(
            pl.col("status").cast(pl.String) == Status.LISTED.value, pl.col("nhs_number").is_not_null()
        ).join(births.select("patient_id", "birth_date"), on="patient_id", how="left", maintain_order="left")
        parts = listed.sort("rank", "patient_id").partition_by("rule_id", as_dict=True, maintain_order=True)
        below = folder / practice_code(practice) / "gp"
        for preset in presets:
            (below / preset).mkdir(parents=True)
            for (rule_id,), rows in sorted(parts.items(), key=lambda item: str(item[0][0])):
                path = below / preset / f"{rule_id}.csv"
                write_synced(path, _lines(rows, preset))
                written.append(path)
            if not parts:
                (below / preset).rmdir()
        below.mkdir(exist_ok=True)
        text = README.format(count=len(parts) * len(presets), practice=practice, index_date=index_date)
        write_synced(below / "README.txt", text.encode())
        written.append(below / "README.txt")
    return written


def _lines(rows: pl.DataFrame, preset: str) -> bytes:
    """Give the lines of one file; somebody without a date of birth is left out of the form that needs one."""
    number = pl.col("nhs_number").cast(pl.String)
    born = pl.col("birth_date").dt.strftime("%d/%m/%Y")
    line = pl.format("{},{}", number, born) if preset == "nhs-dob" else number
    lines = rows.select(line=line).drop_nulls()["line"]
    return "".join(f"{text}\r\n" for text in lines).encode()
