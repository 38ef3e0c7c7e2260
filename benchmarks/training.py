"""Training of the shipped models on generated networks, and whether they find the truth those were made from.

    python benchmarks/training.py [NETWORKS=12] [PATIENTS=41700] [YEARS=10] [RECORDS=60] [UNOBSERVED=1] [SITE=folder]
        [MODEL=emergency_admission_12m] [JSON=path]

Generates and ingests networks (or takes a SITE made so before) in which nobody is planted, trains the model as
`pophealth models train` does, at the index dates its specification names, and prints wall and CPU seconds by stage and
the peak of resident memory. Time and memory of generating and ingesting are not counted: they were measured in a process
of their own. Then it prints how well risks tell apart people and dates the model did not see (area, or concordance where
people are followed until an event), and their calibration, beside what the true risks reach: `recorded`, what follows
from records alone, is all that a model can know; `true` also knows what no record shows. With UNOBSERVED=0 the records
show everything, and the two are one. A network of 40,000 is scored last.

Targets: under 10 minutes and 6 GiB on 2 cores for 500,000 people at 4 dates; slope 0.95 to 1.05; area within 0.01 of
`recorded`; every gate; scoring 40,000 in a second. The exit code is 1 when one is missed. `slope_expected` is the slope
held against the true risks instead of what came: what is left of it when chance does not decide who has the event, so
that overfitting and luck can be told apart. A slope cannot be told to 0.05 from a few hundred events: SITE of 500,000 people
for care_home_entry_12m. `cvd_event_5y` needs YEARS=15 RECORDS=120: a record of 60 rows does not reach back.
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
from pophealth.kernels.concordance import harrell
from pophealth.kernels.discrimination import auroc
from pophealth.prediction.apply import predict
from pophealth.prediction.calibration import calibration_of, fit_logistic, logit
from pophealth.prediction.gates import check_gates
from pophealth.runs.train import train

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from measured import write

from training_world import MODELS, make_site, truth_at

MINUTES, GIB = 10.0, 6.0
SLOPE, AREA = (0.95, 1.05), 0.01
SCORED, SECONDS = 40_000, 1.0


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
    """Give how well risks tell apart simulated people at the latest date, and their calibration, beside the truth."""
    config, outcome = load_config(site / "config.toml"), trained.spec.outcome
    rows = trained.predictions
    last = rows["index_date"].max()
    known = rows.filter(pl.col("index_date") == last).join(
        truth_at(site, config, last, outcome.kind, outcome.months), on="patient_id"
    )
    if not trained.spec.is_survival:
        known = known.filter(pl.col("ended_by") != "left")
    event, risk = known["event"].to_numpy(), known["risk"].to_numpy()

    def area(name: str) -> float:
        told = known[name].to_numpy()
        if trained.spec.is_survival:
            return harrell(known["months_at_risk"].to_numpy(), event, told).concordance
        return auroc(event, told)

    found = {
        "people": known.height,
        "events": int(event.sum()),
        "area": area("risk"),
        "area_recorded": area("recorded_risk"),
        "area_true": area("true_risk"),
    }
    if trained.spec.is_survival:  # those censored before the horizon are neither: the report weighs them
        metrics = trained.report["metrics"]
        return found | {name: metrics[f"calibration_{name}"]["estimate"] for name in ("slope", "in_the_large")}
    one = np.ones(risk.size)
    calibration = calibration_of(event, risk, one.astype(np.int64))
    expected = fit_logistic(np.column_stack([one, logit(risk)]), known["true_risk"].to_numpy(), one)
    return found | {
        "slope": calibration.slope,
        "slope_expected": float("nan") if expected is None else float(expected[1]),
        "intercept": calibration.intercept,
        "in_the_large": calibration.in_the_large,
        "ici": calibration.ici,
    }


def scoring_seconds(trained: Any) -> float:
    """Give the CPU seconds of scoring a network of 40,000 once it has been scored before."""
    rows = trained.predictions
    rows = rows.sample(SCORED, with_replacement=rows.height < SCORED, seed=1)
    predict(trained.fitted, rows)
    began = time.process_time()
    predict(trained.fitted, rows)
    return time.process_time() - began


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
    if trained.report.get("leave_one_network_out") is not None:
        for name, entry in trained.report["leave_one_network_out"]["summary"].items():
            print(f"  networks left out, {name:22} {entry['mean']:.3f} ({entry['low']:.3f} to {entry['high']:.3f}), "
                  f"a further one {entry['next_low']:.3f} to {entry['next_high']:.3f}")  # fmt: skip
    told = trained.report["metrics"]
    for name in ("auroc", "auprc", "scaled_brier", "brier", "concordance", "uno", "calibration_slope", "ici"):
        if told.get(name, {}).get("estimate") is not None:
            print(
                f"  report, {name:20} {told[name]['estimate']:.4f} ({told[name]['low']:.4f} to {told[name]['high']:.4f})"
            )
    gates = check_gates(trained.spec, trained.report)
    for gate in gates:
        print(f"  gate {'passed' if gate.passed else 'SHUT  '} {gate.words()}")
    if trained.report.get("moved_between_dates"):
        print(f"  moved between dates: {trained.report['moved_between_dates']}")
    found["scoring_s"] = scoring_seconds(trained)
    print(f"  scoring {SCORED:,}: {found['scoring_s']:.3f} s CPU")
    truth = against_truth(site, trained)
    print(
        "  "
        + ", ".join(
            f"{name} {value:,.4f}" if isinstance(value, float) else f"{value:,} {name}" for name, value in truth.items()
        )
    )
    return found | {
        "truth": truth,
        "metrics": {
            name: value for name, value in told.items() if name in ("auroc", "concordance", "calibration_slope")
        },
        "gates_shut": [gate.words() for gate in gates if not gate.passed],
        "stages": stages.seconds,
        "dataset": {k: dataset[k] for k in ("rows", "people", "events")},
    }


def missed(found: dict[str, Any]) -> list[str]:
    truth = found["truth"]
    checks = {
        "minutes": found["wall_s"] <= 60 * MINUTES,
        "memory": found["peak_gib"] <= GIB,
        "slope": SLOPE[0] <= truth["slope"] <= SLOPE[1],
        "scoring": found["scoring_s"] <= SECONDS,
        "gates": not found["gates_shut"],
        "area": truth["area"] >= truth["area_recorded"] - AREA,
    }
    return [name for name, met in checks.items() if not met]


def main() -> None:
    given = dict(word.split("=", 1) for word in sys.argv[1:])
    networks, patients = int(given.get("NETWORKS", 12)), int(given.get("PATIENTS", 41_700))
    if "MAKE" in given:  # a process of its own, so that its memory is not counted
        make_site(
            Path(given["MAKE"]),
            networks=networks,
            patients=patients,
            years=int(given.get("YEARS", 10)),
            records=int(given.get("RECORDS", 60)),
            unobserved=float(given.get("UNOBSERVED", 1)),
            planted=False,
        )
        return
    with tempfile.TemporaryDirectory() as made:
        site = Path(given.get("SITE", made))
        if "SITE" not in given:
            words = [f"{name}={given[name]}" for name in ("YEARS", "RECORDS", "UNOBSERVED") if name in given]
            words += [f"NETWORKS={networks}", f"PATIENTS={patients}", f"MAKE={site}"]
            subprocess.run([sys.executable, __file__, *words], check=True)
        found = measure(site, given.get("MODEL", "emergency_admission_12m"))
    write(given, found)
    if misses := missed(found):
        print(f"missed: {', '.join(misses)}")
        raise SystemExit(1)


if __name__ == "__main__":
    main()
