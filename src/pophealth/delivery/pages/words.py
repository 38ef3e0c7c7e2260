"""Gives plain words for what rules, records and plans are made of; the only place that turns an id into a phrase."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

PLACES = {
    "urgent": "Urgent",
    "owed": "Owed by contract",
    "planned": "Planned this period",
    "waiting": "Waiting",
    "held_out": "Later, by the evaluation",
}
"""Where an offer stands, first to last."""

STATUSES = {
    "listed": "On the list",
    "met": "Need met",
    "adjusted": "Taken off by a personalised care adjustment",
    "excluded": "Left out by the rule",
    "unknown": "Cannot be decided from the record",
}
PARTS = {
    "include": "Considered when all of these hold",
    "exclude": "Left out when any of these holds",
    "adjust": "Taken off, unless the need was met, when any of these holds",
    "met_when": "Need met when any of these holds",
}
MARKS = {
    "V": "read in a published file",
    "P": "read as an excerpt of a public page",
    "K": "to be confirmed: general knowledge, not read in a source",
}
CAUSES = {
    "record": "something was recorded, or time went by",
    "rule": "the rule, its codes or its year changed",
    "model": "the prediction model changed",
    "capacity": "places went to others, or there are more or fewer",
    "opt_out": "opted out",
    "death": "died",
    "moved": "left the practice",
    "registered": "newly registered here",
    "action": "the team dealt with it, or it is due again",
}
ACTIONS = {
    "reviewed": "Reviewed",
    "booked": "Booked",
    "done": "Done",
    "declined": "Declined",
    "not_appropriate": "Not appropriate",
}
SEXES = {"female": "F", "male": "M", "indeterminate": "indeterminate", "not_known": "sex not known"}
GROUPINGS = {"imd_quintile": "Deprivation", "sex": "Sex", "age_band": "Age", "ethnicity": "Ethnicity"}

_SPELLED = {
    "acr": "urine albumin (ACR)", "acsc": "ambulatory care sensitive", "bmi": "BMI", "bp": "blood pressure",
    "ca125": "CA125", "cfs": "clinical frailty scale", "chd": "coronary heart disease", "ckd": "CKD", "copd": "COPD",
    "cvd": "CVD", "dbp": "diastolic blood pressure", "doac": "DOAC", "efi": "eFI", "egfr": "eGFR",
    "fh": "familial hypercholesterolaemia", "fit": "FIT", "gi": "gastrointestinal", "gp": "GP", "hba1c": "HbA1c",
    "hdl": "HDL cholesterol", "hfrs": "hospital frailty risk score", "imd": "deprivation",
    "ld": "learning disability", "ldl": "LDL cholesterol", "mmr": "MMR", "ndh": "non-diabetic hyperglycaemia",
    "nhs": "NHS", "nsaid": "NSAID", "pad": "peripheral arterial disease", "pcsp": "care and support plan",
    "ppi": "PPI", "psa": "PSA", "qrisk": "QRISK", "qrisk3": "QRISK3", "sbp": "systolic blood pressure",
    "smi": "severe mental illness", "smr": "structured medication review", "tia": "TIA", "uti": "urinary infection",
    "ace": "ACE", "audit-c": "AUDIT-C", "ras": "RAS", "cha2ds2": "CHA2DS2", "vasc": "VASc", "mdt": "multidisciplinary",
}  # fmt: skip
_UNITS = (
    ("_ml_min_1_73m2", "ml/min/1.73 m²"), ("_mmol_mol", "mmol/mol"), ("_mg_mmol", "mg/mmol"), ("_mmol_l", "mmol/l"),
    ("_umol_l", "µmol/l"), ("_ug_l", "µg/l"), ("_ng_l", "ng/l"), ("_g_l", "g/l"), ("_10e9_l", "×10⁹/l"),
    ("_kg_m2", "kg/m²"), ("_mmhg", "mmHg"), ("_mg_per_day", "mg a day"), ("_ml_min", "ml/min"), ("_kg", "kg"),
    ("_percent", "%"), ("_years", "years"), ("_points", "points"),
)  # fmt: skip
_SPANS = {"d": "days", "m": "months", "y": "years"}
_WINDOWS: tuple[tuple[str, str], ...] = (
    (r"_quarter_before_year$", "in the quarter before the contract year"),
    (r"_before_year$", "before the contract year"),
    (r"_before_(\d+)([dmy])$", "more than {0} {1} ago"),
    (r"_(\d+)_to_(\d+)([dmy])$", "{0} to {1} {2} ago"),
    (r"_(\d+)([dmy])$", "in the last {0} {1}"),
    (r"_in_year$", "this contract year"),
    (r"_in_season$", "this season"),
    (r"_ever$", "ever"),
)


_NAMED = {"qrisk_smoking": "smoking status"}
"""Features whose name says where they are used rather than what they are."""


def spelled(identifier: str) -> str:
    """Give an id as words: underscores are spaces, the field's abbreviations are written as they are known."""
    identifier = identifier.replace("audit_c", "audit-c")
    return " ".join(_SPELLED.get(word, word) for word in identifier.split("_") if word)


def first_upper(text: str) -> str:
    """Give text with a capital at its beginning, the rest as it is; a word like eGFR stays so."""
    return text if text[1:2].isupper() else text[:1].upper() + text[1:]


def role(identifier: str) -> str:
    """Give a role as a title: ``clinical_pharmacist`` is "Clinical pharmacist"."""
    return first_upper(spelled(identifier))


def feature(name: str) -> str:
    """Give a feature's name as words: what, in which unit, in which window."""
    if name == "age_years":
        return "age"
    if name in _NAMED:
        return _NAMED[name]
    rest, is_date = (name[: -len("_date")], True) if name.endswith("_date") else (name, False)
    unit = next((words for suffix, words in _UNITS if rest.endswith(suffix)), "")
    rest = rest[: -len(next(suffix for suffix, words in _UNITS if words == unit))] if unit else rest
    rest, window = _window(rest)
    rest = re.sub(r"^(has|is|had)_", "", rest)
    latest = "latest " if rest.endswith("_latest") else ""
    rest = rest.removesuffix("_latest")
    said = " ".join(part for part in (latest + spelled(rest), f"({unit})" if unit else "", window) if part)
    return f"date of {said}" if is_date else said


def model(identifier: str) -> str:
    """Give a model's id as words: ``emergency_admission_12m`` is "emergency admission within 12 months"."""
    match = re.fullmatch(r"(.*)_(\d+)([dmy])", identifier)
    return spelled(identifier) if match is None else f"{spelled(match[1])} within {match[2]} {_SPANS[match[3]]}"


def _window(name: str) -> tuple[str, str]:
    for pattern, words in _WINDOWS:
        match = re.search(pattern, name)
        if match:
            said = [_SPANS.get(part, part) for part in match.groups()]
            if len(said) == 2 and said[0] == "1":
                said[1] = said[1].removesuffix("s")
            return name[: match.start()], words.format(*said)
    return name, ""


_SYMBOLS = {
    ">=": "at least", "<=": "at most", ">": "above", "<": "below", "=": "is", "<>": "is not", "!=": "is not",
    "AND": "and", "OR": "or", "NOT": "not", "BETWEEN": "between", "IN": "one of", "TRUE": "everybody else",
}  # fmt: skip
_TOKEN = re.compile(
    r"DATE '(?P<date>\d{4}-\d{2}-\d{2})'|INTERVAL '(?P<interval>[^']*)'|'(?P<text>[^']*)'|(?P<null>IS NOT NULL|IS NULL)"
    r"|(?P<name>[a-z][a-z0-9_]*)|(?P<word>[A-Z]+)|(?P<symbol>>=|<=|<>|!=|[<>=])|(?P<number>\d+(?:\.\d+)?)|(?P<other>\S)"
)


def predicate(sql: str) -> str:
    """Give a predicate in words. It helps reading; the predicate itself, shown beside it, is what was computed."""
    if sql.strip().lower() == "true":
        return "everybody else on the list"
    said = [_token(match) for match in _TOKEN.finditer(sql)]
    text = " ".join(word for word in said if word)
    return re.sub(r"\( ", "(", re.sub(r" ([),])", r"\1", text))


def _token(match: re.Match[str]) -> str:
    kind, value = str(match.lastgroup), str(match[str(match.lastgroup)])
    if kind == "date":
        return day(value)
    if kind == "null":
        return "is recorded" if "NOT" in value else "is not recorded"
    if kind == "name":
        return {"true": "yes", "false": "no"}.get(value) or feature(value)
    if kind in ("word", "symbol"):
        return _SYMBOLS.get(value, value.lower())
    return value.replace("_", " ") if kind == "text" else value


def order_term(term: str) -> str:
    """Give one term of an order in words: highest or lowest first."""
    name, _, direction = term.partition(" ")
    down = "DESC" in direction
    if not name.isidentifier():
        return f"{predicate(term.removesuffix(' DESC'))}, {'highest' if down else 'lowest'} first"
    if name.endswith("_date"):
        return f"{feature(name)}, {'most recent' if down else 'longest ago'} first"
    if name.startswith(("has_", "on_", "is_")):
        return f"those {'with' if down else 'without'} {feature(name)} first"
    return f"{feature(name)}, {'highest' if down else 'lowest'} first"


def day(value: date | str | None) -> str:
    """Give a date as it is written in a letter: 4 March 2024; nothing for none."""
    if value is None:
        return ""
    told = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{told.day} {told:%B %Y}"


def count(value: Any) -> str:
    """Give a number with a comma at thousands; a dash where there is none."""
    if value is None or isinstance(value, str):
        return "–" if value is None else value
    return f"{value:,.0f}"


def of(number: int, one: str, many: str | None = None) -> str:
    """Give a number with its noun: 1 person, 2 people."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def percent(part: float, whole: float) -> str:
    """Give a share in per cent without decimals; a dash where there is nobody."""
    return f"{100 * part / whole:.0f} %" if whole else "–"


def nhs_number(digits: str | None) -> str:
    """Give an NHS number in groups of three, three and four."""
    return f"{digits[:3]} {digits[3:6]} {digits[6:]}" if digits and len(digits) == 10 else digits or ""


def reference(patient_id: str) -> str:
    """Give the beginning of a pseudonym, as a row is called where no NHS number may stand."""
    return patient_id[:8]


def joined(parts: list[str]) -> str:
    """Give parts as one phrase: a, b and c."""
    return ", ".join(parts[:-1]) + (" and " if len(parts) > 1 else "") + parts[-1] if parts else ""


def most_often(changes: dict[str, dict[str, int]]) -> str:
    """Give the most frequent cause of entries and leavers together, in words; a dash where nothing changed."""
    counts: dict[str, int] = {}
    for told in changes.values():
        for cause, number in told.items():
            counts[cause] = counts.get(cause, 0) + number
    if not counts:
        return "–"
    cause = max(sorted(counts), key=lambda name: counts[name])
    return CAUSES.get(cause, cause)
