"""Gives the oral morphine equivalent of all opioids a person takes, in milligrams a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score

if TYPE_CHECKING:
    import polars as pl

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

    from pophealth.scores._data import read_table
    from pophealth.scores._flags import Flags

    flags = Flags(inputs.height)
    doses, refused = _accepted(inputs, flags)
    factors = {row["input"]: float(row["factor"]) for row in read_table("opioid_factors") if row["factor"]}
    parts = [pl.col(name) * factor for name, factor in factors.items()]
    parts += [_of_patches(entry.name, ingredient) for entry, ingredient in zip(WORN, PATCHES, strict=True)]
    counted = [*factors, *(entry.name for entry in WORN)]
    apart = doses.select(pl.col(entry.name) > 0 for entry in MILLIGRAMS if entry.name not in factors)
    for name in apart.columns:
        flags.add("not_applicable", name, apart[name].fill_null(value=False).to_numpy())
    total, given = doses.select(
        total=pl.sum_horizontal(parts), given=pl.any_horizontal(pl.col(counted).is_not_null()) | pl.lit(refused)
    ).get_columns()
    flags.add("not_applicable", "no_dose_given", ~given.to_numpy())
    value = total.set(~given | refused, None).alias("oral_morphine_equivalent_mg_per_day")
    # rounded before the bound: sums of tenths fall a hair short of it
    high = pl.Series("ome_is_high", np.round(value.to_numpy(), 6) >= HIGH_FROM_MG).set(value.is_null(), None)
    return pl.DataFrame([value, high, flags.series("ome_flags")])


def _accepted(inputs: pl.DataFrame, flags: Flags) -> tuple[pl.DataFrame, pl.Series]:
    """Give the doses with refused ones (negative, infinite) as null, and who has a refused one."""
    import polars as pl

    refused = pl.Series([False]).new_from_index(0, inputs.height)
    least, most = inputs.min().row(0), inputs.max().row(0)
    for name, low, high in zip(inputs.columns, least, most, strict=True):
        if low is not None and (low < 0 or high == float("inf")):
            wrong = ((inputs[name] < 0) | inputs[name].is_infinite()).fill_null(value=False)
            flags.add("out_of_range", name, wrong.to_numpy())
            inputs, refused = inputs.with_columns(inputs[name].set(wrong, None)), refused | wrong
    return inputs, refused


def _of_patches(name: str, ingredient: str) -> pl.Expr:
    """Give mg a day for micrograms an hour: as tabled for the strength of one patch, by the factor for several together."""
    import polars as pl

    from pophealth.scores._data import read_table

    rows = [row for row in read_table("opioid_patches") if row["ingredient"] == ingredient]
    tabled = {float(row["micrograms_per_hour"]): float(row["oral_morphine_mg_per_day"]) for row in rows}
    by_factor = pl.col(name) * (HOURS_A_DAY * PATCH_FACTOR / MICROGRAMS_A_MILLIGRAM)
    return pl.col(name).replace_strict(tabled, default=by_factor, return_dtype=pl.Float64)


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
