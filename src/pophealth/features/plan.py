"""Gives the compiled plan: declared features as plain arrays of concepts, the same for every shard and index date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pophealth.declare import VALUE_KINDS, Feature
from pophealth.errors import DeclarationError
from pophealth.features.supply import why_not
from pophealth.features.units import factors

if TYPE_CHECKING:
    from pophealth.config import Supplies
    from pophealth.reference import CodelistLibrary

Words = npt.NDArray[np.uint32]
CODED_TABLES = ("events", "medications", "measurements")


@dataclass(frozen=True)
class Substances:
    """Products by substance: substance s owns ``concepts[bounds[s]:bounds[s + 1]]``. Read-only uint32 arrays."""

    concepts: Words
    bounds: Words


@dataclass(frozen=True)
class FeaturePlan:
    """What is computed, from which concepts. It holds no index date: one plan serves any date.

    Attributes
    ----------
    features
        Computable features, each after the features it is made of.
    columns
        Output columns in the order they are delivered, with type and labels.
    not_computable
        Reason by output column, for columns asked for that the source cannot give.
    concepts
        Concept numbers (uint32, ascending, read-only) by codelist expression and table.
    factors
        Unit factors (float64, read-only) by feature name.
    substances
        Products by substance, by feature name.
    """

    features: tuple[Feature, ...]
    columns: dict[str, tuple[str, tuple[str, ...]]]
    not_computable: dict[str, str]
    concepts: dict[tuple[str, str], Words]
    factors: dict[str, npt.NDArray[np.float64]]
    substances: dict[str, Substances]


def compile_plan(
    names: Iterable[str],
    features: Mapping[str, Feature],
    library: CodelistLibrary,
    supplies: Supplies,
    concepts: Callable[[str], pl.DataFrame],
    units: tuple[str, ...],
    medicine_map: pl.DataFrame | None,
) -> FeaturePlan:
    """Give the plan that computes the output columns `names`.

    Parameters
    ----------
    names
        Output columns needed; features behind derived ones are added, but only `names` are delivered.
    features
        Declared features by output column (`load_features`).
    concepts
        Gives the dictionary of a table: concept (uint32), code_system, code.
    units
        Units of the snapshot; number 0 is the empty text.
    medicine_map
        Product to substance and BNF code, where the site has one.

    Raises
    ------
    DeclarationError
        A column is declared nowhere, or features are made of each other in a circle.
    """
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in features]
    if unknown:
        msg = f"features: {len(unknown)} columns are declared nowhere, first {unknown[0]}"
        raise DeclarationError(msg)
    ordered = _in_order(wanted, features)
    reasons = {feature.name: _reason(feature, features, library, supplies, medicine_map) for feature in ordered}
    computable = tuple(feature for feature in ordered if reasons[feature.name] is None)
    return FeaturePlan(
        features=computable,
        columns={name: (features[name].outputs[name], features[name].labels(name)) for name in wanted},
        not_computable={name: reason for name in wanted if (reason := reasons[features[name].name])},
        concepts=_concepts(computable, library, concepts),
        factors={
            feature.name: factors(feature.unit, units)
            for feature in computable
            if feature.kind in VALUE_KINDS or feature.kind == "latest_pair_at_least"
        },
        substances={
            feature.name: _substances(feature, library, concepts("medications"), medicine_map)
            for feature in computable
            if feature.kind == "current_substances" and medicine_map is not None
        },
    )


def _in_order(wanted: list[str], features: Mapping[str, Feature]) -> list[Feature]:
    done: dict[str, Feature] = {}

    def visit(column: str, above: tuple[str, ...]) -> None:
        feature = features[column]
        if feature.name in above:
            msg = f"features made of each other in a circle: {' -> '.join((*above, feature.name))}"
            raise DeclarationError(msg)
        for name in feature.inputs:
            visit(name, (*above, feature.name))
        done.setdefault(feature.name, feature)

    for column in wanted:
        visit(column, ())
    return list(done.values())


def _reason(
    feature: Feature,
    features: Mapping[str, Feature],
    library: CodelistLibrary,
    supplies: Supplies,
    medicine_map: pl.DataFrame | None,
) -> str | None:
    reason = why_not(feature, features, library, supplies)
    counts_substances = feature.kind == "current_substances" or any(
        features[name].kind == "current_substances" for name in feature.inputs
    )
    if reason is None and counts_substances and medicine_map is None:
        return "medicine_map not supplied"
    return reason


def expressions(feature: Feature) -> tuple[str, ...]:
    """Give the codelist expressions (``"a"`` or ``"a+b"``) of `feature`, each once."""
    options: dict[str, Any] = feature.options
    named = [feature.codelist or ""]
    named += [options.get(key, "") for key in ("resolved_by", "paired_with", "followed_by", "preceded_by", "with")]
    named += list(options.get("categories", {}).values())
    return tuple(dict.fromkeys(text for text in named if text))


def _codes(expression: str, library: CodelistLibrary) -> pl.DataFrame:
    parts = [
        library.get(codelist).codes.select(pl.col("code").cast(pl.String), pl.col("code_system").cast(pl.String))
        for codelist in expression.split("+")
    ]
    return pl.concat(parts).unique()


def _concepts(
    features: tuple[Feature, ...], library: CodelistLibrary, concepts: Callable[[str], pl.DataFrame]
) -> dict[tuple[str, str], Words]:
    needed = {
        (expression, table)
        for feature in features
        for expression in expressions(feature)
        for table in feature.tables
        if table in CODED_TABLES
    }
    found: dict[tuple[str, str], Words] = {}
    for table in sorted({table for _, table in needed}):
        expressions_here = sorted(expression for expression, name in needed if name == table)
        codes = pl.concat([_codes(text, library).with_columns(expression=pl.lit(text)) for text in expressions_here])
        dictionary = _dictionary(concepts(table))
        joined = codes.join(dictionary, on=["code", "code_system"], how="inner").sort("expression", "concept")
        grouped = dict(joined.group_by("expression", maintain_order=True).agg("concept").iter_rows())
        for text in expressions_here:
            found[text, table] = _frozen(np.unique(np.asarray(grouped.get(text, []), dtype=np.uint32)))
    return found


def _dictionary(concepts: pl.DataFrame) -> pl.DataFrame:
    return concepts.select(
        pl.col("concept").cast(pl.UInt32), pl.col("code").cast(pl.String), pl.col("code_system").cast(pl.String)
    )


def _substances(
    feature: Feature, library: CodelistLibrary, concepts: pl.DataFrame, medicine_map: pl.DataFrame
) -> Substances:
    """Give the products of each substance that counts; a product without a BNF code is never left out by its chapter."""
    bnf = pl.col("bnf_code").cast(pl.String).fill_null("") if "bnf_code" in medicine_map.columns else pl.lit("")
    kept = medicine_map.select(
        pl.col("code").cast(pl.String),
        pl.col("code_system").cast(pl.String),
        pl.col("substance").cast(pl.String),
        bnf_code=bnf,
    )
    for start in feature.options.get("without_bnf", ()):
        kept = kept.filter(~pl.col("bnf_code").str.starts_with(start))
    if feature.codelist:
        kept = kept.join(_codes(feature.codelist, library), on=["code", "code_system"], how="semi")
    products = kept.join(_dictionary(concepts), on=["code", "code_system"], how="inner")
    products = products.select("substance", "concept").unique().sort("substance", "concept")
    counts = products.group_by("substance", maintain_order=True).len()["len"].to_numpy()
    bounds = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
    return Substances(_frozen(products["concept"].to_numpy().astype(np.uint32)), _frozen(bounds))


def _frozen(array: Words) -> Words:
    array.flags.writeable = False
    return array
