"""Gives the sections on planning and on what is handed over: the team's capacity, floors, holdout, pages and files."""

from __future__ import annotations

from typing import Literal

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


class Planning(Section):
    """What the team of a network can do: slots a week by role, floors, the band in which nobody should flap.

    `slots_per_week` maps a role to slots of `slot_minutes`; a role that is not named has none. `deprived_share` keeps
    that share of places for the most deprived fifth. `risk` names the column that orders people beside tier and gaps.
    """

    weeks: int = Field(default=4, ge=1, le=52)
    slot_minutes: int = Field(default=30, ge=5, le=240)
    slots_per_week: dict[str, int] = Field(default_factory=dict)
    deprived_share: float = Field(default=0.0, ge=0, le=1)
    band: float = Field(default=0.1, ge=0, le=0.5)
    risk: str | None = None
    holdout: Holdout = Holdout()


class Delivery(Section):
    """What stands beside the Arrow tables: pages, a workbook, and files that a GP system can read."""

    pages: bool = True
    workbook: bool = True
    gp_presets: tuple[Literal["nhs-only", "nhs-dob"], ...] = ()
