"""Gives CHA2DS2-VASc: points for the risk of stroke in atrial fibrillation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._cha2ds2 import IN_FIBRILLATION, ITEMS, note_no_fibrillation, shared_points
from pophealth.scores._shared_inputs import sex

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `cha2ds2_vasc` of prepared inputs; female sex is one point (clinical-scores.md section 9)."""
    import polars as pl

    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_female
    from pophealth.scores._three_valued import Truth

    flags = Flags(inputs.height)
    total = shared_points(inputs, flags)
    female, known = read_female(inputs, flags)
    total.add(1, Truth(female, ~known))
    note_no_fibrillation(inputs, flags)
    return pl.DataFrame([total.series("cha2ds2_vasc"), flags.series("cha2ds2_vasc_flags")])


SCORE = Score(
    id="cha2ds2_vasc",
    title="CHA2DS2-VASc, stroke risk in atrial fibrillation",
    version="2010",
    source="Lip and others, Chest 2010;137:263; as in clinical-scores.md section 9",
    licence="Published points, free to use",
    range=(0.0, 9.0),
    direction="higher is worse",
    inputs=(*ITEMS, sex("Recorded sex: female is one point"), IN_FIBRILLATION),
    outputs=(Output("cha2ds2_vasc", "int", "points", "Points, 0 to 9; null where an item is unknown"),),
    primary_output="cha2ds2_vasc",
    compute=compute,
)
