"""Gives the Elixhauser comorbidities from ICD-10 codes, summed by van Walraven's points."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Output, Score
from pophealth.scores._icd10_declared import LINE_OPTIONS, MALFORMED, codes_input

if TYPE_CHECKING:
    import polars as pl


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give the sum of points, the number of categories and their names. The sum can be negative."""
    import polars as pl

    from pophealth.scores._columns import wholes
    from pophealth.scores._comorbidity import categories, names_met, points, present
    from pophealth.scores._flags import Flags
    from pophealth.scores._icd10 import read_codes

    flags = Flags(inputs.height)
    diagnoses = read_codes("elixhauser_vw", inputs["icd10_codes"], flags, options["malformed_codes"])
    table = categories("elixhauser", ("van_walraven",))
    met = present(diagnoses, table, inputs.height)
    count = points(met, (1,) * len(table.names))
    return pl.DataFrame(
        [
            wholes("elixhauser_vw", points(met, table.points["van_walraven"]), diagnoses.known),
            wholes("elixhauser_count", count, diagnoses.known),
            names_met("elixhauser_categories", met, table.names, diagnoses.known),
            flags.series("elixhauser_vw_flags"),
        ]
    )


SCORE = Score(
    id="elixhauser_vw",
    title="Elixhauser comorbidities, Quan's ICD-10 map, van Walraven's points",
    version="Quan 2005 map; van Walraven 2009 points",
    source="Quan and others, Med Care 2005;43:1130; van Walraven and others, Med Care 2009;47:626",
    licence="Published map and points, free to use",
    range=(-19.0, 85.0),
    direction="higher is worse",
    inputs=(codes_input("spell_icd10_codes_5y", "In the line: spells admitted in the 5 years up to the index date"),),
    outputs=(
        Output("elixhauser_vw", "int", "points", "Sum of points over the categories that count; may be negative"),
        Output("elixhauser_count", "int", "categories", "Number of categories that count, of 31"),
        Output("elixhauser_categories", "list of text", None, "Categories that count, hierarchies applied"),
    ),
    primary_output="elixhauser_vw",
    compute=compute,
    options=(MALFORMED,),
    line_options=LINE_OPTIONS,
)
