"""Gives the frozen plan of every speed claim: what is computed, on what made-up rows, and the same in DuckDB's SQL.

172 declared features, 184 columns over 180 lists of findings, 40 of medicines and 16 of measurements. Rows, codes and lists
follow from seeds; one row in seven is recorded late, one in a hundred lies after the index date. Synthetic data only.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import numpy as np
import polars as pl

from pophealth.declare import Feature, parse_feature
from pophealth.reference import CodelistLibrary
from pophealth.reference.codelists import Codelist

INDEX_DATE = date(2026, 1, 1)
CONTRACT_YEAR = "2025-26"
INDEX = (INDEX_DATE - date(1970, 1, 1)).days
FINDINGS, MEDICINES, MEASURED, SUBSTANCES = 100_000, 10_000, 200, 1_500
METHODS = ("11", "21", "31", "81")
SUPPLIES, SUPPLY_SHARES = (28, 56, 84, 7, 0), (0.6, 0.15, 0.05, 0.1, 0.1)
RECORDS = {
    "events": (30, 3650, 90),
    "medications": (20, 1095, 60),
    "measurements": (8, 1825, 30),
    "spells": (2, 1095, 30),
}
"""Rows a person, and the days before and after the index date they lie in."""
CATEGORY = ("c1", "c2", "c3", "c4", "c5")


@dataclass(frozen=True)
class Universe:
    """Codes by rank (0 = most frequent) with their cumulative frequencies, and lists as ranks."""

    lists: dict[str, list[np.ndarray]]
    cumulative: dict[str, np.ndarray]
    substance: np.ndarray
    weight: np.ndarray


@cache
def universe(smallest: int = 10, largest: int = 950) -> Universe:
    """Give codes and lists; sizes of lists of findings are log-uniform from `smallest` to `largest`."""
    random = np.random.default_rng(11)
    sizes = np.exp(random.uniform(np.log(smallest), np.log(largest), 160)).astype(int)
    findings = [np.sort(random.choice(FINDINGS, size, replace=False)) for size in sizes]
    findings += [
        np.unique(np.concatenate([findings[(7 * i + 13 * k) % 160] for k in range(2 + i % 3)])) for i in range(20)
    ]
    substance = random.integers(0, SUBSTANCES, MEDICINES)
    weight = random.choice([0, 0, 0, 0, 0, 0, 1, 1, 2, 3], SUBSTANCES)
    counts = np.exp(random.uniform(np.log(2), np.log(75), 40)).astype(int)
    medicines = [np.flatnonzero(np.isin(substance, random.choice(SUBSTANCES, n, replace=False))) for n in counts]
    measured = [np.arange(4 * i, 4 * i + 4) for i in range(16)]
    frequency = {"events": np.arange(1, FINDINGS + 1) ** -1.05, "medications": np.arange(1, MEDICINES + 1) ** -0.9}
    cumulative = {table: np.cumsum(weights / weights.sum()) for table, weights in frequency.items()}
    return Universe({"f": findings, "m": medicines, "v": measured}, cumulative, substance, weight)


@cache
def code_numbers(table: str) -> np.ndarray:
    """Give the number in the code of each rank: as sparse as SNOMED ids are, and no order of frequency is left in them."""
    size = {"events": FINDINGS, "medications": MEDICINES, "measurements": MEASURED}[table]
    random = np.random.default_rng(size)
    numbers = np.unique(random.integers(10**6, 10**16, size + size // 50 + 10))[:size]
    random.shuffle(numbers)
    return numbers


def features() -> dict[str, Feature]:
    """Give the declared features, by output column."""
    declared: dict[str, dict[str, Any]] = {}
    for i in range(50):
        declared[f"has_{i}"] = {"kind": "has", "codelist": f"f{i}"}
    for i in range(50, 60):
        declared[f"has_{i}_730d"] = {"kind": "has", "codelist": f"f{i}", "window": "730d"}
    for i in range(12):
        declared[f"unresolved_{i}"] = {"kind": "has_unresolved", "codelist": f"f{60 + i}", "resolved_by": f"f{75 + i}"}
    for i in range(10):
        declared[f"first_{i}"] = {"kind": "first_date", "codelist": f"f{i}"}
        declared[f"latest_{10 + i}"] = {"kind": "latest_date", "codelist": f"f{10 + i}"}
    for i in range(20, 28):
        declared[f"count_{i}"] = {"kind": "count", "codelist": f"f{i}", "window": "365d"}
    for i in range(6):
        lists = {label: f"f{90 + 5 * i + place}" for place, label in enumerate(CATEGORY)}
        declared[f"category_{i}"] = {"kind": "latest_category", "categories": lists}
    for name, weights in burdens().items():
        declared[name] = {"kind": "weighted_sum", "weights": {f"f{i}": weight for i, weight in weights.items()}}
    declared |= _medicine_features() | _value_and_spell_features()
    parsed = [parse_feature(name, table | {"source": "made up"}) for name, table in declared.items()]
    return {column: feature for feature in parsed for column in feature.outputs}


def burdens() -> dict[str, dict[int, int]]:
    """Give the weighted sums: list to weight."""
    random = np.random.default_rng(3)
    return {
        "burden_36": dict.fromkeys(range(36), 1),
        "burden_50": {i: int(random.integers(1, 7)) for i in range(50)},
        "burden_20": {i: int(random.integers(1, 4)) for i in range(120, 140)},
        "burden_40": {i: int(random.integers(1, 4)) for i in range(140, 180)},
    }


def _medicine_features() -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for i in range(10):
        made[f"issued_{i}"] = {"kind": "issued", "codelist": f"m{i}", "window": f"{(84, 182, 365)[i % 3]}d"}
    for i in range(10, 18):
        made[f"repeat_{i}"] = {"kind": "current_repeat", "codelist": f"m{i}"}
    for i in range(18, 22):
        made[f"two_{i}"] = {"kind": "issued_in_two_windows", "codelist": f"m{i}", "window": "84d"}
    for i in range(8):
        one, other = f"m{22 + 2 * i}", f"m{23 + 2 * i}"
        made[f"together_{i}"] = {"kind": "co_issued", "codelist": one, "with": other, "days": 28, "window": "365d"}
    made["substances_84d"] = {"kind": "distinct_substances", "window": "84d"}
    made["substances_365d"] = {"kind": "distinct_substances", "window": "365d"}
    made["substances_38_365d"] = {"kind": "distinct_substances", "codelist": "m38", "window": "365d"}
    made["substances_39_84d"] = {"kind": "distinct_substances", "codelist": "m39", "window": "84d"}
    made["weight_84d"] = {"kind": "substance_weight_sum", "codelist": "m_all", "window": "84d"}
    return made


def _value_and_spell_features() -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for i in range(12):
        made[f"value_{i}"] = {"kind": "latest_value", "codelist": f"v{i}", "window": f"{(365, 730, 3650)[i % 3]}d"}
    for i in (12, 13):
        made[f"max_{i}"] = {"kind": "max_value", "codelist": f"v{i}", "window": "730d"}
        made[f"min_{i + 2}"] = {"kind": "min_value", "codelist": f"v{i + 2}", "window": "730d"}
    for m, method in enumerate(METHODS):
        made[f"spells_{m}_365d"] = {"kind": "spell_count", "method": method[0], "window": "365d"}
        made[f"nights_{m}_365d"] = {"kind": "bed_days", "method": method[0], "window": "365d"}
    for m in (0, 2):
        made[f"spells_{m}_730d"] = {"kind": "spell_count", "method": METHODS[m][0], "window": "730d"}
    made["readmissions_365d"] = {"kind": "readmission_count", "method": METHODS[0][0], "days": 30, "window": "365d"}
    return made


def library(known: Universe) -> CodelistLibrary:
    """Give every list as a codelist, with the weights of medicines as categories."""
    table_of = {"f": "events", "m": "medications", "v": "measurements"}
    lists = {
        f"{kind}{number}": _codelist(f"{kind}{number}", code_numbers(table_of[kind])[ranks])
        for kind, members in known.lists.items()
        for number, ranks in enumerate(members)
    }
    lists["m_all"] = _codelist("m_all", code_numbers("medications"), known.weight[known.substance])
    return CodelistLibrary(lists)


def _codelist(name: str, numbers: np.ndarray, weights: np.ndarray | None = None) -> Codelist:
    codes = pl.DataFrame({"code": [f"SYN:{number}" for number in numbers]}).with_columns(
        code_system=pl.lit("SYNTHETIC"),
        term=pl.lit(None, dtype=pl.String),
        category=pl.lit(None, dtype=pl.String) if weights is None else pl.Series(weights).cast(pl.String),
    )
    return Codelist(name, name, "1", "made up", "none", codes)


def medicine_map(known: Universe) -> pl.DataFrame:
    """Give product to substance."""
    codes = [f"SYN:{number}" for number in code_numbers("medications")]
    substance = [f"s{number:04d}" for number in known.substance]
    frame = pl.DataFrame({"code": codes, "substance": substance})
    return frame.with_columns(code_system=pl.lit("SYNTHETIC"), bnf_code=pl.lit(None, dtype=pl.String))


def order_hint(known: Universe, *, drift: float = 0.1) -> pl.DataFrame:
    """Give the register's hint: codes by the lists they are in, medicines by substance; a share of lists is left out."""
    random = np.random.default_rng(5)
    frames = []
    for table, kind in (("events", "f"), ("measurements", "v")):
        members: dict[int, list[int]] = {}
        for number, ranks in enumerate(known.lists[kind]):
            if random.random() >= drift:
                for rank in ranks.tolist():
                    members.setdefault(rank, []).append(number)
        ordered = sorted(members, key=lambda rank: members[rank])
        frames.append(pl.DataFrame({"number": code_numbers(table)[ordered], "table": table}).with_row_index("place"))
    medicines = np.argsort(known.substance, kind="stable")
    numbers = code_numbers("medications")[medicines]
    frames.append(pl.DataFrame({"number": numbers, "table": "medications"}).with_row_index("place"))
    return pl.concat(frames).select(
        "table",
        code_system=pl.lit("SYNTHETIC"),
        code=pl.format("SYN:{}", "number"),
        place=pl.col("place").cast(pl.Int64),
    )


def listed_codes(known: Universe) -> dict[str, np.ndarray]:
    """Give the codes of any list by table, and every medicine, in the order of `order_hint`, others last."""
    hint = order_hint(known)
    found = {}
    for table, kind in (("events", "f"), ("measurements", "v"), ("medications", "m")):
        numbers = code_numbers(table)
        wanted = numbers if kind == "m" else numbers[np.unique(np.concatenate(known.lists[kind]))]
        mine = hint.filter(pl.col("table") == table).sort("place")["code"].str.strip_prefix("SYN:").cast(pl.Int64)
        hinted = mine.to_numpy()
        found[table] = np.concatenate([hinted, np.setdiff1d(wanted, hinted)])
    return found


def raw_rows(number: int, people: int, per_person: float, known: Universe) -> dict[str, pl.DataFrame]:
    """Give one practice's rows as a user would hold them for DuckDB: whole numbers for people and codes.

    Parameters
    ----------
    per_person
        Rows a person: 60 as a light record, 285 as a full one.
    """
    random = np.random.default_rng(5_000 + number)
    person = 4_000_000_000 + number * 10_000_000 + np.cumsum(random.integers(1, 200, people))
    age = np.clip(random.beta(1.6, 2.2, people) * 105, 0, 104)
    frailty = random.gamma(2, 0.5, people) * (0.3 + 1.4 * age / 70)
    frailty /= frailty.mean()
    tables = {"patients": pl.DataFrame({"pid": person})}
    for table, (share, before, after) in RECORDS.items():
        place = np.repeat(np.arange(people), random.poisson(share * per_person / 60 * frailty))
        day = random.integers(INDEX - before, INDEX + after, place.size)
        order = np.lexsort((day, place))
        place, day = place[order], day[order]
        if table == "spells":
            stay = np.minimum(random.geometric(0.25, place.size) - 1, 60)
            method = random.choice(4, place.size, p=[0.25, 0.35, 0.1, 0.3]).astype(np.int8)
            frame = pl.DataFrame({"pid": person[place], "admitted": day, "discharged": day + stay, "method": method})
            tables[table] = frame.with_columns(_date("admitted"), _date("discharged")).with_row_index("row")
            continue
        lag = np.where(random.random(place.size) < 0.85, 0, np.minimum(random.exponential(12, place.size), 254)).astype(
            int
        )
        rank = _ranks(table, place, person, frailty, random, known)
        codes = code_numbers(table)[rank]
        frame = pl.DataFrame({"pid": person[place], "code": codes, "date": day, "recorded": day + lag})
        more: dict[str, Any] = {}
        if table == "medications":
            supply = random.choice(np.array(SUPPLIES, np.int16), place.size, p=SUPPLY_SHARES)
            more["days"] = pl.Series(supply).replace(0, None)
        if table == "measurements":
            kind = np.minimum(rank // 4, 15)
            mean, spread = 20.0 + 9 * np.arange(16.0), 2.0 + np.arange(16.0)
            more["value"] = pl.Series(np.round(np.maximum(random.normal(mean[kind], spread[kind]), 0.5), 1))
        tables[table] = frame.with_columns(_date("date"), _date("recorded"), **more)
    return tables


def _ranks(
    table: str, place: np.ndarray, person: np.ndarray, frailty: np.ndarray, random: np.random.Generator, known: Universe
) -> np.ndarray:
    """Give the rank of each row's code; a person's medicines are few and come again and again."""
    if table == "measurements":
        common = random.random(place.size) < 0.7
        return np.where(common, random.integers(0, 64, place.size), random.integers(64, MEASURED, place.size))
    draw = random.random(place.size)
    if table == "medications":
        slot = (draw * (1 + (frailty * 6).astype(int))[place]).astype(np.uint64)
        mixed = person[place].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ slot * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
        draw = ((mixed ^ (mixed >> np.uint64(29))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    cumulative = known.cumulative[table]
    return np.minimum(np.searchsorted(cumulative, draw), cumulative.size - 1)


def _date(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.Int32).cast(pl.Date).alias(name)


def canonical(number: int, raw: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Give the same rows as the register takes them."""
    from pophealth.register.layout import SCHEMAS

    who = {"patient_id": pl.format("{}{}", pl.lit("0" * 16), pl.col("pid").cast(pl.String).str.zfill(16))}
    tables = {"patients": raw["patients"].select(**who).with_columns(birth_date=date(1950, 1, 1), sex=pl.lit("female"))}
    rows = {"record_id": pl.format("{}-{}", pl.lit(str(number)), pl.int_range(pl.len()).cast(pl.String).str.zfill(9))}
    for table in ("events", "medications", "measurements"):
        coded = raw[table].select(
            **who, **rows, code=pl.format("SYN:{}", "code"), code_system=pl.lit("SYNTHETIC"), date="date",
            recorded_date="recorded", **{old: new for old, new in {"value": "value"}.items() if old in raw[table].columns},
            **({"days_supply": "days"} if table == "medications" else {}),
        )  # fmt: skip
        tables[table] = coded
    method = pl.col("method").replace_strict(list(range(4)), list(METHODS), return_dtype=pl.String)
    tables["spells"] = raw["spells"].select(
        **who, **rows, admission_date="admitted", discharge_date="discharged", method=method
    )
    return {
        name: frame.with_columns(
            pl.lit(None, dtype=kind).alias(column)
            for column, kind in SCHEMAS[name].items()
            if column not in frame.columns
        )
        for name, frame in tables.items()
    }


def twelve_dates() -> list[date]:
    """Give the first day of the twelve months up to the index date."""
    return [date(2025 + (month > 12), (month - 1) % 12 + 1, 1) for month in range(2, 14)]
