"""Gives NHS numbers of the range kept for test data: they begin with 999 and carry a valid check digit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pophealth.synthetic.arrays import Ints

BODIES = 1_000_000
"""Numbers of six digits between 999 and the check digit; one in eleven has no valid check digit."""
_WEIGHTS = np.arange(10, 1, -1)
_STRIDE = 611_953  # shares no factor with BODIES: walks through all of them in no visible order


def block_size(people: int) -> int:
    """Give how many bodies a network of so many people needs, with room for those that have no check digit."""
    return people + people // 8 + 64


def nhs_numbers(number: int, size: int, count: int) -> list[str | None]:
    """Give `count` different NHS numbers for network `number`, of blocks of `size`; None once the range is used up."""
    places = number * size + np.arange(size, dtype=np.int64)
    bodies = places[places < BODIES] * _STRIDE % BODIES
    digits, valid = check_digits(bodies)
    texts = ["".join(map(str, row)) for row in digits[valid][:count].tolist()]
    return texts + [None] * (count - len(texts))


def check_digits(bodies: Ints) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Give the ten digits of 999, a body and its check digit (weights 10 to 2, modulus 11), and which can exist."""
    places = 10 ** np.arange(5, -1, -1)
    digits = np.concatenate([np.full((len(bodies), 3), 9), bodies[:, None] // places[None, :] % 10], axis=1)
    check = 11 - (digits * _WEIGHTS).sum(axis=1) % 11
    check[check == 11] = 0
    return np.concatenate([digits, np.minimum(check, 9)[:, None]], axis=1), check < 10
