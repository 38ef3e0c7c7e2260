"""Gives how far back each kind of record reaches, so that a record has about the number of rows asked for."""

from __future__ import annotations

from dataclasses import dataclass

CONTACTS_FROM = 3.75
"""Years: outcomes of one, three steps of half a year between index dates, a window of one before the earliest, and some lag."""


@dataclass(frozen=True)
class Volume:
    """Years before the extract's last day that hold rows of a kind, and the number of rows a person in all.

    They are counted back from one day for everybody: a record that reached back from each person's own last day would tell
    who is about to die or leave. A record of 60 rows holds every issue of a little more than a year, one issue in half a year
    before that, and contacts back to a year before the earliest of four index dates half a year apart; diagnoses and
    emergency admissions of the whole history. One of 285 reaches further back in everything.

    Attributes
    ----------
    medication_years, issue_years
        How far back every issue stands, and how far one in half a year.
    appointments_factor
        Appointments at the practice on record, beside those that a full record holds.
    """

    records_per_person: int
    medication_years: float
    issue_years: float
    review_years: float
    reviews_factor: float
    appointment_years: float
    appointments_factor: float
    outpatient_years: float
    attendance_years: float
    elective_years: float
    laboratory_rows: float


def volume_for(records_per_person: int, years: int) -> Volume:
    """Give the reach for a number of rows a person; between 60 and 285 it grows in proportion."""
    size = (records_per_person - 60) / 225

    def reach(at_60: float, at_285: float, longest: float = 40.0) -> float:
        return float(min(max(at_60 + size * (at_285 - at_60), at_60 * 0.25), longest))

    history = float(years)
    return Volume(
        records_per_person=records_per_person,
        medication_years=reach(1.15, 5.5, history),
        issue_years=reach(CONTACTS_FROM, 40.0, history),
        review_years=reach(5.0, 40.0, history),
        reviews_factor=reach(1.0, 1.6),
        appointment_years=reach(CONTACTS_FROM, 7.0, history),
        appointments_factor=reach(0.5, 0.75),
        outpatient_years=reach(CONTACTS_FROM, 7.0, history),
        attendance_years=reach(4.0, 10.0, history),
        elective_years=reach(5.0, 10.0, history),
        laboratory_rows=reach(0.6, 22.0),
    )
