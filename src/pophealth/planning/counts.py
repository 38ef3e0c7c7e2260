"""Gives a plan in numbers: what each role can do, who stands where, what floors cost, who falls off when slots change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from pophealth.planning.floor import Floor
from pophealth.planning.place import PLACES, Capacity, Holdout

ROLE_TITLES = {
    "care_coordinator": "Care coordinator",
    "clinical_pharmacist": "Clinical pharmacist",
    "gp": "GP",
    "paramedic": "Paramedic",
    "pharmacy_technician": "Pharmacy technician",
    "physician_associate": "Physician associate",
    "physiotherapist": "Physiotherapist",
    "practice_nurse": "Practice nurse",
    "social_prescribing_link_worker": "Social prescribing link worker",
}
"""The roles a team can have slots of, and how a page calls them."""

SLOT_CHANGES = (-0.25, -0.1, 0.1, 0.25)
"""By which share a role's slots are changed to show who falls off and who comes on."""


def role_title(role: str) -> str:
    """Give how a page calls a role; a role of a site's own rules is called by its id in words."""
    return ROLE_TITLES.get(role) or role.replace("_", " ").capitalize()


def plan_counts(placed: pl.DataFrame, capacity: Capacity, floors: Sequence[Floor], holdout: Holdout) -> dict[str, Any]:
    """Give the plan of a network in numbers, role by role; roles with slots and nothing to do are there too."""
    roles = sorted({*placed["role"].unique(), *capacity.slots_per_week})
    parts = {str(role): part for (role,), part in placed.partition_by("role", as_dict=True).items()}
    nothing = placed.clear()
    return {
        "weeks": capacity.weeks,
        "slot_minutes": capacity.slot_minutes,
        "by_role": [_role(role, parts.get(role, nothing), capacity.slots(role)) for role in roles],
        "floor": _floor_cost(placed, floors, {role: capacity.slots(role) for role in roles}),
        "holdout": _holdout_counts(placed, holdout) if holdout.share else None,
        "if_slots_change": [
            change
            for role in roles
            for change in _if_slots_change(role, parts.get(role, nothing), capacity.slots(role))
        ],
    }


def _role(role: str, part: pl.DataFrame, slots: int) -> dict[str, Any]:
    where = dict(part["place"].cast(pl.String).value_counts().iter_rows())
    placed = part.filter(pl.col("place").is_in(["urgent", "owed", "planned"]))
    return {
        "role": role,
        "role_title": role_title(role),
        "slots": slots,
        **{place: where.get(place, 0) for place in PLACES},
        "planned_people": placed.height,
        "slots_used": int(placed["slots"].sum()),
        "moved_by_floor": int(part["by_floor"].sum()),
    }


def _floor_cost(placed: pl.DataFrame, floors: Sequence[Floor], slots: Mapping[str, int]) -> dict[str, Any]:
    """Give the floors and what they cost: whom they brought in, who had to wait, how many ranks these were put back."""
    ordinary = placed.filter(~(pl.col("is_urgent") | pl.col("is_owed")))
    lost = _lost_place(placed, slots)
    back = ordinary.filter(pl.col("order") > pl.col("order_without_floor"))
    ranks = (back["order"] - back["order_without_floor"]).sort()
    return {
        "floors": [
            {
                "column": floor.column,
                "values": list(floor.values),
                "share": floor.share,
                "approval_reference": floor.approval_reference,
            }
            for floor in floors
            if floor.share
        ],
        "brought_in": int(ordinary["by_floor"].sum()),
        "made_to_wait": int(lost.sum()),
        "people_put_back": back.height,
        "ranks_put_back_median": int(ranks[len(ranks) // 2]) if len(ranks) else 0,
        "ranks_put_back_most": int(ranks[-1]) if len(ranks) else 0,
    }


def _lost_place(placed: pl.DataFrame, slots: Mapping[str, int]) -> pl.Series:
    """Give, for each offer in the order without floors, whether it waits and would have a place without them.

    What urgent and owed offers leave of a role's slots is filled from the front; an offer that takes several slots can
    leave some unused, so those that are used say too little.
    """
    pressing = pl.col("is_urgent") | pl.col("is_owed")
    rooms = pl.DataFrame(list(slots.items()), {"_role": pl.String, "room": pl.Int64}, orient="row")
    queue = (
        placed.sort("role", ~pressing, "order_without_floor")
        .select(
            until=pl.col("slots").cast(pl.Int64).cum_sum().over("role"),
            _role=pl.col("role").cast(pl.String),
            waits=~pressing & (pl.col("place") != "planned"),
        )
        .join(rooms, on="_role", how="left", maintain_order="left")
    )
    return queue.select(lost=pl.col("waits") & (pl.col("until") <= pl.col("room"))).to_series()


def _holdout_counts(placed: pl.DataFrame, holdout: Holdout) -> dict[str, Any]:
    ordinary = placed.filter(~(pl.col("is_urgent") | pl.col("is_owed")) & pl.col("has_place_undrawn"))
    drawn = ordinary.filter("is_drawn")
    return {
        "share": holdout.share,
        "approval_reference": holdout.approval_reference,
        "compared_people": ordinary["patient_id"].n_unique(),
        "drawn_people": drawn["patient_id"].n_unique(),
        "held_out_people": drawn.filter(pl.col("place") == "held_out")["patient_id"].n_unique(),
    }


def _if_slots_change(role: str, part: pl.DataFrame, slots: int) -> list[dict[str, Any]]:
    """Give how many people of the ordinary queue fall off or come on with fewer or more slots of a role."""
    queue = part.filter(~(pl.col("is_urgent") | pl.col("is_owed")))
    deltas = sorted({round(slots * share) for share in SLOT_CHANGES} - {0})
    now = queue.filter(pl.col("place") == "planned").height
    return [
        {
            "role": role,
            "slots_delta": delta,
            "people_delta": queue.filter(pl.col("slots_until_here") <= slots + delta).height - now,
        }
        for delta in deltas
    ]
