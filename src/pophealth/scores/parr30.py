"""Gives PARR-30: the risk of an emergency readmission within 30 days of a discharge, in percent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Option, Output, Score
from pophealth.scores._shared_inputs import ADULT_AGES, emergency_stay, flag

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from pophealth.scores._flags import Flags


def compute(inputs: pl.DataFrame, options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `parr30_percent` of prepared inputs: a row is a discharge, not a person."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import floats, many_truths
    from pophealth.scores._data import read_table
    from pophealth.scores._flags import Flags
    from pophealth.scores._reading import read_number

    flags = Flags(inputs.height)
    inputs = _with_looked_up_scores(inputs, options["imd_score_file"])
    table = read_table("parr30")
    figures = {row["term"]: float(row["coefficient"]) for row in table if not row["above"]}
    lean = figures["constant"] + figures["age_years squared"] * read_number(inputs, AGE, flags) ** 2
    lean = lean + figures[ADMISSIONS.name] * read_number(inputs, ADMISSIONS, flags)
    unknown = np.zeros(inputs.height, dtype=np.bool_)
    true, missing = many_truths(inputs, [entry.name for entry in (EMERGENCY, RECENT, *CONDITIONS)])
    for name, where in missing.items():
        flags.add("missing", name, where)
        lean = lean + figures[name] * true[name]
        unknown |= where
    deprivation = read_number(inputs, IMD, flags)
    bands = [(float(row["above"]), float(row["coefficient"])) for row in table if row["above"]]
    place = np.maximum(np.searchsorted([above for above, _ in bands], deprivation, side="left") - 1, 0)
    lean = lean + np.where(np.isnan(deprivation), np.nan, np.array([effect for _, effect in bands])[place])
    lean = lean + _trust_effect(inputs, options["other_trust_effect"], flags)
    value = np.where(unknown, np.nan, 100 / (1 + np.exp(-lean)))
    return pl.DataFrame([floats("parr30_percent", value), flags.series("parr30_flags")])


def _with_looked_up_scores(inputs: pl.DataFrame, file: str) -> pl.DataFrame:
    """Give the inputs with the deprivation score of the home area where it was missing."""
    if not file:
        return inputs
    from pathlib import Path

    from pophealth.scores.townsend import read_lookup

    scores = read_lookup(Path(file), AREA.name, IMD.name)
    areas = inputs[AREA.name].str.strip_chars().to_frame("area")
    found = areas.join(scores, on="area", how="left", maintain_order="left")["score"]
    return inputs.with_columns(inputs[IMD.name].zip_with(inputs[IMD.name].is_not_null(), found))


def _trust_effect(inputs: pl.DataFrame, other: float, flags: Flags) -> NDArray[np.float64]:
    """Give the published effect of a trust, `other` (noted as imputed) where there is none for its code."""
    import numpy as np
    import polars as pl

    from pophealth.scores._data import read_table

    effects = {row["trust_code"]: float(row["coefficient"]) for row in read_table("parr30_trusts")}
    codes = inputs[TRUST.name].str.strip_chars().str.to_uppercase()
    found = codes.replace_strict(effects, default=None, return_dtype=pl.Float64).fill_null(np.nan).to_numpy()
    flags.add("imputed", TRUST.name, np.isnan(found))
    return np.where(np.isnan(found), other, found)


def _condition(name: str, words: str) -> Input:
    return flag(
        f"has_{name}", f"{words}, coded in an admission of the last two years", feature=f"has_parr30_{name}_24m"
    )


AGE = Input(
    "age_years",
    "int",
    "years",
    ADULT_AGES,
    feature="age_at_last_discharge_years",
    description="Whole years on the day of discharge",
)
EMERGENCY = emergency_stay()
ADMISSIONS = Input(
    "emergency_admissions_12m",
    "int",
    "admissions",
    (0, 1_000),
    feature="emergency_admissions_365d_before_last_stay",
    description="Emergency admissions in the year before this one, not for pregnancy or gynaecology; this one not counted",
)
RECENT = flag(
    "has_emergency_admission_30d",
    "Any such emergency admission in the 30 days before this one",
    feature="emergency_admissions_30d_before_last_stay >= 1",
)
CONDITIONS = (
    _condition("congestive_heart_failure", "Congestive heart failure"),
    _condition("peripheral_vascular_disease", "Peripheral vascular disease"),
    _condition("chronic_pulmonary_disease", "Chronic pulmonary disease"),
    _condition("diabetes_with_chronic_complications", "Diabetes with chronic complications"),
    _condition("renal_disease", "Renal disease"),
    _condition("metastatic_cancer_with_solid_tumour", "Metastatic cancer with solid tumour"),
    _condition("other_malignant_cancer", "Other malignant cancer"),
    _condition("moderate_severe_liver_disease", "Moderate or severe liver disease"),
    _condition("other_liver_disease", "Other liver disease"),
    _condition("hemiplegia_or_paraplegia", "Hemiplegia or paraplegia"),
    _condition("dementia", "Dementia"),
)
IMD = Input(
    "imd_score",
    "float",
    "IMD score",
    (0.0, 100.0),
    missing="looked up by lsoa_code where option imd_score_file names a file, else no score",
    needed=False,
    description="Score of the Index of Multiple Deprivation of the home area: never its rank or decile",
)
AREA = Input(
    "lsoa_code",
    "text",
    None,
    missing="no effect unless imd_score is missing and option imd_score_file names a file",
    needed=False,
    optional=True,
    description="Code of the home area, as the file of option imd_score_file has it",
)
TRUST = Input(
    "trust_code",
    "text",
    None,
    missing="option other_trust_effect stands in, flagged imputed; also for a code the paper does not list",
    needed=False,
    optional=True,
    description="Three-character code of the hospital trust, as in 2008-09",
)

SCORE = Score(
    id="parr30",
    title="PARR-30, emergency readmission within 30 days",
    version="2012",
    source="Billings and others, BMJ Open 2012;2:e001667; as in clinical-scores.md section 8",
    licence="Open-access paper, free to use",
    range=(0.0, 100.0),
    direction="higher is worse",
    inputs=(AGE, EMERGENCY, ADMISSIONS, RECENT, *CONDITIONS, IMD, AREA, TRUST),
    outputs=(Output("parr30_percent", "float", "%", "Risk of an emergency readmission within 30 days of discharge"),),
    primary_output="parr30_percent",
    compute=compute,
    options=(
        Option(
            "other_trust_effect",
            0.0,
            "effect where the paper has none for the trust; its figure for any other hospital is -0.1155",
            (-1.0, 1.0),
        ),
        Option(
            "imd_score_file",
            "",
            "path of a CSV or Parquet file with columns lsoa_code, imd_score: for who has no imd_score",
        ),
    ),
    statement="Calibrated on English admissions of 2008-09: historical, to be recalibrated before use.",
)
