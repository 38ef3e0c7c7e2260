"""Gives declarations of inputs that many scores read, so that one name means one thing, in one unit, everywhere."""

from __future__ import annotations

from pophealth.declare import Input

# 18: the equations here were made for adults; 120: no living person is older (OpenSAFELY PINCER bounds age by 120 too).
ADULT_AGES = (18, 120)
UNKNOWN_MATTERS = "no score: unknown is not false"
NO_OTHER_SEX = "indeterminate and not_known are read as missing"
UNKNOWN_STANDS = "no effect: whether the tool applies is then not looked at"


def age(
    allowed: tuple[int, int] = ADULT_AGES,
    *,
    missing: str = "no score",
    needed: bool = True,
    description: str = "Whole years on the index date",
) -> Input:
    """Give the input `age_years`; outside `allowed` a score is not computed."""
    return Input("age_years", "int", "years", allowed, missing, needed=needed, description=description)


def sex(description: str = "Recorded sex", *, missing: str = "no score") -> Input:
    """Give the input `sex`."""
    return Input("sex", "category", None, ("female", "male"), missing, description=f"{description}; {NO_OTHER_SEX}")


def flag(
    name: str, description: str, *, feature: str | None = None, missing: str = UNKNOWN_MATTERS, needed: bool = True
) -> Input:
    """Give a flag that bears on the value: its column may not be absent."""
    return Input(name, "bool", missing=missing, needed=needed, feature=feature, description=description)


def applies(name: str, description: str, *, feature: str | None = None) -> Input:
    """Give a flag that only says whether the tool is meant for the person: the value stands, flagged not_applicable."""
    return Input(
        name,
        "bool",
        missing=UNKNOWN_STANDS,
        needed=False,
        optional=True,
        feature=feature,
        description=description,
    )


def emergency_stay() -> Input:
    """Give the input `is_emergency_admission` of scores about a discharge."""
    return flag(
        "is_emergency_admission",
        "The admission was an emergency (method 21-25, 2A-2D)",
        feature=(
            "last_emergency_stay_30d_days_date IS NOT NULL AND last_emergency_stay_30d_days_date = last_stay_30d_days_date"
        ),
    )


def above_zero(
    name: str, unit: str, description: str, *, feature: str | None = None, missing: str = "no score"
) -> Input:
    """Give a measurement that a formula divides by or takes the logarithm of: zero, less and infinite are refused."""
    return Input(name, "float", unit, missing=missing, feature=feature, description=f"{description}; above 0")


def creatinine(description: str = "Latest serum creatinine", *, missing: str = "no score") -> Input:
    """Give the input `creatinine_umol_l`."""
    return above_zero(
        "creatinine_umol_l",
        "umol/L",
        f"{description}, never in mg/dL",
        feature="creatinine_latest_umol_l",
        missing=missing,
    )


def egfr(description: str = "Latest estimated glomerular filtration rate") -> Input:
    """Give the input `egfr_ml_min_1_73m2`; NICE NG203 wants CKD-EPI 2009 without ethnicity, which feeds it in the line."""
    return above_zero(
        "egfr_ml_min_1_73m2",
        "mL/min/1.73m2",
        f"{description} (in the line: CKD-EPI 2009 of the latest creatinine)",
        feature="egfr_2009_ml_min_1_73m2",
    )
