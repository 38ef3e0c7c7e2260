"""Gives members their NHS numbers, where purpose and agreement allow it; nothing before delivery ever joins them."""

from __future__ import annotations

import polars as pl

from pophealth.terms import Purpose, Status

_IS_LISTED = pl.col("status").cast(pl.String) == Status.LISTED.value


def identify_members(
    members: pl.DataFrame, identity: pl.DataFrame, *, purpose: Purpose, agreement: str | None
) -> pl.DataFrame:
    """Give the network's members with a column `nhs_number`: null unless listed, and the networks may share numbers.

    Parameters
    ----------
    members
        Member rows of one network.
    identity
        patient_id and nhs_number of its practices.
    agreement
        Reference of the network sharing agreement; without one the network's own table shows no number.
    """
    if purpose is Purpose.CASE_FINDING and agreement:
        return _joined(members, identity)
    return members.with_columns(nhs_number=pl.lit(None, dtype=pl.String))


def practice_frames(members: pl.DataFrame, identity: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Give each practice its own members with NHS numbers: the practice holds these records itself."""
    frames = _joined(members, identity).partition_by("practice_code", as_dict=True, maintain_order=True)
    return {str(code): frame for (code,), frame in sorted(frames.items(), key=lambda item: str(item[0]))}


def _joined(members: pl.DataFrame, identity: pl.DataFrame) -> pl.DataFrame:
    numbered = members.join(
        identity.select("patient_id", "nhs_number"), on="patient_id", how="left", maintain_order="left"
    )
    return numbered.with_columns(pl.when(_IS_LISTED).then("nhs_number").alias("nhs_number"))
