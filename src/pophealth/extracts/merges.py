"""Gives who a superseded record belongs to now: chains followed to their end, circles refused."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date

CYCLE = "merge_cycle"
UNKNOWN_TARGET = "merged_into_unknown"


def survivors(merges: Iterable[tuple[str, str]], known: Collection[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Give, for every superseded key, the key that survives; and for those that have none, the rule that says why.

    Parameters
    ----------
    merges
        Pairs of a key and the key it was merged into; a key stands on the left at most once.
    known
        Keys that stand in the patients table.

    Returns
    -------
    dict, dict
        Key to surviving key, and key to `CYCLE` (it is on a circle, or leads into one) or `UNKNOWN_TARGET` (its chain
        ends at a key nobody knows). Every key on the left is in exactly one of the two. Keys on a circle are in the
        second also where they are known: nobody can say which of them is the person.
    """
    step = dict(merges)
    ends: dict[str, str] = {}
    faults: dict[str, str] = {}
    for start in step:
        path = [start]
        on_path = {start}
        while path[-1] in step and path[-1] not in ends and path[-1] not in faults:
            following = step[path[-1]]
            if following in on_path:
                faults |= dict.fromkeys(path, CYCLE)
                break
            path.append(following)
            on_path.add(following)
        last = path[-1]
        if last in faults:
            faults |= dict.fromkeys((key for key in path if key in step), faults[last])
        else:
            end = ends.get(last, last)
            if end in known:
                ends |= {key: end for key in path if key in step}
            else:
                faults |= dict.fromkeys((key for key in path if key in step), UNKNOWN_TARGET)
    return ends, faults


def latest_per_key(rows: Iterable[tuple[str, str, date]]) -> dict[str, str]:
    """Give, for every merged key, what it was last merged into; of two merges on one day the greater target counts."""
    found: dict[str, tuple[date, str]] = {}
    for key, into, day in rows:
        found[key] = max(found.get(key, (day, into)), (day, into))
    return {key: into for key, (_, into) in found.items()}
