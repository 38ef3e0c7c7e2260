"""Gives the compiled plan: declared features as plain arrays, the same for every shard and index date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from pophealth.declare import CODED_TABLES, DERIVED_KINDS, Feature
from pophealth.dictionaries import digest_of
from pophealth.errors import DeclarationError
from pophealth.features.archived import is_archived
from pophealth.features.asking import ASKERS, STAY_TABLES, Places, ask
from pophealth.features.lists import ListBuilder
from pophealth.features.moment import Edge, end_edge
from pophealth.features.programs import Place, Programs, Sheet, build
from pophealth.features.substances import Weighed, current, group, together, weigh
from pophealth.features.supply import SUBSTANCE_KINDS, why_not
from pophealth.kernels import features_base as base

if TYPE_CHECKING:
    from pophealth.config import Supplies
    from pophealth.reference import CodelistLibrary


@dataclass(frozen=True, eq=False)
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
    places
        Where the kernels put each column they make.
    programs, lists, rules
        What the kernels are to do.
    reads
        Tables of the index that are read and, of each, the parts beside the runs (`Bucket.shards_for`).
    elsewhere
        Features that no kernel makes: of the archive, or of other features.
    archive_tables
        Tables of the archive that are read.
    n_concepts, dictionaries
        Concepts of the dictionary the plan was compiled with, and its digest (`pophealth.dictionaries`), by table.
    """

    features: tuple[Feature, ...]
    columns: dict[str, tuple[str, tuple[str, ...]]]
    not_computable: dict[str, str]
    places: Places
    programs: Programs
    lists: base.Lists
    rules: base.Rules
    reads: dict[str, tuple[str, ...]]
    elsewhere: tuple[Feature, ...]
    archive_tables: tuple[str, ...]
    n_concepts: dict[str, int]
    dictionaries: dict[str, str]
    library: CodelistLibrary


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
        Gives the dictionary of a coded table: concept (uint32), code_system, code.
    units
        Units of the snapshot; number 0 is the empty text.
    medicine_map
        Product to substance and BNF code, where the site has one.

    Raises
    ------
    DeclarationError
        A column is declared nowhere, features are made of each other in a circle, or a kind cannot read a table.
    """
    wanted = list(dict.fromkeys(names))
    unknown = [name for name in wanted if name not in features]
    if unknown:
        msg = f"features: {len(unknown)} columns are declared nowhere, first {unknown[0]}"
        raise DeclarationError(msg)
    ordered = _in_order(wanted, features)
    reasons = {feature.name: _reason(feature, features, library, supplies, medicine_map) for feature in ordered}
    computable = tuple(feature for feature in ordered if reasons[feature.name] is None)
    dictionary = _remembered(concepts)
    sheet, lists = Sheet(), ListBuilder(library, dictionary, units)
    places: Places = {}
    for feature in computable:
        if feature.kind in ASKERS and not is_archived(feature):
            places |= ask(feature, sheet, lists)
    counted = [feature for feature in computable if feature.kind in SUBSTANCE_KINDS]
    if counted and medicine_map is not None:
        places |= _ask_for_substances(counted, sheet, library, medicine_map, dictionary)
    built, rules = lists.build()
    archived = [feature for feature in computable if is_archived(feature)]
    tables = {table for _, table, _ in lists.parts} | ({"medications"} if counted else set())
    return FeaturePlan(
        features=computable,
        columns={name: (features[name].outputs[name], features[name].labels(name)) for name in wanted},
        not_computable={name: reason for name in wanted if (reason := reasons[features[name].name])},
        places=places,
        programs=build(sheet),
        lists=built,
        rules=rules,
        reads=_reads(tables, rules, computable, sheet),
        elsewhere=tuple(feature for feature in computable if is_archived(feature) or feature.kind in DERIVED_KINDS),
        archive_tables=tuple(dict.fromkeys(table for feature in archived for table in feature.tables)),
        n_concepts={table: dictionary(table).height for table in sorted(tables)},
        dictionaries={table: digest_of(dictionary(table)) for table in sorted(tables)},
        library=library,
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
    counts_substances = any(one.kind in SUBSTANCE_KINDS for one in _in_order(list(feature.outputs), features))
    return "medicine_map not supplied" if reason is None and counts_substances and medicine_map is None else reason


def _remembered(concepts: Callable[[str], pl.DataFrame]) -> Callable[[str], pl.DataFrame]:
    read: dict[str, pl.DataFrame] = {}

    def dictionary(table: str) -> pl.DataFrame:
        if table not in read:
            read[table] = concepts(table)
        return read[table]

    return dictionary


def _ask_for_substances(
    counted: list[Feature],
    sheet: Sheet,
    library: CodelistLibrary,
    medicine_map: pl.DataFrame,
    dictionary: Callable[[str], pl.DataFrame],
) -> Places:
    """Give where features over substances will lie: current repeats one by one, the others in groups of one walk."""
    places: Places = {}
    weighed: list[Weighed] = []
    windowed: list[Feature] = []
    for feature in counted:
        places[feature.name] = Place("counts", sheet.row("counts"))
        found = weigh(feature, library, medicine_map, dictionary)
        if feature.kind == "current_substances" or feature.options.get("current"):
            start, end = Edge(feature.window, "start"), end_edge(feature.window)
            sheet.current_substances.add(start, end, places[feature.name].row)
            sheet.current_groups.append(current(found))
        else:
            weighed.append(found)
            windowed.append(feature)
    for members in group(weighed):
        rows = [places[windowed[place].name].row for place in members]
        for order, place in enumerate(members):
            window = windowed[place].window
            sheet.substances.add(Edge(window, "start"), end_edge(window), len(sheet.substance_groups), order)
        sheet.substance_groups.append(together([weighed[place] for place in members], rows))
    return places


def _reads(
    tables: set[str], rules: base.Rules, features: tuple[Feature, ...], sheet: Sheet
) -> dict[str, tuple[str, ...]]:
    """Give the parts of the index that are read beside the runs themselves, by table (`Bucket.shards_for`)."""
    reads = 0
    for bits in rules.reads:
        reads |= int(bits)
    options = [feature.options for feature in features]
    shows = any(option.get("with") and not isinstance(option["with"], str) for option in options)
    further: dict[str, dict[str, object]] = {
        "measurements": {
            "value": reads & base.READS_VALUE,
            "context": reads & (base.READS_SETTING | base.READS_COMPARATOR) or shows,
            "time": any(option.get("same") == "time" for option in options),
        },
        "medications": {"supply": sheet.repeats.rows or sheet.current_substances.rows},
        "diagnoses": {"place": reads & (base.READS_POSITION | base.READS_METHOD)},
    }
    found = {
        table: tuple(part for part, needed in further.get(table, {}).items() if needed)
        for table in CODED_TABLES
        if table in tables
    }
    stays = sorted({int(row[0]) for row in sheet.stays.rows})
    return found | {STAY_TABLES[number]: () for number in stays}
