"""Gives a model's inputs in plain words: the name of a column as a clinician would say it, and a person's own value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from pophealth.declare import Feature

KNOWN = {"age_years": "age", "sex": "sex", "imd_quintile": "deprivation fifth of the area"}
SHORT = {"bmi": "BMI", "hba1c": "HbA1c", "egfr": "eGFR", "efi": "eFI", "copd": "COPD", "cvd": "CVD", "tia": "TIA"}
SPANS = {"d": "days", "m": "months", "y": "years"}
UNITS = ("_years", "_days", "_percent", "_mmol_mol", "_mmol_l", "_kg_m2", "_mmhg", "_ml_min_1_73m2", "_umol_l")


def label_of(column: str) -> str:
    """Give a column's name as words: ``emergency_admissions_12m`` is "emergency admissions in 12 months"."""
    if column in KNOWN:
        return KNOWN[column]
    name = re.sub(r"^(has|is|on)_", "", column)
    span = re.search(r"_([0-9]+)([dmy])$", name)
    when = ""
    if span:
        name = name[: span.start()]
        when = f" in {span[1]} {SPANS[span[2]]}"
    for unit in UNITS:
        name = name.removesuffix(unit)
    latest = name.endswith("_latest")
    words = " ".join(SHORT.get(word, word) for word in name.removesuffix("_latest").removesuffix("_count").split("_"))
    if name.endswith("_count"):
        words = f"number of {words}"
    return ("latest " if latest else "") + words + when


def in_words(found: pl.DataFrame, people: pl.DataFrame, features: dict[str, Feature]) -> pl.Series:
    """Give, for each row of `found` (patient_id, feature), that person's own value as text; "not recorded" for none."""
    texts = [
        people.select("patient_id", feature=pl.lit(name), text=_text(people, name, features))
        for name in found["feature"].unique().sort().to_list()
    ]
    if not texts:
        return pl.Series("value_text", [], dtype=pl.String)
    joined = found.select("patient_id", "feature").join(
        pl.concat(texts), on=["patient_id", "feature"], how="left", maintain_order="left"
    )
    return joined["text"].fill_null("not recorded").alias("value_text")


def _text(people: pl.DataFrame, name: str, features: dict[str, Feature]) -> pl.Expr:
    column, dtype = pl.col(name), people.schema[name]
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("yes")).when(~column).then(pl.lit("no")).otherwise(None).cast(pl.String)
    unit = features[name].unit if name in features else None
    if name == "imd_quintile":
        return pl.format("{} of 5 (1 is most deprived)", column)
    text = column.round(1).cast(pl.String) if dtype.is_float() else column.cast(pl.String)
    return pl.format("{} {}", text, pl.lit(unit)) if unit else text
