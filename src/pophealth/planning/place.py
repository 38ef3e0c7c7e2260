"""Gives a plan: which offers a network's people can make this month, in which order, and who waits.

Urgent tiers and what the contract owes come first, before capacity, floors and holdout, and are never held back. The rest
stands in one order a role: tier, open care gaps, predicted risk, rank, then patient id, so that ties are settled. A floor
keeps a share of the places for the most deprived fifth; what it cost is said. A holdout only moves people behind the
others where there are more offers than places.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from pophealth.errors import ConfigError

PLACES = ("urgent", "owed", "planned", "waiting", "held_out")
"""Where an offer stands."""

PLAN: dict[str, pl.DataType] = {
    "place": pl.Enum(PLACES),
    "order": pl.Int32(),
    "slots": pl.Int32(),
    "slots_until_here": pl.Int32(),
    "order_without_floor": pl.Int32(),
    "by_floor": pl.Boolean(),
}
"""Columns that placing adds: order within the role from 1, slots used by everybody up to and with this offer."""


@dataclass(frozen=True)
class Capacity:
    """What a team can do: slots of `slot_minutes` a week by role, for `weeks` weeks."""

    slots_per_week: Mapping[str, int]
    weeks: int = 4
    slot_minutes: int = 30

    def slots(self, role: str) -> int:
        """Give the slots of a role in the whole time; a role that is not named has none."""
        return self.slots_per_week.get(role, 0) * self.weeks

    def needed(self) -> pl.Expr:
        """Give the slots an offer takes: whole slots, one at least."""
        return pl.max_horizontal(1, (pl.col("minutes") + self.slot_minutes - 1) // self.slot_minutes).cast(pl.Int32)


@dataclass(frozen=True)
class Floor:
    """At least `share` of the places of every role go to the most deprived fifth, as long as its people wait."""

    share: float = 0.0


@dataclass(frozen=True)
class Holdout:
    """A measuring holdout: `share` of people, drawn by a keyed hash of their id, stand behind the others.

    Raises
    ------
    ConfigError
        A share without the reference of its approval.
    """

    share: float = 0.0
    approval_reference: str | None = None
    seed: str = ""

    def __post_init__(self) -> None:
        if self.share and not self.approval_reference:
            msg = "config planning.holdout: a holdout needs approval_reference, the approval that allows it"
            raise ConfigError(msg)

    def draws(self, patient_id: str) -> bool:
        """Give whether a person is held out: the same answer in every run with the same seed."""
        digest = hashlib.sha256(f"{self.seed}:{patient_id}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.share * 2**64


class _Candidate(NamedTuple):
    row: int
    slots: int
    is_deprived: bool


def place_offers(
    offers: pl.DataFrame,
    capacity: Capacity,
    *,
    floor: Floor | None = None,
    holdout: Holdout | None = None,
    before: pl.DataFrame | None = None,
    band: float = 0.0,
) -> pl.DataFrame:
    """Give the offers with their place, role by role in order.

    Parameters
    ----------
    offers
        Columns of `offers.OFFERS`.
    before
        patient_id and role of the offers planned last time; near the cut-off they go before newcomers.
    band
        How near: within ``capacity x (1 - band)`` to ``capacity x (1 + band)``.

    Returns
    -------
    DataFrame
        The offers and the columns of `PLAN`, by role and order. With s slots, exactly those of the ordinary queue whose
        `slots_until_here` is at most s have a place, so a reader sees who falls off when slots change.
    """
    drawn = holdout or Holdout()
    known = before.select("patient_id", "role").unique() if before is not None else None
    rows = offers.with_columns(
        slots=capacity.needed(),
        _held=pl.Series(
            [bool(drawn.share) and drawn.draws(person) for person in offers["patient_id"]], dtype=pl.Boolean
        ),
        _before=pl.lit(value=False),
    )
    if known is not None:
        there = known.with_columns(_there=pl.lit(value=True))
        rows = rows.join(there, on=["patient_id", "role"], how="left", maintain_order="left")
        rows = rows.with_columns(_before=pl.col("_there").fill_null(value=False)).drop("_there")
    made = [
        _place_role(part, capacity.slots(str(role)), floor or Floor(), band)
        for (role,), part in sorted(rows.partition_by("role", as_dict=True).items(), key=lambda item: str(item[0][0]))
    ]
    columns = [*offers.columns, *PLAN]
    if not made:
        empty = [pl.Series(name, [], dtype=dtype) for name, dtype in PLAN.items()]
        return offers.with_columns(empty).select(columns)
    return pl.concat(made).select(columns)


def _place_role(rows: pl.DataFrame, slots: int, floor: Floor, band: float) -> pl.DataFrame:
    first = rows.filter(pl.col("is_urgent") | pl.col("is_owed")).sort(
        "is_urgent", *_ORDER, descending=[True, *_DOWN], nulls_last=True
    )
    others = rows.filter(~(pl.col("is_urgent") | pl.col("is_owed")))
    left = max(0, slots - int(first["slots"].sum()))
    if int(others["slots"].sum()) <= left:
        others = others.with_columns(_held=pl.lit(value=False))  # everybody has a place: nobody is held back
    queue = _steady(others.sort("_held", *_ORDER, descending=[False, *_DOWN], nulls_last=True), left, band)
    queue = queue.with_row_index("order_without_floor", offset=first.height + 1)
    queue = queue[_with_floor(queue, floor)]
    until = first["slots"].sum() + queue["slots"].cum_sum()
    inside = until <= max(slots, int(first["slots"].sum()))
    plain_until = queue.sort("order_without_floor").select(
        "order_without_floor", _plain=(first["slots"].sum() + pl.col("slots").cum_sum()) <= slots
    )
    placed_first = first.with_columns(
        place=pl.when("is_urgent").then(pl.lit("urgent")).otherwise(pl.lit("owed")),
        slots_until_here=pl.col("slots").cum_sum(),
        order_without_floor=pl.int_range(1, pl.len() + 1),
        by_floor=pl.lit(value=False),
    )
    placed = (
        queue.with_columns(slots_until_here=until, _inside=inside)
        .join(plain_until, on="order_without_floor", how="left", maintain_order="left")
        .with_columns(
            place=pl.when("_inside")
            .then(pl.lit("planned"))
            .when("_held")
            .then(pl.lit("held_out"))
            .otherwise(pl.lit("waiting")),
            by_floor=pl.col("_inside") & ~pl.col("_plain"),
        )
    )
    columns = [*rows.columns, "place", "slots_until_here", "order_without_floor", "by_floor"]
    whole = pl.concat([part.select(columns) for part in (placed_first, placed)], how="vertical_relaxed")
    return whole.with_columns(order=pl.int_range(1, pl.len() + 1)).with_columns(
        pl.col(name).cast(dtype) for name, dtype in PLAN.items()
    )


_ORDER = ("tier", "open_gaps", "risk", "rank", "patient_id")
_DOWN = (False, True, True, False, False)


def _steady(queue: pl.DataFrame, slots: int, band: float) -> pl.DataFrame:
    """Give the queue with those planned last time before newcomers, near the cut-off only: nobody should flap."""
    if not band or not queue["_before"].any():
        return queue
    until = pl.col("slots").cum_sum()
    zone = (
        pl.when(until <= slots * (1 - band))
        .then(0)
        .when(until <= slots * (1 + band))
        .then(1)
        .otherwise(2)
        .alias("_zone")
    )
    return (
        queue.with_columns(zone)
        .with_row_index("_row")
        .sort("_zone", pl.when(pl.col("_zone") == 1).then(~pl.col("_before")).otherwise(pl.lit(value=False)), "_row")
        .drop("_zone", "_row")
    )


def _with_floor(queue: pl.DataFrame, floor: Floor) -> list[int]:
    """Give the rows of the queue in an order of which every beginning keeps the floor, and is else unchanged."""
    deprived = (queue["imd_quintile"] == 1).fill_null(value=False).to_list()
    if not floor.share or not any(deprived):
        return list(range(queue.height))
    first = [row for row, here in enumerate(deprived) if here]
    rest = [row for row, here in enumerate(deprived) if not here]
    order: list[int] = []
    taken, one, two = 0, 0, 0
    for place in range(1, queue.height + 1):
        owed = taken < math.ceil(floor.share * place - 1e-9)
        from_first = one < len(first) and (owed or two >= len(rest) or first[one] < rest[two])
        order.append(first[one] if from_first else rest[two])
        taken, one, two = taken + from_first, one + from_first, two + (not from_first)
    return order
