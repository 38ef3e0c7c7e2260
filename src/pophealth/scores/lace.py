"""Gives the LACE index: points for readmission or death within 30 days of a discharge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score
from pophealth.scores._shared_inputs import emergency_stay

if TYPE_CHECKING:
    import polars as pl

# From 10 points on high (clinical-scores.md section 8).
HIGH_FROM = 10


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `lace` and `lace_is_high` of prepared inputs: a row is a discharge, not a person."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import wholes
    from pophealth.scores._data import read_table
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number
    from pophealth.scores._three_valued import Points, at_least, truth

    flags = Flags(inputs.height)
    total = Points(inputs.height)
    levels: dict[str, list[tuple[int, int]]] = {}
    for row in read_table("lace"):
        levels.setdefault(row["item"], []).append((int(row["from"]), int(row["points"])))
    for entry in COUNTS:
        values = read_number(inputs, entry, flags)
        before = 0
        for least, points in levels[entry.name]:
            total.add(points - before, at_least(values, least))
            before = points
    total.add(levels[EMERGENCY.name][0][1], truth(inputs, EMERGENCY.name, flags))
    known = total.low == total.high
    high = pl.Series("lace_is_high", total.low >= HIGH_FROM)
    decided = pl.Series(known | (total.low >= HIGH_FROM) | (total.high < HIGH_FROM))
    return pl.DataFrame(
        [wholes("lace", total.low.astype(np.int64), known), high.set(~decided, None), flags.series("lace_flags")]
    )


COUNTS = (
    Input(
        "length_of_stay_days",
        "int",
        "days",
        (0, 36_500),
        feature="last_stay_30d_days",
        description="Days from admission to discharge; discharged on the day of admission is 0",
    ),
    Input(
        "charlson_lace",
        "int",
        "points",
        (0, 100),
        feature="charlson_lace_5y_points",
        description=(
            "Comorbidity by LACE's own weights, not plain Charlson. As read in one table (clinical-scores.md section 8): "
            "previous myocardial infarction, cerebrovascular disease, peripheral vascular disease, diabetes 1 each; heart "
            "failure, diabetes with end-organ damage, chronic pulmonary disease, mild liver or kidney disease, any tumour "
            "2 each; dementia, connective tissue disease 3 each; AIDS, moderate or severe liver or kidney disease 4 each; "
            "metastatic cancer 6. From 4 on it gives 5 points. In the line the renal codes of Quan's map are moderate or severe"
        ),
    ),
    Input(
        "ed_visits_6m",
        "int",
        "visits",
        (0, 10_000),
        feature="emergency_attendances_180d_before_last_stay",
        description="Emergency department visits in the 6 months before admission; the one that led to it is not counted",
    ),
)
EMERGENCY = emergency_stay()

SCORE = Score(
    id="lace",
    title="LACE index, readmission or death within 30 days of discharge",
    version="2010",
    source="van Walraven and others, CMAJ 2010;182:551; as in clinical-scores.md section 8",
    licence="Published points; rights in the name unclear: off until a site accepts",
    range=(0.0, 19.0),
    direction="higher is worse",
    inputs=(COUNTS[0], EMERGENCY, *COUNTS[1:]),
    outputs=(
        Output("lace", "int", "points", "Points, 0 to 19; null where an item is unknown"),
        Output("lace_is_high", "bool", None, "10 points or more; null unless decided"),
    ),
    primary_output="lace",
    compute=compute,
    needs_licence_acceptance=True,
)
