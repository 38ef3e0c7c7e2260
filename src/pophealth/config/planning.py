"""Gives the sections on planning and on what is handed over: the team's capacity, floors, holdout, pages and files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pophealth.config.base import Said, Section


class Holdout(Section):
    """A measuring holdout of first offers beyond capacity; off by default, never on urgent or owed care."""

    share: float = Field(default=0.0, ge=0, le=0.5)
    approval_reference: Said | None = None
    seed: str = ""

    @model_validator(mode="after")
    def _is_approved(self) -> Holdout:
        if self.share and not self.approval_reference:
            msg = "a holdout needs approval_reference, the approval that allows it"
            raise ValueError(msg)
        return self


class FloorBy(Section):
    """A share of places for people whose `column` is one of `values`; a protected characteristic needs an approval."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)
    share: float = Field(gt=0, le=1)
    approval_reference: Said


class Planning(Section):
    """What the team of a network can do: slots a week by role, floors, the band in which nobody should flap.

    `slots_per_week` maps a role to slots of `slot_minutes`; a role that is not named has none, a network named in
    `networks` has slots of its own. `deprived_share` keeps that share of places for the most deprived fifth. `risk`
    names the column that orders people beside tier and gaps. What was done, declined or not appropriate is offered
    again after `due_again_months`, or after what `due_again` says of the rule.
    """

    weeks: int = Field(default=4, ge=1, le=52)
    slot_minutes: int = Field(default=30, ge=5, le=240)
    slots_per_week: dict[str, Annotated[int, Field(ge=0, le=100_000)]] = Field(default_factory=dict)
    networks: dict[str, dict[str, Annotated[int, Field(ge=0, le=100_000)]]] = Field(default_factory=dict)
    deprived_share: float = Field(default=0.0, ge=0, le=1)
    floors: tuple[FloorBy, ...] = ()
    band: float = Field(default=0.1, ge=0, le=0.5)
    risk: str | None = None
    due_again_months: int = Field(default=12, ge=1, le=120)
    due_again: dict[str, Annotated[int, Field(ge=1, le=120)]] = Field(default_factory=dict)
    holdout: Holdout = Holdout()

    @model_validator(mode="after")
    def _floors_leave_room(self) -> Planning:
        shares = self.deprived_share + sum(floor.share for floor in self.floors)
        if shares > 1 + 1e-9:
            msg = f"the floors keep {shares:.0%} of the places; together they can keep 100 % at most"
            raise ValueError(msg)
        return self

    def slots_of(self, network: str) -> dict[str, int]:
        """Give the slots a week by role of a network: its own where it is named, else those of every network."""
        return self.networks.get(network, self.slots_per_week)


class Delivery(Section):
    """What stands beside the Arrow tables: pages, a workbook, and files that a GP system can read."""

    pages: bool = True
    workbook: bool = True
    gp_presets: tuple[Literal["nhs-only", "nhs-dob"], ...] = ()
