"""Gives what was generated, as counts: for people to read and for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Facts:
    """What `generate` made.

    Parameters
    ----------
    people
        Everybody in the extract: registered, dead, left, visitors.
    registered
        Registered on the index date, regular patients, opt-outs among them.
    rows
        Rows by table.
    records_per_person
        Rows of record tables divided by people.
    planted
        People planted for each rule, over all networks.
    reachable
        Area under the curve of a 12-month emergency admission, a year before the index date, given the true hazard and given
        its recorded part alone; None where the history is too short to tell.
    faults
        With `dirty`, rows or files planted by number of the fault catalogue (delivery-and-faults 5.3).
    without_nhs_number
        People for whom the range of test numbers had none left.
    """

    networks: tuple[str, ...]
    people: int
    registered: int
    planted: dict[str, int]
    rows: dict[str, int]
    records_per_person: float
    reachable: dict[str, float] | None
    unobserved: str
    without_nhs_number: int = 0
    faults: dict[int, dict[str, int]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as JSON can hold it."""
        return {
            "networks": list(self.networks),
            "people": self.people,
            "registered": self.registered,
            "planted": self.planted,
            "rows": self.rows,
            "records_per_person": round(self.records_per_person, 2),
            "reachable": self.reachable,
            "unobserved": self.unobserved,
            "without_nhs_number": self.without_nhs_number,
            "faults": {str(number): dict(counts) for number, counts in sorted(self.faults.items())},
        }

    def lines(self) -> list[str]:
        """Give the same in words."""
        total = sum(self.rows.values())
        lines = [
            f"{len(self.networks)} networks, {self.registered:,} people registered, {self.people:,} in the extract "
            f"({sum(self.planted.values())} of them planted for {len(self.planted)} rules)",
            f"{total:,} rows, {self.records_per_person:.1f} records a person: "
            + ", ".join(f"{name} {count:,}" for name, count in self.rows.items()),
        ]
        if self.reachable is not None:
            reach = self.reachable
            lines.append(
                f"emergency admission in 12 months: {reach['rate']:.1%} of people, reachable AUROC "
                f"{reach['auroc_true']:.3f} given the true hazard, {reach['auroc_recorded']:.3f} given its recorded part"
            )
            lines.append(
                f"emergency admission or death in 12 months: {reach['rate_or_death']:.1%} of people, reachable AUROC "
                f"{reach['auroc_true_or_death']:.3f} given the true hazards"
            )
        lines.append(self.unobserved)
        if self.without_nhs_number:
            lines.append(f"{self.without_nhs_number:,} people have no NHS number: the test range 999 holds no more")
        for number, counts in sorted(self.faults.items()):
            lines.append(f"fault {number}: " + ", ".join(f"{what} {count}" for what, count in counts.items()))
        return lines
