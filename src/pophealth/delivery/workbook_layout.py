"""Gives the columns of a workbook's sheets: what each is called, how wide it is, how its cells are written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "number", "percent", "date"]


@dataclass(frozen=True)
class Column:
    """One column: the name in the frame that fills it, its heading, width in characters, and kind of cell."""

    name: str
    heading: str
    width: int
    kind: Kind = "text"


STATUS, WHO, WHEN, NOTE = "Action", "Done by", "Date done", "Note code"
"""Headings of the columns that a team fills in; `pophealth actions import` reads them."""

RULES, REFERENCE = "Rule ids (do not change)", "Reference (do not change)"
"""Headings of the columns by which a returned row is known again."""

WORKLIST_SHEET = "Worklist"
README_SHEET = "Read me"
NETWORK_LABEL, RUN_LABEL = "Network code", "Run"

ACTION_COLUMNS = (
    Column("action", STATUS, 16),
    Column("who", WHO, 16),
    Column("when", WHEN, 12, "date"),
    Column("note_code", NOTE, 12),
)
"""Empty columns for the team."""

_PERSON = (
    Column("nhs_number", "NHS number", 14),
    Column("practice_code", "Practice", 10),
    Column("age_years", "Age", 6, "number"),
    Column("sex", "Sex", 10),
    Column("imd_quintile", "Deprivation fifth (1 most)", 12, "number"),
)

WORKLIST_COLUMNS = (
    Column("order", "Order", 7, "number"),
    Column("place", "Place", 12),
    Column("urgent", "Urgent", 9),
    *_PERSON,
    Column("roles", "Role", 26),
    Column("minutes", "Minutes", 9, "number"),
    Column("services", "Services", 34),
    Column("lists", "Lists, most severe first", 70),
    Column("days_since_result", "Days since result", 10, "number"),
    Column("months_since_seen", "Months since seen", 10, "number"),
    Column("risk", "Predicted risk", 10, "percent"),
    Column("new", "New", 7),
    Column("action_status", "Last known action", 16),
    *ACTION_COLUMNS,
    Column("rule_ids", RULES, 20),
    Column("patient_id", REFERENCE, 20),
)

SERVICE_COLUMNS = (
    Column("catalogue_id", "List", 9),
    Column("title", "What is to be done", 50),
    Column("rank", "Rank", 7, "number"),
    Column("tier_label", "Tier", 34),
    Column("urgent", "Urgent", 9),
    Column("place", "Place", 12),
    *_PERSON,
    Column("role", "Role", 26),
    Column("why", "Why", 50),
    Column("record_date", "Latest deciding record", 12, "date"),
    Column("record", "Record", 40),
    Column("days_since_result", "Days since result", 10, "number"),
    Column("new", "New", 7),
    *ACTION_COLUMNS,
    Column("rule_id", RULES, 20),
    Column("patient_id", REFERENCE, 20),
)

SHEETS: dict[str, str] = {
    "medication_review": "Medication review",
    "care_homes": "Care homes",
    "anticipatory_care": "Anticipatory care",
    "personalised_care": "Personalised care",
    "early_cancer": "Early cancer diagnosis",
    "cvd_prevention": "CVD prevention",
    "neighbourhood_inequalities": "Inequalities",
}
"""Service to the name of its sheet; a sheet's name has 31 characters at most."""
