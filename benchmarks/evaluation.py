"""Evaluation figures at national size, side by side with the packages a data scientist would use, in one run.

    python benchmarks/evaluation.py [ROWS=1000000] [ROUNDS=5] [JSON=path]

CPU seconds are user and system time of this process; rounds are interleaved, the ratio is taken pair by pair and its
median printed. No time is printed unless the outputs agree: the concordance to 10 decimals, the area to 12, the spread of
bootstrap replicates within what so few of the peer's replicates can tell. A peer's thousand replicates are its time for
ten, times a hundred: every one of them does the same work.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from lifelines.utils import concordance_index
from sklearn.metrics import roc_auc_score

from pophealth.kernels.concordance import harrell
from pophealth.kernels.discrimination import auroc, auroc_bootstrap

PEER_REPLICATES = 10
REPLICATES = 1_000


def cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def interleaved(ours: Callable[[], Any], theirs: Callable[[], Any], rounds: int) -> tuple[list[float], list[float]]:
    ours(), theirs()
    one, two = [], []
    for _ in range(rounds):
        one.append(cpu(ours)[0])
        two.append(cpu(theirs)[0])
    return one, two


def row(
    name: str, ours: list[float], theirs: list[float], peer: str, target: float, scale: float = 1.0
) -> dict[str, Any]:
    ratios = sorted(scale * two / one for one, two in zip(ours, theirs, strict=True))
    return {
        "task": name,
        "peer": peer,
        "ours_cpu_s": median(ours),
        "peer_cpu_s": scale * median(theirs),
        "ratio_median": median(ratios),
        "ratio_min": ratios[0],
        "ratio_max": ratios[-1],
        "target": target,
    }


def area_intervals(rows: int, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    score = rng.normal(size=rows)
    outcome = rng.random(rows) < 1 / (1 + np.exp(2.5 - score))
    if abs(auroc(outcome, score) - roc_auc_score(outcome, score)) > 1e-12:
        msg = "areas differ: no time is printed"
        raise SystemExit(msg)

    def theirs() -> list[float]:
        draws = []
        for _ in range(PEER_REPLICATES):
            drawn = rng.integers(0, rows, rows)
            draws.append(roc_auc_score(outcome[drawn], score[drawn]))
        return draws

    spread = float(np.std(theirs()))
    for mode in ("poisson", "multinomial"):
        ours = float(np.std(auroc_bootstrap(outcome, score, replicates=200, seed=1, mode=mode)))  # type: ignore[arg-type]
        if not 0.4 < ours / spread < 2.5:  # 10 replicates tell a spread to within a factor of about two
            msg = f"spread of {mode} replicates {ours:.2g}, of the peer {spread:.2g}: no time is printed"
            raise SystemExit(msg)
    one, two = interleaved(lambda: auroc_bootstrap(outcome, score, replicates=REPLICATES, seed=1), theirs, rounds)
    return row(
        f"AUROC interval, {REPLICATES} replicates, {rows:,} rows (Poisson)", one, two,
        f"scikit-learn {version('scikit-learn')} loop (10 replicates x 100)", 200, REPLICATES / PEER_REPLICATES,
    )  # fmt: skip


def concordance(rows: int, rounds: int) -> dict[str, Any]:
    rng = np.random.default_rng(2)
    risk = rng.normal(size=rows)
    event_time, censored = rng.exponential(np.exp(-risk)), rng.exponential(1.0, rows)
    event = event_time <= censored
    at_risk = np.minimum(event_time, censored)
    ours = harrell(at_risk, event, risk).concordance
    theirs = concordance_index(at_risk, -risk, event)
    if abs(ours - theirs) > 1e-10:
        msg = f"concordance {ours} and {theirs}: no time is printed"
        raise SystemExit(msg)
    one, two = interleaved(
        lambda: harrell(at_risk, event, risk), lambda: concordance_index(at_risk, -risk, event), rounds
    )
    return row(f"Harrell's concordance, {rows:,} people", one, two, f"lifelines {version('lifelines')}", 25)


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    rows, rounds = int(given.get("ROWS", 1_000_000)), int(given.get("ROUNDS", 5))
    results = [area_intervals(rows, rounds), concordance(rows, rounds)]
    print(f"{'task':62} {'ours':>8} {'peer':>9} {'ratio':>7} {'min':>7} {'max':>7} {'target':>7}  peer")
    for entry in results:
        print(
            f"{entry['task']:62} {entry['ours_cpu_s']:8.3f} {entry['peer_cpu_s']:9.2f} {entry['ratio_median']:6.0f}x "
            f"{entry['ratio_min']:6.0f}x {entry['ratio_max']:6.0f}x {entry['target']:6.0f}x  {entry['peer']}"
        )
    if "JSON" in given:
        about = {"python": platform.python_version(), "numpy": version("numpy"), "numba": version("numba")}
        Path(given["JSON"]).write_text(json.dumps({"versions": about, "results": results}, indent=1) + "\n", "utf-8")
        print(f"wrote {given['JSON']}")


if __name__ == "__main__":
    main()
