"""Gives the area under the ROC curve and its bootstrap, for scores sorted once.

A replicate weighs every row: by Poisson(1) numbers (`poisson`, one pass, rows independent) or by an exact multinomial
draw of n rows from n (`multinomial`). The same weights give the same area in either mode. Random numbers come from a
counter (seed, replicate, block), so a replicate is the same whatever else is computed, in any order, on any thread.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Weights = npt.NDArray[np.uint8]

BLOCK = 2048
"""Rows whose weights are drawn at a time: they stay in the first-level cache."""

# P(X <= k) for X ~ Poisson(1), k = 0..7, in 65,536ths: 16 random bits u give the number of thresholds at or below u.
_P0, _P1, _P2, _P3, _P4, _P5, _P6, _P7 = (
    np.uint16(part) for part in (24109, 48219, 60273, 64292, 65296, 65497, 65531, 65535)
)


def auroc(outcome: npt.NDArray[np.bool_], score: Floats, weight: Counts | None = None) -> float:
    """Give the area under the ROC curve; tied scores count half.

    Parameters
    ----------
    outcome : bool array of shape (n_rows,)
        True where the event happened.
    score : float64 array of shape (n_rows,)
        Higher means more likely. No NaN.
    weight : int64 array of shape (n_rows,), optional
        Times each row counts.

    Returns
    -------
    float
        NaN when the weighted rows hold one class only.

    References
    ----------
    Hanley and McNeil, Radiology 1982;143:29.
    """
    labels, last = _sorted_labels(outcome, score)
    order = np.argsort(score, kind="stable")
    weights = np.ones(labels.size, np.int64) if weight is None else np.ascontiguousarray(weight, np.int64)[order]
    return float(_weighted_area(labels, last, weights))


def auroc_bootstrap(
    outcome: npt.NDArray[np.bool_],
    score: Floats,
    *,
    replicates: int,
    seed: int,
    mode: Literal["poisson", "multinomial"] = "poisson",
) -> Floats:
    """Give the area in each of `replicates` resamples; NaN where a resample holds one class only.

    Parameters
    ----------
    outcome, score
        As in `auroc`.
    replicates
        Number of resamples.
    seed
        From 0 to 2**63 - 1; the same seed gives the same numbers.
    mode
        ``poisson``: independent Poisson(1) weights, the limit of the multinomial bootstrap for many rows. ``multinomial``:
        exactly n rows drawn with replacement.

    Returns
    -------
    float64 array of shape (replicates,)
    """
    labels, last = _sorted_labels(outcome, score)
    out = np.empty(replicates)
    if mode == "poisson":
        _poisson_areas(labels, last, np.uint64(seed), out)
    else:
        _multinomial_areas(labels, last, np.uint64(seed), out)
    return out


def poisson_weights(size: int, *, seed: int, replicate: int) -> Counts:
    """Give the Poisson(1) weights of one replicate, as `auroc_bootstrap` draws them: row by row, or person by person.

    Returns
    -------
    int64 array of shape (size,)
    """
    weights = np.empty(-(-size // BLOCK) * BLOCK, np.uint16)
    lanes = np.empty(16, np.uint64)
    for block in range(weights.size // BLOCK):
        _draw_block(np.uint64(seed), replicate, block, lanes, weights[block * BLOCK : (block + 1) * BLOCK])
    return weights[:size].astype(np.int64)


def _sorted_labels(outcome: npt.NDArray[np.bool_], score: Floats) -> tuple[Weights, Weights]:
    """Give, in ascending order of score, each row's label and whether it is the last of its ties."""
    if outcome.shape != score.shape or score.ndim != 1:
        msg = f"outcome and score must be one-dimensional and of one length, found {outcome.shape} and {score.shape}"
        raise ValueError(msg)
    if np.isnan(score).any():
        msg = f"score holds {int(np.isnan(score).sum())} missing values of {score.size}; leave those rows out first"
        raise ValueError(msg)
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    last = np.ones(score.size, np.uint8)
    last[:-1] = ordered[1:] != ordered[:-1]
    return outcome[order].astype(np.uint8), last


def _kernel(function: Any) -> Any:
    return njit(cache=True, nogil=True)(function)


@_kernel
def _weighted_area(labels: Weights, last: Weights, weights: Counts) -> float:
    """Give the area of rows with whole-number weights, exactly up to the last division."""
    below = pairs = 0  # negatives below the present ties; twice the pairs in the right order
    positive = negative = events = 0
    for row in range(labels.size):
        weight = weights[row]
        positive += weight * labels[row]
        negative += weight * (1 - labels[row])
        if last[row]:
            pairs += positive * (2 * below + negative)
            below += negative
            events += positive
            positive = negative = 0
    if events == 0 or below == 0:
        return np.nan
    return pairs / (2.0 * events * below)


@_kernel
def _mix(state: Any) -> Any:
    """Give 64 well-mixed bits of a counter (SplitMix64: Steele, Lea and Flood, OOPSLA 2014)."""
    value = np.uint64(state) + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@_kernel
def _draw_block(seed: Any, replicate: int, block: int, lanes: Any, weights: Any) -> None:
    """Give Poisson(1) weights (uint16) of one block, four from each step of 16 xorshift lanes.

    Two plain loops, one that fills and one that counts, are what the compiler turns into vector instructions.
    """
    start = _mix(np.uint64(seed) ^ _mix(np.uint64(replicate) * np.uint64(0x2545F4914F6CDD1D) + np.uint64(block)))
    for lane in range(lanes.size):
        lanes[lane] = _mix(start + np.uint64(lane)) | np.uint64(1)
    words = weights.view(np.uint64)
    for first in range(0, words.size, 16):
        for lane in range(16):  # xorshift64 (Marsaglia, J Stat Softw 2003;8:14)
            value = lanes[lane]
            value ^= value << np.uint64(13)
            value ^= value >> np.uint64(7)
            value ^= value << np.uint64(17)
            lanes[lane] = value
            words[first + lane] = value
    for place in range(weights.size):
        bits = weights[place]
        count = np.uint16(bits >= _P0)
        count = np.uint16(count + np.uint16(bits >= _P1))
        count = np.uint16(count + np.uint16(bits >= _P2))
        count = np.uint16(count + np.uint16(bits >= _P3))
        count = np.uint16(count + np.uint16(bits >= _P4))
        count = np.uint16(count + np.uint16(bits >= _P5))
        count = np.uint16(count + np.uint16(bits >= _P6))
        count = np.uint16(count + np.uint16(bits >= _P7))
        weights[place] = count


@_kernel
def _poisson_areas(labels: Weights, last: Weights, seed: int, out: Floats) -> None:
    weights = np.empty(BLOCK, np.uint16)
    lanes = np.empty(16, np.uint64)
    has_ties = False
    for row in range(last.size):
        has_ties |= last[row] == 0
    for replicate in range(out.size):
        below = pairs = positive = negative = events = np.int64(0)
        for block in range((labels.size + BLOCK - 1) // BLOCK):
            _draw_block(seed, replicate, block, lanes, weights)
            first = block * BLOCK
            size = min(BLOCK, labels.size - first)
            if not has_ties:
                # small sums inside the block: 2,048 rows of weight 8 at most fit 32 bits
                inside = found = inner = np.int32(0)
                for place in range(size):
                    weight = np.int32(weights[place])
                    event = weight & -np.int32(labels[first + place])
                    inner += event * inside
                    found += event
                    inside += weight - event
                pairs += 2 * (np.int64(found) * below + np.int64(inner))
                below += np.int64(inside)
                events += np.int64(found)
                continue
            for place in range(size):
                weighed = np.int64(weights[place])
                event_rows = weighed & -np.int64(labels[first + place])
                positive += event_rows
                negative += weighed - event_rows
                if last[first + place]:
                    pairs += positive * (2 * below + negative)
                    below += negative
                    events += positive
                    positive = negative = np.int64(0)
        out[replicate] = pairs / (2.0 * events * below) if events > 0 and below > 0 else np.nan


@_kernel
def _multinomial_areas(labels: Weights, last: Weights, seed: int, out: Floats) -> None:
    size = labels.size
    weights = np.zeros(size, np.int64)
    for replicate in range(out.size):
        weights[:] = 0
        state = _mix(np.uint64(seed) ^ _mix(np.uint64(replicate) + np.uint64(0xD1B54A32D192ED03)))
        for _ in range(size):
            state += np.uint64(0x9E3779B97F4A7C15)
            high = _mix(state) >> np.uint64(32)
            weights[np.int64((high * np.uint64(size)) >> np.uint64(32))] += 1
        out[replicate] = _weighted_area(labels, last, weights)
