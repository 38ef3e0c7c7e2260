"""Training of `emergency_admission_12m` on generated networks, and whether it finds the truth they were made from.

    python benchmarks/training.py [NETWORKS=12] [PATIENTS=41700] [SITE=folder] [MODEL=emergency_admission_12m] [JSON=path]

Generates and ingests networks (or takes a SITE made so before), trains the model as `pophealth models train` does, at the
index dates its specification names, and prints wall and CPU seconds by stage and the peak of resident memory. Time and
memory of generating and ingesting are not counted: they were measured in a process of their own. Then, for people who
were simulated (planted ones have no truth), it prints the area and the calibration of risks foretold for people and dates
the model did not see, beside the area that the true risks reach: `recorded`, what follows from records alone, is all that
a model can know; `true` also knows what no record shows.

Targets: under 10 minutes and 6 GiB on 2 cores for 500,000 people at 4 dates; slope 0.95 to 1.05; area within 0.01 of
`recorded`. The exit code is 1 when one is missed.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pophealth.config import load_config
from pophealth.kernels.discrimination import auroc
from pophealth.prediction.calibration import calibration_of
from pophealth.runs.train import train

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from measured import write

from training_world import MODELS, make_site, truth_at

MINUTES, GIB = 10.0, 6.0
SLOPE, AREA = (0.95, 1.05), 0.01


class Stages:
    """Prints progress, and adds up seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._name, self._since = "", (time.perf_counter(), time.process_time())

    def __call__(self, what: str, done: int, of: int) -> None:
        now = time.perf_counter(), time.process_time()
        spent = self.seconds.setdefault(what, [0.0, 0.0])
        spent[0] += now[0] - self._since[0]
        spent[1] += now[1] - self._since[1]
        self._since = now
        print(
            f"  {what:40} {done:3}/{of:<3} {spent[0]:8.1f} s wall {spent[1]:8.1f} s CPU  {peak_gib():.2f} GiB",
            flush=True,
        )


def peak_gib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def against_truth(site: Path, trained: Any) -> dict[str, float]:
    """Give area and calibration among simulated people whose outcome is known, beside the truth's area."""
    config = load_config(site / "config.toml")
    rows = trained.predictions.filter(pl.col("ended_by") != "left")
    last = rows["index_date"].max()
    known = rows.filter(pl.col("index_date") == last).join(truth_at(site, config, last), on="patient_id")
    outcome, risk = known["event"].to_numpy(), known["risk"].to_numpy()
    calibration = calibration_of(outcome, risk, np.ones(risk.size, np.int64))
    return {
        "people": known.height,
        "area": auroc(outcome, risk),
        "area_recorded": auroc(outcome, known["recorded_risk"].to_numpy()),
        "area_true": auroc(outcome, known["true_risk"].to_numpy()),
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "in_the_large": calibration.in_the_large,
        "ici": calibration.ici,
    }


def measure(site: Path, model: str) -> dict[str, Any]:
    stages = Stages()
    wall, cpu = time.perf_counter(), time.process_time()
    trained = train(load_config(site / "config.toml"), MODELS / model, progress=stages)
    found = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "peak_gib": peak_gib()}
    dataset = trained.dataset
    print(f"{dataset['rows']:,} rows of {dataset['people']:,} people at {len(dataset['index_dates'])} dates, "
          f"{dataset['events']:,} events; {trained.fitted.estimator_kind} taken")  # fmt: skip
    print(f"{found['wall_s']:.0f} s wall, {found['cpu_s']:.0f} s CPU, peak {found['peak_gib']:.2f} GiB "
          f"(targets {60 * MINUTES:.0f} s on 2 quiet cores, {GIB:g} GiB)")  # fmt: skip
    for name, entry in trained.candidates.items():
        print(
            f"  {name:20} log loss {entry['log_loss']:.5f}  area {entry['auroc']:.4f}  slope {entry['calibration_slope']:.3f}"
        )
    if trained.report["leave_one_network_out"] is not None:
        for name, entry in trained.report["leave_one_network_out"]["summary"].items():
            print(f"  networks left out, {name:22} {entry['mean']:.3f} ({entry['low']:.3f} to {entry['high']:.3f}), "
                  f"a further one {entry['next_low']:.3f} to {entry['next_high']:.3f}")  # fmt: skip
    truth = against_truth(site, trained)
    print(
        "  "
        + ", ".join(
            f"{name} {value:,.4f}" if name != "people" else f"{value:,} people" for name, value in truth.items()
        )
    )
    return found | {
        "truth": truth,
        "stages": stages.seconds,
        "dataset": {k: dataset[k] for k in ("rows", "people", "events")},
    }


def missed(found: dict[str, Any]) -> list[str]:
    truth = found["truth"]
    checks = {
        "minutes": found["wall_s"] <= 60 * MINUTES,
        "memory": found["peak_gib"] <= GIB,
        "slope": SLOPE[0] <= truth["slope"] <= SLOPE[1],
        "area": truth["area"] >= truth["area_recorded"] - AREA,
    }
    return [name for name, met in checks.items() if not met]


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    networks, patients = int(given.get("NETWORKS", 12)), int(given.get("PATIENTS", 41_700))
    if "MAKE" in given:  # a process of its own, so that its memory is not counted
        make_site(Path(given["MAKE"]), networks=networks, patients=patients)
        return
    with tempfile.TemporaryDirectory() as made:
        site = Path(given.get("SITE", made))
        if "SITE" not in given:
            words = [f"NETWORKS={networks}", f"PATIENTS={patients}", f"MAKE={site}"]
            subprocess.run([sys.executable, __file__, *words], check=True)
        found = measure(site, given.get("MODEL", "emergency_admission_12m"))
    write(given, found)
    if misses := missed(found):
        print(f"missed: {', '.join(misses)}")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
