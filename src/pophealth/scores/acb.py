"""Gives the anticholinergic burden: points summed over the different ingredients a person takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pophealth.declare import Input, Output, Score

if TYPE_CHECKING:
    import polars as pl

# From 3 points on clinically relevant (clinical-scores.md section 10).
RELEVANT_FROM = 3


def compute(inputs: pl.DataFrame, _options: Mapping[str, Any]) -> pl.DataFrame:
    """Give `acb`, `acb_is_relevant` and `acb_ingredients` of prepared inputs."""
    import numpy as np
    import polars as pl

    from pophealth.scores._columns import wholes
    from pophealth.scores._flags import Flags, text_lists

    flags = Flags(inputs.height)
    taken = pl.DataFrame({"name": inputs[INGREDIENTS.name]}).with_row_index("person")
    known = inputs[INGREDIENTS.name].is_not_null().to_numpy().copy()
    entries = taken.filter(known & (taken["name"].list.len() > 0).fill_null(value=False).to_numpy()).explode("name")
    # a list with an unknown medicine in it is not the whole list
    known[entries.filter(pl.col("name").is_null())["person"].to_numpy()] = False
    flags.add("missing", INGREDIENTS.name, ~known)
    counted = _counted(entries)
    counted = counted.filter(known[counted["person"].to_numpy()])
    total = np.bincount(counted["person"], weights=counted["points"], minlength=inputs.height).astype(np.int64)
    by_ingredient = counted.partition_by("ingredient", as_dict=True)
    names = sorted(str(name) for (name,) in by_ingredient)
    listed = text_lists(
        "acb_ingredients", names, [by_ingredient[(name,)]["person"].to_numpy() for name in names], inputs.height
    )
    return pl.DataFrame(
        [
            wholes("acb", total, known),
            pl.Series("acb_is_relevant", total >= RELEVANT_FROM).set(pl.Series(~known), None),
            listed.to_frame().select(pl.when(pl.Series(known)).then(pl.first())).to_series(),
            flags.series("acb_flags"),
        ]
    )


def _counted(entries: pl.DataFrame) -> pl.DataFrame:
    """Give the ingredients on the list by person, each once with its highest points."""
    import polars as pl

    from pophealth.scores._data import read_table

    listed = pl.DataFrame(read_table("acb")).with_columns(pl.col("points").cast(pl.Int64))
    spelt = pl.col("part").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    # every spelling that occurs is read once, not once a person
    meant = (
        entries.select(pl.col("name").drop_nulls().unique())
        .with_columns(part=pl.col("name").str.replace_all(r"[+/]", ";").str.split(";"))
        .explode("part")
        .with_columns(part=spelt)
        .join(listed.rename({"name": "part"}), on="part")
        .select("name", "ingredient", "points")
    )
    return entries.join(meant, on="name").group_by("person", "ingredient").agg(pl.col("points").max())


INGREDIENTS = Input(
    "current_ingredients",
    "codes",
    None,
    feature="current_anticholinergic_ingredients",
    missing="no score; a list with a missing entry too. An empty list is nothing taken: 0 points",
    description=(
        "Names of the ingredients taken now, as the dm+d moiety (VTM) has them, without salt; a combination is split "
        "(codeine + paracetamol, or each by itself). Capitals and repetition do not matter; one not on the list is 0 points"
    ),
)

SCORE = Score(
    id="acb",
    title="Anticholinergic burden, ACBcalc list",
    version="ACBcalc, as listed in 2023",
    source="ACBcalc (King and Rabino), after Boustani and others, Aging Health 2008;4:311; clinical-scores.md section 10",
    licence="The list is published without a licence: off until a site accepts",
    range=(0.0, float("inf")),
    direction="higher is worse",
    inputs=(INGREDIENTS,),
    outputs=(
        Output("acb", "int", "points", "Points summed over different ingredients"),
        Output("acb_is_relevant", "bool", None, "3 points or more"),
        Output("acb_ingredients", "list of text", None, "Ingredients that gave points"),
    ),
    primary_output="acb",
    compute=compute,
    needs_licence_acceptance=True,
    statement="Lists of anticholinergic medicines differ: this is the ACBcalc list, as printed in 2023.",
)
