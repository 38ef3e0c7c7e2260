"""Gives hypothesis strategies of feature declarations, kind by kind, as TOML would write them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import strategies as st

from oracles.world import CODED_LISTS, EMPTY, GAPS, ICD_LISTS, MEDICINE_LISTS
from pophealth.declare import KINDS, Feature, parse_feature

Table = dict[str, Any]
YEAR = "contract_year_start"
SINCE = (date(2008, 4, 1), date(2020, 2, 29), date(2024, 3, 31), YEAR, f"{YEAR}-6m", f"{YEAR}+5m")
TABLES = (
    ("events",),
    ("measurements",),
    ("medications",),
    ("diagnoses",),
    ("events", "measurements"),
    ("events", "diagnoses"),
    ("events", "medications", "measurements"),
)
DAYS = st.sampled_from((*GAPS, 365))
CONTACTS: dict[str, dict[str, tuple[Any, ...]]] = {
    "attendances": {"department_type": ("01", "02"), "outcome": ("home", "admitted")},
    "appointments": {
        "status": ("attended", "did_not_attend", "cancelled"),
        "staff_role": ("GP",),
        "category": ("acute",),
    },
    "outpatients": {"attended": (True, False), "specialty": ("100",)},
    "referrals": {"is_urgent_suspected_cancer": (True, False), "referral_type": ("urgent",)},
}


def lists_of(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Give codelist expressions: mostly one list, now and then a union, seldom a pointer without codes."""
    one = st.sampled_from(names)
    union = st.lists(one, min_size=2, max_size=2, unique=True).map("+".join)
    return st.one_of(one, one, one, union, st.sampled_from((*names, EMPTY)))


@st.composite
def windows(draw: st.DrawFn) -> Table:
    """Give `window`, `since` and `until` in every form a declaration can write."""
    made: Table = {}
    form = draw(st.sampled_from(("ever", "months", "days", "since")))
    if form == "months":
        made["window"] = f"{draw(st.sampled_from((1, 2, 3, 6, 11, 12, 13, 24, 60)))}m"
    elif form == "days":
        made["window"] = f"{draw(st.sampled_from((1, 2, 28, 31, 90, 365, 366, 913, 2_007)))}d"
    elif form == "since":
        made["since"] = draw(st.sampled_from(SINCE))
    until = draw(st.sampled_from((None, None, None, YEAR, "1m", "3m", "90d", "1d")))
    return made | ({"until": until} if until else {})


@st.composite
def between(draw: st.DrawFn) -> list[float]:
    """Give bounds that values stand on."""
    low = draw(st.sampled_from((-10.0, 0.0, 0.2, 48.0, 90.0)))
    return [low, draw(st.sampled_from((0.3, 47.5, 140.0, 1e6, 2e9)).filter(lambda high: high >= low))]


def _numbers(kind: str) -> dict[str, st.SearchStrategy[Any]]:
    pairs = kind.startswith("latest_pair")
    return {
        "between": st.one_of(between(), st.lists(between(), min_size=2, max_size=2)) if pairs else between(),
        "settings": st.lists(st.sampled_from(("clinic", "home", "ambulatory")), min_size=1, max_size=2, unique=True),
        "comparators": st.lists(st.sampled_from(("=", "<", "<=", ">", ">=")), min_size=1, max_size=3, unique=True),
        "position": st.just("primary"),
        "method": st.sampled_from(("1", "2", "2", "2A", "2F", "8")),
        "same_day": st.just("lowest"),
        "with": st.sampled_from((["comparator"], ["setting"], ["comparator", "setting"], ["setting", "comparator"])),
        "consecutive": st.just(value=True),
        "matured": st.just(value=True),
        "current": st.just(value=True),
        "same": st.just("time"),
        "count_by": st.just("bnf_paragraph"),
        "without_bnf": st.sampled_from((["05"], ["0212", "13"], ["0"])),
    }


def _needed(lists: tuple[str, ...]) -> dict[str, st.SearchStrategy[Any]]:
    one = lists_of(lists)
    return {
        **dict.fromkeys(("resolved_by", "followed_by", "preceded_by", "paired_with", "with"), one),
        "days": DAYS,
        "meets": between(),
        "at_least": st.sampled_from(([140, 90], [48, 1.0], [1e9, 140])),
        "categories": st.lists(one, min_size=1, max_size=4).map(_labelled),
        "weights": st.dictionaries(one, st.integers(-2, 9), min_size=1, max_size=4),
        "programme": st.sampled_from(("bowel", "breast", "cervical")),
    }


def _labelled(lists: list[str]) -> dict[str, str]:
    return {f"label {place}": name for place, name in enumerate(lists)}


@st.composite
def declarations(draw: st.DrawFn, kind: str, name: str = "asked") -> dict[str, Feature]:
    """Give a feature of a kind by its name, the features it is made of before it."""
    made: dict[str, Feature] = {}
    table: Table = {"kind": kind, "source": "made up"}
    if KINDS[kind].is_derived:
        table |= draw(_derived(kind, name, made))
    else:
        table |= draw(windows()) | draw(_record_keys(kind, name))
    made[name] = parse_feature(name, table)
    return made


@st.composite
def _record_keys(draw: st.DrawFn, kind: str, name: str) -> Table:
    reads = KINDS[kind].tables
    table: Table = {}
    lists: tuple[str, ...] = MEDICINE_LISTS
    if reads == ("events",):
        tables = draw(st.sampled_from(TABLES))
        table["tables"] = list(tables)
        lists = _lists_for(tables)
    elif reads == ("measurements",):
        lists = CODED_LISTS
    elif kind == "contact_count":
        table["table"] = draw(st.sampled_from(tuple(CONTACTS)))
    elif kind == "count_before_last_stay" and draw(st.booleans()):
        table["tables"] = ["attendances", "spells"]
    if reads[0] in ("events", "measurements", "medications"):
        table |= draw(_codelist(kind, lists))
    needed = _needed(lists)
    table |= {key: draw(needed[key]) for key in KINDS[kind].needs}
    if "where" in KINDS[kind].takes and draw(st.booleans()):
        table["where"] = draw(_where(table.get("table", reads[0])))
    return table | draw(_options(kind, name, tuple(table.get("tables", reads))))


def _lists_for(tables: tuple[str, ...]) -> tuple[str, ...]:
    if tables == ("medications",):
        return MEDICINE_LISTS
    if "diagnoses" in tables:
        return (*ICD_LISTS, *ICD_LISTS, CODED_LISTS[0])
    return (*CODED_LISTS, *(MEDICINE_LISTS[:2] if "medications" in tables else ()))


@st.composite
def _codelist(draw: st.DrawFn, kind: str, lists: tuple[str, ...]) -> Table:
    if kind in ("latest_category", "weighted_sum"):
        return {}
    if kind.endswith("_substances"):
        return draw(st.one_of(st.just({}), lists_of(lists).map(lambda name: {"codelist": name})))
    if kind in ("current_daily_dose", "current_categories"):
        return {"codelist": "m_dose"}
    if kind == "substance_weight_sum":
        return {"codelist": draw(st.sampled_from(("m_wide", "m_some", "m_one", "m_absent", EMPTY)))}
    return {"codelist": draw(lists_of(lists))}


@st.composite
def _options(draw: st.DrawFn, kind: str, name: str, tables: tuple[str, ...]) -> Table:
    """Draw each key a kind takes, or not, where a table is read that it can ask; a unit with values."""
    drawn: Table = {}
    choices = _numbers(kind)
    for key in KINDS[kind].takes:
        if key in choices and _asks(key, tables) and draw(st.sampled_from((True, key == "with", False))):
            drawn[key] = draw(choices[key])
    if KINDS[kind].result == "float" or "between" in drawn:
        unit = draw(st.sampled_from((None, None, "u", "mmHg")))
        drawn |= {"unit": unit} if unit else {}
    if kind == "latest_pair" and draw(st.booleans()):
        drawn["outputs"] = [f"{name}_first", f"{name}_second"]
    return drawn


def _asks(key: str, tables: tuple[str, ...]) -> bool:
    asked = {"measurements": ("between", "settings", "comparators"), "diagnoses": ("position", "method")}
    return all(key not in keys or table in tables or tables[0] == "spells" for table, keys in asked.items())


@st.composite
def _where(draw: st.DrawFn, table: str) -> Table:
    columns = draw(st.lists(st.sampled_from(tuple(CONTACTS[table])), min_size=1, max_size=2, unique=True))
    return {
        column: draw(st.lists(st.sampled_from(CONTACTS[table][column]), min_size=1, max_size=2, unique=True))
        for column in columns
    }


@st.composite
def _conditions(draw: st.DrawFn, column: Callable[[], str]) -> Table:
    """Draw what `all_of` may further ask for: a feature that must be false, and ages."""
    keys: Table = {"none_of": [column()]} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        keys["age_at_least_years"] = draw(st.integers(0, 80))
    if draw(st.booleans()):
        keys["age_under_years"] = keys.get("age_at_least_years", 0) + draw(st.integers(1, 40))
    return keys


@st.composite
def _derived(draw: st.DrawFn, kind: str, name: str, made: dict[str, Feature]) -> Table:
    """Draw the features it is made of into `made`, and give the keys that name their columns."""

    def column(place: int, kinds: tuple[str, ...], ending: str = "") -> str:
        chosen = draw(st.sampled_from(kinds))
        made.update(draw(declarations(chosen, f"{name}_in_{place}")))
        result = f"{name}_in_{place}"
        return f"{result}_date" if KINDS[chosen].is_dated else result

    dates = ("first_date", "latest_date", "next_due_date", "latest_value", "latest_pair_at_least", "followed_by")
    if kind == "days_between":
        return {"from_feature": column(0, dates), "to_feature": column(1, dates)}
    if kind in ("count_true", "any_of", "all_of"):
        truths = ("has", "has_unresolved", "issued", "two_values_apart", "current_repeat")
        keys: Table = {"features": [column(place, truths) for place in range(draw(st.integers(1, 4)))]}
        return keys | (draw(_conditions(lambda: column(4, truths))) if kind == "all_of" else {})
    if kind == "number_in":
        low, size = draw(st.integers(0, 60)), draw(st.integers(1, 60))
        column(0, ("count", "days_since", "max_value", "bed_days"))
        keys = {"feature": f"{name}_in_0", "at_least": low}
        return keys | ({"under": low + size} if draw(st.booleans()) else {})
    if kind == "category_in":
        column(0, ("latest_category",))
        given = f"{name}_in_0"
        labels = made[given].labels(given)
        return {"feature": given, "values": draw(st.lists(st.sampled_from(labels), min_size=1, unique=True))}
    return {"date_feature": column(0, dates)}
