"""Gives small made-up rows in memory, shards cut of them anywhere, and plans of every kind: no register, no files."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from pophealth.config import Supplies
from pophealth.declare import Feature, parse_feature
from pophealth.features import FeaturePlan, compile_plan
from pophealth.kernels.postings import Postings, Shard, Stays, frozen, postings_of_arrays
from pophealth.reference import CodelistLibrary
from pophealth.reference.codelists import COLUMNS, Codelist

N_CODES = 24
UNITS = ("", "u", "other")
TABLES = ("events", "medications", "measurements", "diagnoses")
DAY = 44_000  # in 2020
LISTS = {"wide": range(14), "some": (2, 3, 4, 9), "other": (1, 4, 15, 16, 17), "one": (5,), "rare": (21, 99)}
SUPPLIES_ALL = Supplies(
    **dict.fromkeys(("events", "medications", "measurements"), ("SYNTHETIC",)),
    **dict.fromkeys(("spells", "attendances", "medicine_map"), True),
)


class Row(NamedTuple):
    """A coded row; what its table does not have is 0."""

    table: str
    person: int
    day: int
    recorded: int
    concept: int
    supply: int = 0
    repeat: int = 2
    value: float = 0.0
    unit: int = 0
    setting: int = 0
    comparator: int = 0
    micros: int = 0
    position: int = 0
    method: int = 0


class Stay(NamedTuple):
    """A spell or attendance; last 0 while it lasts."""

    table: str
    person: int
    first: int
    last: int
    method: int


@cache
def rows_of_world(seed: int, people: int) -> tuple[tuple[list[Row], list[Stay]], pl.DataFrame]:
    """Give rows and people; few days and few values, so that ties are the rule."""
    random = np.random.default_rng([7, seed])
    rows, stays = [], []
    for person in range(people):
        days = DAY + random.integers(-900, 500, 6)
        for table in TABLES:
            count = random.poisson(random.choice([0, 3, 12]))
            rows += [_row(random, table, person, int(random.choice(days))) for _ in range(count)]
        for _ in range(random.poisson(2)):
            first = int(random.choice(days))
            last = int(random.choice([0, first, first + 1, first + int(random.integers(0, 900))]))
            stays.append(Stay("spells", person, first, last, int(random.choice([0x11, 0x21, 0x2A, 0x2C]))))
        stays += [Stay("attendances", person, day, day, 0) for day in map(int, days[: random.integers(0, 4)])]
    people_frame = pl.DataFrame({"patient_id": [f"{person:032x}" for person in range(people)]})
    return (rows, stays), people_frame


def _row(random: np.random.Generator, table: str, person: int, day: int) -> Row:
    lag = int(random.choice([0, 0, 0, 1, 30, 253, 254, 255, 256, 700]))
    more: dict[str, Any] = {}
    if table == "medications":
        more = {"supply": int(random.choice([0, 1, 28, 300, 366])), "repeat": int(random.integers(0, 3))}
    if table == "measurements":
        more = {
            "value": float(random.choice([-1.5, 0.0, 0.1, 0.2, 0.3, 7.0])),
            "unit": int(random.integers(0, 3)),
            "setting": int(random.integers(0, 4)),
            "comparator": int(random.integers(0, 6)),
            "micros": int(random.choice([0, 1, 30_600_000_001])),
        }
    if table == "diagnoses":
        lag, more = 0, {"position": int(random.integers(1, 4)), "method": int(random.choice([0x11, 0x21, 0x2A]))}
    return Row(table, person, day, day + lag, int(random.integers(0, N_CODES)), **more)


def shards_of(
    world: tuple[list[Row], list[Stay]], people: int, cuts: Sequence[int] = (), *, writable: bool = False
) -> list[Shard]:
    """Give the shards between the cuts; with `writable` arrays may be written to, as a careless caller's are."""
    edges = [0, *cuts, people]
    shards = []
    for first, end in pairwise(edges):
        mine = [row._replace(person=row.person - first) for row in world[0] if first <= row.person < end]
        stays = [stay._replace(person=stay.person - first) for stay in world[1] if first <= stay.person < end]
        postings = {table: postings_of([row for row in mine if row.table == table]) for table in TABLES}
        runs = {
            table: stays_of([stay for stay in stays if stay.table == table], end - first)
            for table in ("spells", "attendances")
        }
        if writable:
            postings = {table: Postings(*(array.copy() for array in arrays)) for table, arrays in postings.items()}
            runs = {table: Stays(*(array.copy() for array in arrays)) for table, arrays in runs.items()}
        shards.append(Shard(first, end - first, postings, runs))
    return shards


def postings_of(rows: list[Row], n_concepts: int = N_CODES) -> Postings:
    """Give the postings of one table's rows, sorted here."""
    ordered = sorted(rows, key=lambda row: (row.concept, row.day, row.person))
    late = [place for place, row in enumerate(ordered) if row.recorded - row.day >= 255]
    counts = np.bincount(np.array([row.concept for row in ordered], np.int64), minlength=n_concepts)
    given: dict[str, Any] = {
        "offsets": np.concatenate([[0], np.cumsum(counts)]),
        "entries": np.array([row.day << 16 | row.person for row in ordered], np.uint32),
        "lag": np.array([min(row.recorded - row.day, 255) for row in ordered], np.uint8),
        "late_row": np.array(late, np.uint32),
        "late_day": np.array([min(ordered[place].recorded, 65_535) for place in late], np.uint16),
    }
    for name in ("supply", "repeat", "value", "unit", "setting", "comparator", "micros", "position", "method"):
        given[name] = np.array([getattr(row, name) for row in ordered])
    return postings_of_arrays(given)


def stays_of(stays: list[Stay], people: int) -> Stays:
    """Give stays by person and first day."""
    ordered = sorted(stays, key=lambda stay: (stay.person, stay.first))
    counts = np.bincount(np.array([stay.person for stay in ordered], np.int64), minlength=people)
    return Stays(
        frozen(np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)),
        *(
            frozen(np.array([getattr(stay, name) for stay in ordered], kind))
            for name, kind in (("first", np.uint16), ("last", np.uint16), ("method", np.uint8))
        ),
    )


def code_of(concept: int) -> tuple[str, str]:
    """Give code system and code of a concept; the first six are ICD-10, of which A1 is the beginning of A10."""
    return ("ICD-10", f"A{concept}") if concept < 6 else ("SYNTHETIC", f"SYN:{concept}")


def dictionary(_: str) -> pl.DataFrame:
    """Give the dictionary, the same for every table."""
    codes = [code_of(concept) for concept in range(N_CODES)]
    return pl.DataFrame(
        {
            "concept": np.arange(N_CODES, dtype=np.uint32),
            "code_system": [system for system, _ in codes],
            "code": [code for _, code in codes],
        }
    )


def library() -> CodelistLibrary:
    """Give `LISTS` as codelists; the category of a code is its concept's last digit."""
    lists = {}
    for name, concepts in LISTS.items():
        rows = [(code_of(one)[1], code_of(one)[0], None, str(one % 10)) for one in concepts]
        rows += [("SYN:21", "SYNTHETIC", None, "1")] if name == "one" else []
        lists[name] = Codelist(name, name, "1", "made up", "none", pl.DataFrame(rows, schema=COLUMNS, orient="row"))
    return CodelistLibrary(lists)


def medicine_map() -> pl.DataFrame:
    """Give every second concept a substance, every fifth two."""
    rows = [
        (code_of(one)[1], code_of(one)[0], f"s{one % 5}", "02" if one % 3 else None) for one in range(0, N_CODES, 2)
    ]
    rows += [(code_of(one)[1], code_of(one)[0], f"t{one % 2}", "13") for one in range(0, N_CODES, 5)]
    return pl.DataFrame(rows, schema=["code", "code_system", "substance", "bnf_code"], orient="row")


def plan_of(features: dict[str, Feature]) -> FeaturePlan:
    """Give the compiled plan of features by output column."""
    return compile_plan(list(features), features, library(), SUPPLIES_ALL, dictionary, UNITS, medicine_map())


@cache
def compiled(seed: int) -> FeaturePlan:
    """Give the plan of `declared(seed)`."""
    return plan_of(declared(seed))


@cache
def declared(seed: int) -> dict[str, Feature]:
    """Give one or two features of every kind the kernels answer, by output column, with options drawn by `seed`."""
    random = np.random.default_rng([11, seed])

    def pick(*choices: Any) -> Any:
        return choices[int(random.integers(0, len(choices)))]

    found: dict[str, Feature] = {}
    for kind, options in _kinds(pick):
        name = f"f{len(found)}_{kind}"
        table = {"kind": kind, "source": "made up", **options}
        if kind not in ("latest_category", "weighted_sum") and "codelist" not in options:
            table["codelist"] = pick(*LISTS, "some+other")
        window = pick({}, {"window": "1m"}, {"window": "400d"}, {"since": "contract_year_start"}, {"until": "3m"},
                      {"window": "12m", "until": "contract_year_start"})  # fmt: skip
        feature = parse_feature(name, {key: value for key, value in (table | window).items() if value is not None})
        found |= dict.fromkeys(feature.outputs, feature)
    return found


def _kinds(pick: Any) -> list[tuple[str, dict[str, Any]]]:
    names = tuple(LISTS)
    coded = [{}, {"table": "diagnoses", "position": "primary", "method": "2", "codelist": "some"},
             {"tables": ["events", "measurements"]}, {"tables": ["measurements"], "between": [0.0, 0.25], "unit": "u"},
             {"tables": ["measurements"], "settings": ["home", "clinic"], "comparators": ["=", "<"]}]  # fmt: skip
    made: list[tuple[str, dict[str, Any]]] = []
    for kind in ("has", "first_date", "latest_date", "days_since", "count", "distinct_days"):
        made += [(kind, pick(*coded)), (kind, pick(*coded))]
    made.append(("has_unresolved", {"resolved_by": pick(*names)}))
    made.append(("latest_category", {"categories": {"a": pick(*names), "b": pick(*names), "c": pick(*names)}}))
    made.append(("weighted_sum", {"weights": {"wide": 3, "some": -2, "one": 5}}))
    for kind, key in (("followed_by", "followed_by"), ("preceded_by", "preceded_by")):
        for name in (kind, f"not_{kind}"):
            matured = {"matured": pick(True, False)} if name == "not_followed_by" else {}
            made.append((name, {key: pick(*names), "days": pick(0, 10, 400)} | matured | pick(*coded)))
    values = [{}, {"unit": "u"}, {"between": [0.1, 7.0]}, {"settings": ["home"]}, {"comparators": ["<", ">"]}]
    made.append(
        ("latest_value", {"same_day": pick("highest", "lowest"), "with": ["comparator", "setting"]} | pick(*values))
    )
    made += [
        (kind, pick(*values))
        for kind in ("latest_value", "min_value", "max_value", "mean_value", "sd_value", "slope_value")
    ]
    made.append(("change_value", {"days": pick(1, 30, 200)} | pick(*values)))
    for consecutive in (True, False):
        made.append(
            ("two_values_apart", {"meets": [0.1, 7.0], "days": pick(1, 90), "consecutive": consecutive} | pick(*values))
        )
    for kind, more in (("latest_pair", {}), ("latest_pair_at_least", {"at_least": [0.3, 0.2]})):
        for same in (None, "time"):
            bounds = pick({}, {"between": [[0.0, 7.0], [-2.0, 0.2]]})
            made.append((kind, {"paired_with": pick(*names), "same": same} | more | bounds))
    made += [("issued", {}), ("issued_in_two_windows", {}), ("current_repeat", {})]
    made.append(("co_issued", {"with": pick(*names), "days": pick(0, 28, 90)}))
    made.append(("current_substances", {"without_bnf": ["13"], "codelist": None}))
    made += [("distinct_substances", {"codelist": pick(None, "wide")}) for _ in range(7)]
    made += [("substance_weight_sum", {"current": current}) for current in (True, False)]
    made += [("spell_count", {"method": pick("2", "2A", "", "9X")}), ("bed_days", {"method": pick("2", "")})]
    made += [
        ("readmission_count", {"days": pick(0, 30), "method": pick("", "2")}),
        ("attendance_count", {"codelist": None}),
    ]
    return [
        (kind, options | ({"codelist": None} if kind in ("spell_count", "bed_days", "readmission_count") else {}))
        for kind, options in made
    ]
