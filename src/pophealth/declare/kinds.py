"""Gives the kinds of feature there are: what each reads, what it gives, and which keys its declaration takes.

Two words are used throughout. A row is *visible* when its date and its recorded date (the date, where that is missing)
are on or before the index date. A row *counts* for a feature when it is visible, of the codelist, inside the window, and
passes the feature's row filters: `between` (accepted values, both ends included, in the feature's unit; others are passed
over before anything is chosen), `settings` and `comparators` (measurements; no comparator is ``=``, no setting is none of
them), `position = "primary"` and `method`, a beginning of the admission method (diagnoses of spells), `where` (allowed
values by column, other tables; an empty field is never one). A filter holds for rows of the table it is about: an event
passes `between`. Kinds over values, and `between`, pass over a value in another unit than the feature's; a value without a
unit counts as it stands.

The other row that a kind looks for (`resolved_by`, `followed_by`, `preceded_by`) has to be visible only. A row that is of
both codelists is its own partner. Codes match exactly; an ICD-10 code of a codelist matches every diagnosis of a spell
that begins with it, dots left out, and each (spell, position) is one row.
"""

from __future__ import annotations

from pophealth.declare.kind import Kind, Result
from pophealth.declare.kinds_of_features import MADE_OF_FEATURES

_CODED = ("events",)
_VALUES = ("measurements",)
_ISSUES = ("medications",)

_ROWS = ("between", "settings", "comparators", "position", "method")  # row filters of kinds that read coded rows
_NUMBERS = ("between", "settings", "comparators")  # and of kinds that read values

KINDS: dict[str, Kind] = {
    "has": Kind("whether a row counts", "bool", _CODED, takes=_ROWS),
    "has_unresolved": Kind(
        "whether the latest row that counts is later than the latest visible row of `resolved_by` in the window; one on the "
        "same day resolves it",
        "bool",
        _CODED,
        needs=("resolved_by",),
    ),
    "first_date": Kind("date of the first row that counts", "date", _CODED, takes=_ROWS),
    "latest_date": Kind("date of the latest row that counts", "date", _CODED, takes=_ROWS),
    "days_since": Kind("days from the latest row that counts to the index date", "int", _CODED, takes=_ROWS),
    "count": Kind("number of rows that count", "int", _CODED, takes=_ROWS),
    "distinct_days": Kind("number of different days with a row that counts", "int", _CODED, takes=_ROWS),
    "latest_category": Kind(
        "label of the category whose codelist has the latest row; on one day the later in `categories` wins",
        "category",
        _CODED,
        needs=("categories",),
        is_dated=True,
    ),
    "weighted_sum": Kind(
        "sum of `weights` (codelist to whole number) over the codelists of which a row counts, each once",
        "int",
        _CODED,
        needs=("weights",),
    ),
    "followed_by": Kind(
        "whether a row that counts has a visible row of `followed_by` 0 to `days` days after it; dated by the latest such",
        "bool",
        _CODED,
        needs=("followed_by", "days"),
        takes=_ROWS,
        is_dated=True,
    ),
    "not_followed_by": Kind(
        "whether a row that counts has no visible row of `followed_by` 0 to `days` days after it; dated by the latest "
        "such; `matured = true` passes over rows less than `days` days before the index date",
        "bool",
        _CODED,
        needs=("followed_by", "days"),
        takes=(*_ROWS, "matured"),
        is_dated=True,
    ),
    "preceded_by": Kind(
        "whether a row that counts has a visible row of `preceded_by` 0 to `days` days before it; dated by the latest such",
        "bool",
        _CODED,
        needs=("preceded_by", "days"),
        takes=_ROWS,
        is_dated=True,
    ),
    "not_preceded_by": Kind(
        "whether a row that counts has no visible row of `preceded_by` 0 to `days` days before it; dated by the latest such",
        "bool",
        _CODED,
        needs=("preceded_by", "days"),
        takes=_ROWS,
        is_dated=True,
    ),
    "latest_value": Kind(
        "value of the latest row; on one day the highest (`same_day = 'lowest'`: the lowest). `with` adds "
        "``<name>_comparator`` and ``<name>_setting``; of equal values the first of = < <= > >=, of clinic home ambulatory",
        "float",
        _VALUES,
        takes=(*_NUMBERS, "same_day", "with"),
        is_dated=True,
    ),
    "min_value": Kind("lowest value", "float", _VALUES, takes=_NUMBERS),
    "max_value": Kind("highest value", "float", _VALUES, takes=_NUMBERS),
    "mean_value": Kind("mean, added in order of day, then value", "float", _VALUES, takes=_NUMBERS),
    "sd_value": Kind(
        "sample standard deviation (n - 1) about the mean, in order of day, then value; from two values on",
        "float",
        _VALUES,
        takes=_NUMBERS,
    ),
    "slope_value": Kind(
        "least-squares change a year of 365.25 days, in order of day, then value; from two different days on. With x the days "
        "since the first, all sums added in that order: sum (x - mean x)(v - mean v) / sum (x - mean x)^2 x 365.25",
        "float",
        _VALUES,
        takes=_NUMBERS,
    ),
    "change_value": Kind(
        "latest value less the value of the latest day at least `days` days before it; on one day the highest",
        "float",
        _VALUES,
        needs=("days",),
        takes=_NUMBERS,
    ),
    "two_values_apart": Kind(
        "whether values inside `meets` stand on two days at least `days` apart; with `consecutive = true` the latest "
        "value meets it and so do all back to a day at least `days` before it. A day meets it when all its values do",
        "bool",
        _VALUES,
        needs=("meets", "days"),
        takes=(*_NUMBERS, "consecutive"),
    ),
    "latest_pair": Kind(
        "two values (codelist, `paired_with`) of the latest day with both, the lowest of each; `same = 'time'` pairs rows "
        "of one day and time (none equals none) and takes, of the latest day, the pair with the lowest first, then second",
        "float",
        _VALUES,
        needs=("paired_with",),
        takes=(*_NUMBERS, "outputs", "same"),
        is_dated=True,
    ),
    "latest_pair_at_least": Kind(
        "date of the latest day whose pair, as in `latest_pair`, reaches either threshold of `at_least`",
        "date",
        _VALUES,
        needs=("paired_with", "at_least"),
        takes=(*_NUMBERS, "same"),
    ),
    "issued": Kind("whether an issue counts", "bool", _ISSUES),
    "issued_in_two_windows": Kind(
        "whether an issue counts and another lies in the window of the same length before it (months counted back again from "
        "its start, days as many; nothing lies before a window without a length or start)",
        "bool",
        _ISSUES,
    ),
    "co_issued": Kind(
        "whether an issue and one of `with` lie within `days` of each other, both in the window",
        "bool",
        _ISSUES,
        needs=("with", "days"),
    ),
    "current_repeat": Kind(
        "whether the latest issue plus its days' supply (28 when missing or 0; of one day the longest) reaches the index date; "
        "issues said not to be on repeat do not count",
        "bool",
        _ISSUES,
    ),
    "current_substances": Kind(
        "number of different chemical substances that are a current repeat (codelist optional; `without_bnf`: beginnings "
        "of BNF codes left out)",
        "int",
        _ISSUES,
        takes=("without_bnf",),
    ),
    "distinct_substances": Kind(
        "number of different chemical substances issued in the window (codelist optional); `count_by = 'bnf_paragraph'`: of "
        "different BNF paragraphs, the first six figures of a BNF code, products without a code being of none",
        "int",
        _ISSUES,
        takes=("without_bnf", "count_by"),
    ),
    "substance_weight_sum": Kind(
        "sum over different substances issued in the window (`current = true`: that are a current repeat) of the highest "
        "whole number of 0 or more that `category` of the codelist gives one of their products, issued or not (none: 0)",
        "int",
        _ISSUES,
        takes=("current",),
    ),
    "current_daily_dose": Kind(
        "sum over products that are a current repeat of quantity x the number in `category` / days' supply of the latest "
        "issue (of one day the highest), added in order of code system and code; issues without quantity or supply are passed "
        "over first; 0 when nothing is current",
        "float",
        _ISSUES,
    ),
    "current_categories": Kind(
        "the different `category` texts of the codelist of which a product is a current repeat (as in `current_repeat`), in "
        "order of their text, capitals not told apart; an empty list when nothing is current",
        "text_list",
        _ISSUES,
    ),
    "spell_count": Kind(
        "number of spells admitted in the window, whose method begins with `method`",
        "int",
        ("spells",),
        takes=("method",),
    ),
    "bed_days": Kind(
        "nights inside the window of spells whose method begins with `method`, however early they began; a stay without a "
        "discharge, or discharged later, goes on until the window's end",
        "int",
        ("spells",),
        takes=("method",),
    ),
    "readmission_count": Kind(
        "number of spells admitted in the window, whose method begins with `method`, 0 to `days` days after the discharge "
        "of an earlier spell of any method, in the window or not; spells stand in order of admission, discharge (open ones "
        "last), record id",
        "int",
        ("spells",),
        needs=("days",),
        takes=("method",),
    ),
    "last_stay_days": Kind(
        "days from admission to discharge of the last stay, the spell that was discharged last in the window (of one day of "
        "discharge the last admitted), whose method begins with `method`; dated by the discharge; none without such a stay",
        "int",
        ("spells",),
        takes=("method",),
        is_dated=True,
    ),
    "count_before_last_stay": Kind(
        "number of rows of the first of `tables` (spells, whose method begins with `method`, or attendances) dated 1 to `days` "
        "days before the admission of the last stay as in `last_stay_days`, of any method; none without a stay",
        "int",
        ("spells",),
        needs=("days",),
        takes=("method",),
    ),
    "spell_codes": Kind(
        "the different ICD-10 codes of spells admitted in the window, in order of their text; none when there are none",
        "text_list",
        ("spells",),
        takes=("method",),
    ),
    "attendance_count": Kind("number of emergency attendances", "int", ("attendances",), takes=("where",)),
    "contact_count": Kind(
        "number of rows of `table` (appointments, outpatients, referrals, attendances)",
        "int",
        ("appointments",),
        takes=("where",),
    ),
    "next_due_date": Kind(
        "latest date that the recall list gives for `programme`, also after the index date; the window is not looked at",
        "date",
        ("next_tests",),
        needs=("programme",),
    ),
} | MADE_OF_FEATURES
"""Every kind, by the name a declaration uses."""


def _of(*results: Result) -> frozenset[str]:
    return frozenset(name for name, kind in KINDS.items() if kind.result in results)


BOOLEAN_KINDS = _of("bool")
DATE_KINDS = _of("date")
COUNT_KINDS = _of("int")
VALUE_KINDS = frozenset(name for name, kind in KINDS.items() if kind.result == "float")
DERIVED_KINDS = frozenset(name for name, kind in KINDS.items() if kind.is_derived)
NUMBER_KINDS = frozenset(name for name, kind in KINDS.items() if kind.tables == _VALUES)
"""Kinds that mean nothing where a source's values mean nothing."""

LIST_KEYS = ("resolved_by", "paired_with", "followed_by", "preceded_by", "with")
"""Keys of a declaration that name one further codelist (``with`` only where it is text)."""
