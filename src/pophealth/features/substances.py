"""Gives products by chemical substance, for features that count substances or add a weight of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from pophealth.declare import Feature
from pophealth.errors import CodelistError, DeclarationError
from pophealth.features.lists import as_text
from pophealth.kernels.features_medicines import CurrentSubstances
from pophealth.kernels.features_substances import Substances
from pophealth.kernels.postings import frozen

if TYPE_CHECKING:
    from pophealth.reference import CodelistLibrary

MOST_TOGETHER = 5
"""Features counted in one walk: a table of 2 to this power is made for every substance."""
_WORD = 64
BNF_PARAGRAPH = 6
"""Figures of a BNF code that name chapter, section and paragraph (NHS Business Services Authority: 01 02 03 ...)."""


@dataclass(frozen=True)
class Weighed:
    """One feature over substances: concept and substance of its products, and what each substance adds (1, or a weight)."""

    products: pl.DataFrame
    """Columns substance, concept, weight."""

    @property
    def most(self) -> int:
        """The greatest sum anyone can have."""
        weights = self.products.unique("substance")["weight"]
        return int(weights.sum()) if len(weights) else 0


def weigh(
    feature: Feature, library: CodelistLibrary, medicine_map: pl.DataFrame, dictionary: Callable[[str], pl.DataFrame]
) -> Weighed:
    """Give the products that count for `feature` and their substances' weights.

    A product of several substances counts for each, one without a BNF code is never left out by its chapter, and one the
    map does not hold counts for none. A substance weighs the highest number that the codelist's ``category`` gives one of
    its products, issued or not.
    """
    known = substances_of(medicine_map, feature)
    if feature.codelist:
        known = known.join(library.codes_of(feature.codelist), on=["code", "code_system"], how="semi")
    weights = pl.lit(1, dtype=pl.Int64)
    if feature.kind == "substance_weight_sum":
        known = known.join(_categories(feature, library), on=["code", "code_system"], how="left")
        weights = pl.col("number").max().over("substance").fill_null(0)
    known = known.with_columns(weight=weights)
    concepts = dictionary("medications").select(pl.col("concept").cast(pl.Int64), *as_text("code", "code_system"))
    products = known.join(concepts, on=["code", "code_system"], how="inner")
    return Weighed(products.select("substance", "concept", "weight").unique().sort("substance", "concept"))


def substances_of(medicine_map: pl.DataFrame, feature: Feature) -> pl.DataFrame:
    """Give code, code_system and substance (or BNF paragraph) of the products whose BNF chapter is not left out."""
    bnf = pl.col("bnf_code").cast(pl.String).fill_null("") if "bnf_code" in medicine_map.columns else pl.lit("")
    known = medicine_map.select(*as_text("code", "code_system", "substance"), bnf_code=bnf)
    for start in feature.options.get("without_bnf", ()):
        known = known.filter(~pl.col("bnf_code").str.starts_with(start))
    by = feature.options.get("count_by")
    if by not in (None, "bnf_paragraph"):
        msg = f"feature {feature.name}: count_by is 'bnf_paragraph' or left out, found {by!r}"
        raise DeclarationError(msg)
    if by:
        paragraph = pl.col("bnf_code").str.slice(0, BNF_PARAGRAPH)
        known = known.with_columns(substance=paragraph).filter(paragraph.str.len_chars() == BNF_PARAGRAPH)
    return known.drop("bnf_code").unique(maintain_order=True)


def _categories(feature: Feature, library: CodelistLibrary) -> pl.DataFrame:
    """Give code, code_system and number, the whole number that a codelist's category gives the product."""
    codes = library.get(feature.codelist or "").codes
    codes = codes if "category" in codes.columns else codes.with_columns(category=pl.lit(None, dtype=pl.String))
    numbers = codes.select(*as_text("code", "code_system", "category")).with_columns(
        number=pl.col("category").cast(pl.Int64, strict=False)
    )
    bad = numbers.filter(
        pl.col("category").is_not_null() & (pl.col("number").is_null() | (pl.col("number") < 0))
    ).height
    if bad:
        msg = (
            f"codelist {feature.codelist}: {bad} of {numbers.height} categories are no whole number of 0 or more, "
            f"which feature {feature.name} needs as weights"
        )
        raise CodelistError(msg)
    return numbers.drop("category")


def group(weighed: list[Weighed]) -> list[list[int]]:
    """Give the places of `weighed` in groups that fit one word and `MOST_TOGETHER`."""
    groups: list[list[int]] = []
    room = 0
    for place, feature in enumerate(weighed):
        width = lane_bits(feature)
        if not groups or len(groups[-1]) == MOST_TOGETHER or width > room:
            groups.append([])
            room = _WORD
        groups[-1].append(place)
        room -= width
    return groups


def lane_bits(weighed: Weighed) -> int:
    """Give how many bits the greatest sum needs."""
    return max(weighed.most.bit_length(), 1)


def together(weighed: list[Weighed], rows: list[int]) -> Substances:
    """Give several features in one program; `rows` are their rows of counts."""
    size = len(weighed)
    all_products = pl.concat(
        [pl.DataFrame(schema={"substance": pl.String, "concept": pl.Int64, "weight": pl.Int64, "feature": pl.Int32})]
        + [item.products.with_columns(feature=pl.lit(place, dtype=pl.Int32)) for place, item in enumerate(weighed)]
    ).sort("substance", "concept", "feature")
    products = all_products.group_by("substance", "concept", maintain_order=True).agg("feature")
    names = products["substance"].unique(maintain_order=True)
    counts = products.group_by("substance", maintain_order=True).len()["len"].to_numpy()
    widths = [lane_bits(item) for item in weighed]
    shift = np.concatenate([[0], np.cumsum(widths)[:-1]]).astype(np.uint64)
    weights = np.zeros((len(names), size), np.uint64)
    for place, item in enumerate(weighed):
        per_substance = dict(item.products.select("substance", "weight").iter_rows())
        weights[:, place] = [per_substance.get(name, 0) << int(shift[place]) for name in names]
    member = np.array([sum(1 << place for place in features) for features in products["feature"].to_list()], np.uint8)
    return Substances(
        bounds=frozen(np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)),
        concepts=frozen(products["concept"].to_numpy().astype(np.uint32)),
        member=frozen(member),
        weights=frozen(weights),
        shift=frozen(shift),
        bits=frozen(np.array(widths, np.uint64)),
        out=frozen(np.array(rows, np.int32)),
    )


def current(weighed: Weighed) -> CurrentSubstances:
    """Give one feature over substances that are a current repeat."""
    products = weighed.products
    per_substance = products.group_by("substance", maintain_order=True).agg(pl.len(), pl.col("weight").first())
    return CurrentSubstances(
        bounds=frozen(np.concatenate([[0], np.cumsum(per_substance["len"].to_numpy())]).astype(np.uint32)),
        concepts=frozen(products["concept"].to_numpy().astype(np.uint32)),
        weights=frozen(per_substance["weight"].to_numpy().astype(np.int32)),
    )
