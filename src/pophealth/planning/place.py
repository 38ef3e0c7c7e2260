"""Gives a plan: which offers a network's people can make this month, in which order, and who waits.

Urgent tiers and what the contract owes come first, before capacity, floors and holdout, and are never held back. The rest
stands in one order a role: tier, open care gaps, predicted risk, rank, then patient id, so that ties are settled. A floor
keeps a share of the places for the most deprived fifth; what it cost is said. A holdout only moves people behind the
others where there are more offers than places.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pophealth.errors import ConfigError
from pophealth.planning.floor import Floor, order_with_floors
from pophealth.planning.offers import PERSON

PLACES = ("urgent", "owed", "planned", "waiting", "held_out")
"""Where an offer stands, the most pressing first."""

PLAN: dict[str, pl.DataType] = {
    "place": pl.Enum(PLACES),
    "order": pl.Int32(),
    "slots": pl.Int32(),
    "slots_until_here": pl.Int32(),
    "order_without_floor": pl.Int32(),
    "by_floor": pl.Boolean(),
    "is_drawn": pl.Boolean(),
    "has_place_undrawn": pl.Boolean(),
}
"""Columns that placing adds: order within the role from 1, slots used by everybody up to and with this offer.

`is_drawn` says that the holdout drew the person, `has_place_undrawn` that the offer would have a place had nobody been
drawn: the people of whom this is true are those whom an evaluation compares, drawn against not drawn.
"""


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

    def drawn(self, patient_ids: pl.Series) -> pl.Series:
        """Give, for each of `patient_ids`, whether the person is held out; each person is drawn once."""
        if not self.share:
            return pl.repeat(value=False, n=len(patient_ids), dtype=pl.Boolean, eager=True)
        once = patient_ids.unique()
        held = once.filter(pl.Series([self.draws(person) for person in once], dtype=pl.Boolean))
        return patient_ids.is_in(held.implode())


@dataclass(frozen=True)
class _Rules:
    """What the order of every role's queue follows."""

    floors: tuple[Floor, ...]
    band: float


def place_offers(
    offers: pl.DataFrame,
    capacity: Capacity,
    *,
    floor: Floor | Sequence[Floor] | None = None,
    holdout: Holdout | None = None,
    before: pl.DataFrame | None = None,
    band: float = 0.0,
) -> pl.DataFrame:
    """Give the offers with their place, role by role in order.

    Parameters
    ----------
    offers
        Columns of `offers.OFFERS`, and those that floors look at. Ties are settled by `person`, the place of the
        pseudonym in order, where it is there, and else by the pseudonym.
    floor
        One floor or several, the first the most binding.
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
    floors = (floor,) if isinstance(floor, Floor) else tuple(floor or ())
    rows = offers.with_columns(
        capacity.needed().alias("slots"),
        (holdout or Holdout()).drawn(offers["patient_id"]).alias("is_drawn"),
        _first=pl.col("is_urgent") | pl.col("is_owed"),
    )
    rows = rows.hstack([_planned_before(rows, before)])
    last = PERSON if PERSON in rows.columns else "patient_id"
    pressing = ~pl.col("_first"), ~(pl.col("_first") & pl.col("is_urgent"))
    rows = rows.sort("role", *pressing, *_ORDER, last, descending=_DOWN, nulls_last=True)
    rules = _Rules(floors, band)
    made = [
        _place_role(part, capacity.slots(str(role)), rules)
        for (role,), part in rows.partition_by("role", as_dict=True, maintain_order=True).items()
    ]
    columns = [*offers.columns, *PLAN]
    if not made:
        empty = [pl.Series(name, [], dtype=dtype) for name, dtype in PLAN.items()]
        return offers.with_columns(empty).select(columns)
    return pl.concat(made).select(columns)


_ORDER = ("tier", "open_gaps", "risk", "rank")
_DOWN = (False, False, False, False, True, True, False, False)


def _planned_before(rows: pl.DataFrame, before: pl.DataFrame | None) -> pl.Series:
    if before is None or before.is_empty():
        return pl.repeat(value=False, n=rows.height, dtype=pl.Boolean, eager=True).alias("_before")
    there = before.select(pl.col("patient_id", "role").cast(pl.String)).unique().with_columns(_there=pl.lit(value=True))
    found = rows.select("patient_id", pl.col("role").cast(pl.String)).join(
        there, on=["patient_id", "role"], how="left", maintain_order="left"
    )
    return found["_there"].fill_null(value=False).alias("_before")


def _place_role(rows: pl.DataFrame, slots: int, rules: _Rules) -> pl.DataFrame:
    """Give one role's offers, which come in order, with their place."""
    forced = int(rows["_first"].sum())
    first, others = rows[:forced], rows[forced:]
    used = int(first["slots"].sum())
    queue = _queue(others, max(0, slots - used), rules, held_back=True)
    until = used + queue["slots"].cum_sum().cast(pl.Int64)
    plain = _has_room(queue, "order_without_floor", slots - used)
    inside = until <= max(slots, used)
    placed = queue.with_columns(
        place=pl.when(inside)
        .then(pl.lit("planned"))
        .when(pl.col("is_drawn"))
        .then(pl.lit("held_out"))
        .otherwise(pl.lit("waiting")),
        order_without_floor=pl.col("order_without_floor") + forced + 1,
        slots_until_here=until,
        by_floor=inside & ~plain,
    )
    undrawn = _undrawn(others, max(0, slots - used), rules) if placed["is_drawn"].any() else None
    has_place = pl.col("place") == "planned" if undrawn is None else placed["_row"].is_in(undrawn.implode())
    placed_first = first.with_columns(
        place=pl.when("is_urgent").then(pl.lit("urgent")).otherwise(pl.lit("owed")),
        slots_until_here=pl.col("slots").cum_sum(),
        order_without_floor=pl.int_range(1, pl.len() + 1),
        by_floor=pl.lit(value=False),
        has_place_undrawn=pl.lit(value=True),
    )
    placed = placed.with_columns(has_place_undrawn=has_place)
    columns = [*rows.columns, *(name for name in PLAN if name not in (*rows.columns, "order"))]
    whole = pl.concat([part.select(columns) for part in (placed_first, placed)], how="vertical_relaxed")
    return whole.with_columns(order=pl.int_range(1, pl.len() + 1)).with_columns(
        pl.col(name).cast(dtype) for name, dtype in PLAN.items()
    )


def _queue(others: pl.DataFrame, slots: int, rules: _Rules, *, held_back: bool) -> pl.DataFrame:
    """Give the ordinary queue: those held back last, a steady edge, then the floors.

    `_row` counts the rows of `others`, `order_without_floor` their order (from 0) before any floor.
    """
    queue = others.with_row_index("_row")
    if held_back and int(others["slots"].sum()) > slots:  # where everybody has a place nobody is held back
        queue = queue.sort("is_drawn", maintain_order=True)
    queue = _steady(queue, slots, rules.band).with_row_index("order_without_floor")
    groups = [queue.select(floor.holds().alias("in")).to_series().to_numpy() for floor in rules.floors if floor.share]
    order = order_with_floors(groups, [floor.share for floor in rules.floors if floor.share], queue.height)
    return queue[order]


def _has_room(queue: pl.DataFrame, order: str, left: int) -> pl.Series:
    """Give, for each row of the queue, whether it has a place when they stand by `order`."""
    until = np.empty(queue.height, np.int64)
    places = queue[order].to_numpy()
    in_order = np.argsort(places)
    until[in_order] = np.cumsum(queue["slots"].to_numpy()[in_order])
    return pl.Series(until <= left)


def _undrawn(others: pl.DataFrame, slots: int, rules: _Rules) -> pl.Series:
    """Give the rows that have a place when nobody is held back."""
    queue = _queue(others, slots, rules, held_back=False)
    return queue.filter(queue["slots"].cum_sum() <= slots)["_row"]


def _steady(queue: pl.DataFrame, slots: int, band: float) -> pl.DataFrame:
    """Give the queue with those planned last time before newcomers, near the cut-off only: nobody should flap."""
    if not band or not queue["_before"].any():
        return queue
    until = pl.col("slots").cum_sum()
    zone = pl.when(until <= slots * (1 - band)).then(0).when(until <= slots * (1 + band)).then(1).otherwise(2)
    marked = queue.with_columns(_zone=zone)
    return marked.sort("_zone", (pl.col("_zone") == 1) & ~pl.col("_before"), maintain_order=True).drop("_zone")
