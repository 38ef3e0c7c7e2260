"""Gives the oral morphine equivalent of all opioids a person takes, in milligrams a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags

# From 120 mg a day harm rises without more benefit (OpenPrescribing opioidper1000; service-specs.md SMR-04).
HIGH_FROM_MG = 120.0
HOURS_A_DAY = 24
MICROGRAMS_A_MILLIGRAM = 1000
# Patches: mg of oral morphine for 1 mg released, of fentanyl and of buprenorphine (OpenPrescribing opioid_ing_form_ome).
PATCH_FACTOR = 100.0

DOSES = {
    "alfentanil": ("injection", "nasal"),
    "buprenorphine": ("injection", "oromucosal"),
    "codeine_phosphate": ("injection", "oral", "rectal"),
    "dextromoramide": ("oral",),
    "dextropropoxyphene": ("oral",),
    "diamorphine_hydrochloride": ("inhalation", "injection", "oral", "rectal"),
    "dihydrocodeine_tartrate": ("injection", "oral"),
    "dipipanone_hydrochloride": ("oral",),
    "fentanyl": ("buccal", "injection", "nasal", "oromucosal"),
    "hydromorphone_hydrochloride": ("injection", "oral"),
    "meptazinol": ("injection", "oral"),
    "methadone_hydrochloride": ("inhalation", "injection", "oral"),
    "morphine_hydrochloride": ("injection", "oral", "rectal"),
    "morphine_sulfate": ("injection", "oral", "rectal"),
    "morphine_tartrate": ("injection",),
    "nalbuphine_hydrochloride": ("injection",),
    "oxycodone_hydrochloride": ("injection", "oral", "rectal"),
    "oxycodone_pectinate": ("rectal",),
    "papaveretum": ("injection",),
    "pentazocine": ("injection", "rectal"),
    "pentazocine_hydrochloride": ("oral",),
    "pethidine_hydrochloride": ("injection", "oral"),
    "tapentadol": ("oral",),
    "tramadol_base": ("oral",),
    "tramadol_hydrochloride": ("injection", "oral"),
}
"""Opioids given in milligrams: substance and routes."""
PATCHES = ("buprenorphine", "fentanyl")
WITHOUT_FACTOR = "methadone_hydrochloride"


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give the equivalent of prepared inputs; a dose that is missing was not taken, unless none at all is given."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats
    from pophealth.scores._data import read_table
    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    factors = {row["input"]: float(row["factor"]) for row in read_table("opioid_factors") if row["factor"]}
    total, given = np.zeros(inputs.height), np.zeros(inputs.height, dtype=np.bool_)
    # one after the other, so that a sum does not depend on how many people stand in the batch
    doses = inputs.fill_null(float("nan"))
    for entry in _occurring(inputs):
        dose, taken = _dose(doses[entry.name].to_numpy(), entry, flags)
        if entry in WORN:
            total, given = total + _of_patches(entry, dose), given | taken
        elif entry.name in factors:
            total, given = total + dose * factors[entry.name], given | taken
        else:
            flags.add("not_applicable", entry.name, dose > 0)
    flags.add("not_applicable", "no_dose_given", ~given)
    value = np.where(given, total, np.nan)
    # rounded before the bound: sums of tenths fall a hair short of it
    high = pl.Series("ome_is_high", np.round(value, 6) >= HIGH_FROM_MG).set(pl.Series(np.isnan(value)), None)
    return pl.DataFrame([floats("oral_morphine_equivalent_mg_per_day", value), high, flags.series("ome_flags")])


def _occurring(inputs: pl.DataFrame) -> list[Input]:
    """Give the inputs of which anybody has a dose: of fifty a network knows a few."""
    empty = inputs.null_count().row(0)
    return [entry for entry, nulls in zip((*MILLIGRAMS, *WORN), empty, strict=True) if nulls < inputs.height]


def _dose(dose: NDArray[np.float64], entry: Input, flags: Flags) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Give a dose, 0 where none is given and NaN where it is refused, and where one is given."""
    import numpy as np

    from pophealth.scores._reading import BEARABLE

    given = ~np.isnan(dose)
    refused = (dose < 0) | (dose > BEARABLE[1])
    if refused.any():
        flags.add("out_of_range", entry.name, refused)
        dose = np.where(refused, np.nan, dose)
    return np.where(given, dose, 0.0), given


def _of_patches(entry: Input, hourly: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give mg a day for micrograms an hour: as tabled for the strength of one patch, by the factor for several together."""
    import numpy as np

    from pophealth.scores._data import read_table

    value = hourly * (HOURS_A_DAY * PATCH_FACTOR / MICROGRAMS_A_MILLIGRAM)
    ingredient = PATCHES[WORN.index(entry)]
    for row in read_table("opioid_patches"):
        if row["ingredient"] == ingredient:
            tabled = hourly == float(row["micrograms_per_hour"])
            value = np.where(tabled, float(row["oral_morphine_mg_per_day"]), value)
    return value


def _milligrams(substance: str, route: str) -> Input:
    words = f"{substance.replace('_', ' ')}, {route}: milligrams taken in a day, from all its products together"
    apart = "; no factor, so it is left out of the total and flagged not_applicable"
    return Input(
        f"{substance}_{route}_mg_per_day",
        "float",
        "mg/day",
        missing=NOT_TAKEN,
        needed=False,
        optional=True,
        description=words + (apart if substance == WITHOUT_FACTOR else ""),
    )


def _worn(ingredient: str) -> Input:
    return Input(
        f"{ingredient}_patch_micrograms_per_hour",
        "float",
        "micrograms/hour",
        missing=NOT_TAKEN,
        needed=False,
        optional=True,
        description=(
            f"{ingredient} patches: micrograms an hour of all patches worn at one time, whatever the hours between changes; "
            "of several patches add the strengths (a fentanyl patch printed 12 counts 12.5)"
        ),
    )


NOT_TAKEN = "not taken; where no dose at all is given there is no equivalent"
MILLIGRAMS = tuple(_milligrams(substance, route) for substance, routes in DOSES.items() for route in routes)
WORN = tuple(_worn(ingredient) for ingredient in PATCHES)

SCORE = Score(
    id="ome",
    title="Oral morphine equivalent of all opioids",
    version="OpenPrescribing factors; patches Faculty of Pain Medicine 2020",
    source="OpenPrescribing opioid_ing_form_ome; Faculty of Pain Medicine, Opioids Aware; service-specs.md SMR-04",
    licence="Facts of published tables",
    range=(0.0, float("inf")),
    direction="higher is worse",
    inputs=(*MILLIGRAMS, *WORN),
    outputs=(
        Output("oral_morphine_equivalent_mg_per_day", "float", "mg/day", "Oral morphine of the same strength, a day"),
        Output("ome_is_high", "bool", None, "120 mg a day or more"),
    ),
    primary_output="oral_morphine_equivalent_mg_per_day",
    compute=compute,
    statement="Sources differ in their factors; methadone and opioids for dependence are reported apart. Not prescribing advice.",
)
