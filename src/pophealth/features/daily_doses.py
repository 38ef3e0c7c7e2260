"""Gives the daily dose of a medicine each person takes now, for many medicines in one reading of the issues."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pophealth.declare import Feature
from pophealth.features.lists import as_text
from pophealth.features.moment import Moment

if TYPE_CHECKING:
    from pophealth.features.archived import Archive

_PRODUCT = ["feature", "person", "code_system", "code"]


def daily_doses(features: Sequence[Feature], archive: Archive, moment: Moment) -> list[pl.Series]:
    """Give quantity x number / days' supply of the latest issue of each product that is current, a column a feature.

    The number is the category of the product in the feature's codelist. Products are added in order of their code, so
    that the sum is defined to the last bit; whoever takes none has 0.
    """
    places = sorted(range(len(features)), key=lambda place: _asks(features[place], moment))
    parts = [
        _issues([(place, features[place]) for place in alike], archive, moment)
        for _, alike in groupby(places, key=lambda place: _asks(features[place], moment))
    ]
    product = pl.col("date").max().over(_PRODUCT)
    age = (pl.lit(moment.index_date) - pl.col("date")).dt.total_days()
    doses = (
        pl.concat(parts)
        .filter(pl.col("date") == product)
        .filter(age <= pl.col("days_supply").max().over(_PRODUCT))
        .with_columns(dose=pl.col("quantity") * pl.col("number") / pl.col("days_supply").cast(pl.Float64))
        .group_by(_PRODUCT)
        .agg(pl.col("dose").max())
        .sort(_PRODUCT)
        .with_columns(rank=pl.int_range(pl.len()).over("feature", "person"))
    )
    feature, person, dose, rank = (doses[name].to_numpy() for name in ("feature", "person", "dose", "rank"))
    total = np.zeros((len(features), archive.size))
    for turn in range(int(rank.max()) + 1 if rank.size else 0):  # each person's products one after the other
        now = rank == turn
        total[feature[now], person[now]] += dose[now]
    return [pl.Series(one.name, total[place]) for place, one in enumerate(features)]


def _asks(feature: Feature, moment: Moment) -> str:
    """Give what decides which issues a feature looks at, beside its products."""
    return repr((feature.window.bounds(moment.index_date, moment.contract_year), feature.options.get("where")))


def _issues(alike: list[tuple[int, Feature]], archive: Archive, moment: Moment) -> pl.DataFrame:
    """Give the repeat issues with a quantity and a supply of all features that look at the same issues."""
    numbers = pl.concat(
        archive.library.get(feature.codelist or "").codes.select(
            *as_text("code", "code_system"),
            number=pl.col("category").cast(pl.Float64),
            feature=pl.lit(place, dtype=pl.UInt32),
        )
        for place, feature in alike
    )
    wanted = pl.col("code").cast(pl.String).is_in(numbers["code"].unique().implode())
    return (
        archive.inside("medications", alike[0][1], moment, wanted)
        .filter(
            pl.col("is_repeat").fill_null(value=True),
            pl.col("quantity").is_not_null(),
            pl.col("days_supply").fill_null(0) > 0,
        )
        .with_columns(*as_text("code", "code_system"))
        .join(numbers.drop_nulls("number"), on=["code", "code_system"], how="inner")
        .select(*_PRODUCT, "date", "quantity", "number", "days_supply")
    )
