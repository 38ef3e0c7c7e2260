"""Gives CHA2DS2-VA: CHA2DS2-VASc without the point for female sex, as the 2024 European guideline has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._cha2ds2 import IN_FIBRILLATION, ITEMS, note_no_fibrillation, shared_points

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `cha2ds2_va` of prepared inputs."""
    import polars as pl

    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    total = shared_points(inputs, flags)
    note_no_fibrillation(inputs, flags)
    return pl.DataFrame([total.series("cha2ds2_va"), flags.series("cha2ds2_va_flags")])


SCORE = Score(
    id="cha2ds2_va",
    title="CHA2DS2-VA, stroke risk in atrial fibrillation without sex",
    version="ESC 2024",
    source="European Society of Cardiology guideline 2024; Lip and others, Chest 2010;137:263; clinical-scores.md section 9",
    licence="Published points, free to use",
    range=(0.0, 8.0),
    direction="higher is worse",
    inputs=(*ITEMS, IN_FIBRILLATION),
    outputs=(Output("cha2ds2_va", "int", "points", "Points, 0 to 8; null where an item is unknown"),),
    primary_output="cha2ds2_va",
    compute=compute,
)
