"""Gives where a synthetic network lies: its code, its practices, its small areas with their deprivation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pophealth.errors import UsageError
from pophealth.synthetic.arrays import Bools, Ints, pick
from pophealth.synthetic.england import IMD_2025_AREAS

PEOPLE_PER_AREA = 1_600
NO_AREA_SHARE, UNKNOWN_AREA_SHARE = 0.004, 0.001
"""Share of people with no area on record, and with one that no English deprivation index ranks."""
FIRST_NETWORK, MOST_NETWORKS = 22_600, 750
"""No network has ever had a code between U22507 and U23361 (ODS, reference pack: pcn_membership.csv, pcn_details.csv)."""
UNRANKED_AREA = "W01000001"
"""An area outside England. Codes of made-up areas begin with E019: no real one does."""


@dataclass(frozen=True)
class Places:
    """A network's practices and areas; `mix` says how likely each practice is in each tenth of deprivation."""

    network: str
    practices: tuple[str, ...]
    area_codes: tuple[str, ...]
    area_deciles: Ints
    area_ranks: Ints
    mix: np.ndarray[tuple[int, int], np.dtype[np.float64]]

    def draw_areas(self, rng: np.random.Generator, decile: Ints) -> Ints:
        """Give an area of everybody's decile: its place, -1 for none on record, one past the last for an unranked one."""
        per_decile = len(self.area_codes) // 10
        area = (decile - 1) * per_decile + rng.integers(0, per_decile, len(decile))
        drawn = rng.random(len(decile))
        area[drawn < NO_AREA_SHARE] = -1
        area[(drawn >= NO_AREA_SHARE) & (drawn < NO_AREA_SHARE + UNKNOWN_AREA_SHARE)] = len(self.area_codes)
        return area

    def draw_practices(self, rng: np.random.Generator, decile: Ints) -> Ints:
        """Give everybody's practice: those of a network differ in deprivation."""
        practice = np.empty(len(decile), np.int64)
        for tenth in range(10):
            here: Bools = decile == tenth + 1
            practice[here] = pick(rng, self.mix[tenth], int(here.sum()))
        return practice


def network_code(number: int) -> str:
    """Give the code of the network of that number, from a stretch of codes that no real network has.

    Raises
    ------
    UsageError
        There are no more codes.
    """
    if number >= MOST_NETWORKS:
        msg = f"synth: at most {MOST_NETWORKS:,} networks, asked for number {number + 1:,}"
        raise UsageError(msg)
    return f"U{FIRST_NETWORK + number:05d}"


def practice_code(number: int, practice: int) -> str:
    """Give the code of a practice, shaped like a real one: no practice code in England begins with Z."""
    return f"Z{number:04d}{practice + 1}"


def make_places(rng: np.random.Generator, number: int, patients: int) -> Places:
    """Give the places of one network."""
    count = int(rng.integers(3, 7))
    size = rng.dirichlet(np.full(count, 6.0)) * 0.7 + 0.3 / count
    tilt = rng.normal(0.0, 0.8, count)
    mix = size[None, :] * np.exp(tilt[None, :] * ((np.arange(1, 11) - 5.5) / 4.5)[:, None])
    per_decile = max(1, min(patients // (10 * PEOPLE_PER_AREA), 9))
    deciles = np.repeat(np.arange(1, 11), per_decile)
    begin = (deciles - 1) * IMD_2025_AREAS // 10
    ranks = begin + 1 + rng.integers(0, IMD_2025_AREAS // 10, len(deciles))
    codes = tuple(f"E019{number:03d}{place:02d}" for place in range(len(deciles)))
    return Places(
        network_code(number),
        tuple(practice_code(number, practice) for practice in range(count)),
        codes,
        deciles,
        ranks,
        mix,
    )
