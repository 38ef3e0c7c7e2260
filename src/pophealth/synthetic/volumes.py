"""Gives how far back each kind of record reaches, so that a record has about the number of rows asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Volume:
    """Years before a person's last day that hold rows of a kind, and the number of rows a person in all.

    A record of 60 rows holds all issues of a little more than a year, appointments of the last months, and diagnoses,
    emergency admissions and reviews of the whole history; one of 285 reaches further back in everything.
    """

    records_per_person: int
    medication_years: float
    review_years: float
    reviews_factor: float
    appointment_years: float
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
        review_years=reach(5.0, 10.0, history),
        reviews_factor=reach(1.0, 1.6),
        appointment_years=reach(0.8, 5.0, history),
        outpatient_years=reach(1.2, 7.0, history),
        attendance_years=reach(4.0, 10.0, history),
        elective_years=reach(5.0, 10.0, history),
        laboratory_rows=reach(0.6, 22.0),
    )
