"""Gives how much each column adds to a sum of trees: Shapley values by the trees' own counts, leaf by leaf.

A leaf asks each of its d columns for an interval. Of its value, what a person's columns add depends only on which of the d
conditions the person meets, so that for short paths every one of the 2**d patterns is worked out once and people look
theirs up.

References
----------
Lundberg and others, Nature Machine Intelligence 2020;2:56 (path-dependent tree SHAP); Yang, arXiv:2109.09847 (patterns).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


MOST_CONDITIONS = 62
"""Columns a leaf may ask for: a pattern is 64 bits."""


class Paths(NamedTuple):
    """Leaves of trees with the conditions that lead to them.

    Attributes
    ----------
    starts : int64 array of shape (n_leaves + 1,)
        Where a leaf's conditions begin.
    column, low, high, takes_missing : arrays of shape (n_conditions,)
        Condition ``low < number <= high``, and whether a missing number meets it; a column at most once in a leaf.
    share : float64 array of shape (n_conditions,)
        Share of training rows that went this way where the column decided; above 0.
    value : float64 array of shape (n_leaves,)
    """

    starts: Counts
    column: Counts
    low: Floats
    high: Floats
    takes_missing: Bools
    share: Floats
    value: Floats


def base_of(paths: Paths) -> float:
    """Give the trees' mean over training rows: each leaf's value by the share of rows in it."""
    return float(_base(paths.starts, paths.share, paths.value))


def contributions_of(paths: Paths, matrix: Floats) -> Floats:
    """Give what each column adds to the trees' sum; with `base_of` they sum to it.

    Parameters
    ----------
    matrix : float64 array of shape (n_rows, n_columns)
        NaN where missing.

    Returns
    -------
    float64 array of shape (n_rows, n_columns)
    """
    if paths.column.size and int(paths.column.max()) >= matrix.shape[1]:
        msg = f"the trees ask for column {int(paths.column.max())} of {matrix.shape[1]}"
        raise ValueError(msg)
    columns = np.array(matrix.T, np.float64, order="C")  # a copy: contiguous by column, and writable as compiled for
    out = np.zeros(columns.shape)
    depth = int(np.diff(paths.starts).max()) if paths.value.size else 0
    if depth > MOST_CONDITIONS:
        msg = f"a leaf asks {depth} columns; at most {MOST_CONDITIONS} fit a pattern. HINT: fewer leaves a tree"
        raise ValueError(msg)
    _contributions(*paths, columns, _weights(depth), out)
    return np.ascontiguousarray(out.T)


def _weights(depth: int) -> Floats:
    """Give, for d players, the weight of a coalition of s others: ``s! (d - s - 1)! / d!``, at [d, s]."""
    table = np.zeros((depth + 1, depth + 1))
    for players in range(1, depth + 1):
        table[players, 0] = 1.0 / players
        for size in range(1, players):
            table[players, size] = table[players, size - 1] * size / (players - size)
    return table


def _kernel(function: Any) -> Any:
    return njit(cache=True, nogil=True)(function)


@_kernel
def _base(starts: Counts, share: Floats, value: Floats) -> float:
    whole = 0.0
    for leaf in range(value.size):
        part = value[leaf]
        for place in range(starts[leaf], starts[leaf + 1]):
            part *= share[place]
        whole += part
    return whole


@_kernel
def _pattern_values(pattern: int, shares: Floats, value: float, weights: Floats, sums: Floats, out: Floats) -> None:
    """Give what each condition of a leaf adds for people who meet those in `pattern` (a bit each).

    Conditions that are not met add their share as a factor to every coalition, so that only coalitions of met ones count;
    `sums[s]` is the sum over coalitions of s met conditions of the shares of the met ones left out.
    """
    depth = shares.size
    unmet = value
    met = 0
    sums[0] = 1.0
    for place in range(depth):
        if pattern >> place & 1:
            sums[met + 1] = sums[met]
            for size in range(met, 0, -1):
                sums[size] = sums[size] * shares[place] + sums[size - 1]
            sums[0] *= shares[place]
            met += 1
        else:
            unmet *= shares[place]
    without = 0.0
    for size in range(met + 1):
        if size < depth:
            without += weights[depth, size] * sums[size]
    for place in range(depth):
        if not pattern >> place & 1:
            out[place] = -unmet * without
            continue
        # take this condition out of the sums again, from the largest coalition down
        whole = 0.0
        rest = 0.0
        for size in range(met - 1, -1, -1):
            rest = sums[size + 1] - rest * shares[place]
            whole += weights[depth, size] * rest
        out[place] = unmet * (1.0 - shares[place]) * whole


@_kernel
def _contributions(
    starts: Counts,
    column: Counts,
    low: Floats,
    high: Floats,
    takes_missing: Bools,
    share: Floats,
    value: Floats,
    columns: Floats,
    weights: Floats,
    out: Floats,
) -> None:
    rows = columns.shape[1]
    depth_most = weights.shape[0] - 1
    sums = np.zeros(depth_most + 2)
    patterns = np.zeros(rows, np.int64)
    one = np.zeros(depth_most)
    for leaf in range(value.size):
        first, depth = starts[leaf], starts[leaf + 1] - starts[leaf]
        if depth == 0:
            continue
        patterns[:] = 0
        for place in range(depth):
            condition = first + place
            numbers = columns[column[condition]]
            bit = np.int64(1) << place
            least, most, takes = low[condition], high[condition], takes_missing[condition]
            for row in range(rows):
                number = numbers[row]
                meets = (number > least and number <= most) or (takes and np.isnan(number))
                patterns[row] |= bit * np.int64(meets)
        shares = share[first : first + depth]
        if depth <= 12 and (1 << depth) <= rows:
            known = np.zeros((1 << depth, depth))
            for pattern in range(1 << depth):
                _pattern_values(pattern, shares, value[leaf], weights, sums, known[pattern])
            for place in range(depth):
                target = out[column[first + place]]
                for row in range(rows):
                    target[row] += known[patterns[row], place]
        else:
            for row in range(rows):
                _pattern_values(patterns[row], shares, value[leaf], weights, sums, one[:depth])
                for place in range(depth):
                    out[column[first + place], row] += one[place]
