"""Claims about scores, measured: QRISK3 of a million people in under half a CPU second; all scores of a network of 40,000.

Run with ``python benchmarks/scores.py`` (``--people N`` for fewer). CPU seconds are user and system time of this process,
the least of several rounds after one to warm up. The same people go through the public Python implementations that install
from the registry, and a ratio is printed only where both give the same figures: `cvd-risk` a whole frame at once (its batch
leaves out every interaction, so it is timed and has no ratio) and a person at a time (its wrong category codes are kept out:
everybody white and a heavy smoker), and, where it is installed, `clincalc` (compiled, a person at a time, the fastest whose
figures are right; AGPL, so not a dependency; to the decimal it prints).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl

from pophealth.scores import compute, load_scores

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from score_checks import frame_of

MILLION = 1_000_000
NETWORK = 40_000
PEER_PEOPLE = 20_000
CLAIM_MILLION = 0.5
CLAIM_NETWORK = 0.3

PEER_NAMES = {
    "has_atrial_fibrillation": "atrial_fibrillation",
    "on_atypical_antipsychotic": "atypical_antipsychotic",
    "on_corticosteroids": "regular_steroids",
    "has_erectile_dysfunction": "erectile_dysfunction",
    "has_migraine": "migraine",
    "has_rheumatoid_arthritis": "rheumatoid_arthritis",
    "has_ckd_3_to_5": "ckd_stage_3_5",
    "has_severe_mental_illness": "severe_mental_illness",
    "has_systemic_lupus": "sle",
    "has_treated_hypertension": "treated_hypertension",
    "has_type_1_diabetes": "type1_diabetes",
    "has_type_2_diabetes": "type2_diabetes",
    "has_family_history_cvd": "family_history_chd",
    "age_years": "age",
    "sex": "sex",
    "total_hdl_ratio": "cholesterol_hdl_ratio",
    "sbp_mmhg": "systolic_bp",
    "sbp_sd_mmhg": "systolic_bp_sd",
    "townsend": "townsend",
}


def cpu_seconds(work: Callable[[], object], rounds: int = 5) -> float:
    work()
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def verdict(seconds: float, claim: float) -> str:
    return f"{seconds:7.3f} CPU s (claim: under {claim} s: {'holds' if seconds < claim else 'DOES NOT HOLD'})"


def qrisk3(people: int) -> float:
    frame = frame_of(load_scores()["qrisk3"], people, missing=0.02)
    seconds = cpu_seconds(lambda: compute("qrisk3", frame))
    print(f"qrisk3, {people:>9,} people: {verdict(seconds, CLAIM_MILLION * max(people / MILLION, 1e-9))}")
    return seconds / people


def every_score(people: int) -> None:
    total = 0.0
    for score_id, score in load_scores().items():
        frame = frame_of(score, people, missing=0.02)
        seconds = cpu_seconds(lambda score_id=score_id, frame=frame: compute(score_id, frame), rounds=3)
        total += seconds
        print(f"  {score_id:<16} {seconds * 1000:7.1f} ms")
    print(f"all scores, {people:,} people: {verdict(total, CLAIM_NETWORK * people / NETWORK)}")


BATCH_PEOPLE = 100_000
BATCH_NAMES = {
    "age": "age_years",
    "sex": "sex",
    "systolic_bp": "sbp_mmhg",
    "total_cholesterol": "total_hdl_ratio",
    "bmi": "bmi_kg_m2",
    "sbps5": "sbp_sd_mmhg",
    "townsend_deprivation": "townsend",
    "atrial_fibrillation": "has_atrial_fibrillation",
    "atypical_antipsychotics": "on_atypical_antipsychotic",
    "corticosteroids": "on_corticosteroids",
    "impotence2": "has_erectile_dysfunction",
    "migraine": "has_migraine",
    "rheumatoid_arthritis": "has_rheumatoid_arthritis",
    "renal_disease": "has_ckd_3_to_5",
    "systemic_lupus": "has_systemic_lupus",
    "severe_mental_illness": "has_severe_mental_illness",
    "treated_hypertension": "has_treated_hypertension",
    "type1_diabetes": "has_type_1_diabetes",
    "type2_diabetes": "has_type_2_diabetes",
    "family_history": "has_family_history_cvd",
}


def peer_frame(people: int) -> pl.DataFrame:
    """Give people whom cvd-risk's wrong category codes leave alone: white, heavy smokers."""
    return frame_of(load_scores()["qrisk3"], people, seed=5, missing=0.0).with_columns(
        qrisk_ethnicity=pl.lit("white_or_not_stated"),
        qrisk_smoking=pl.lit("heavy"),
        has_type_2_diabetes=pl.col("has_type_2_diabetes") & ~pl.col("has_type_1_diabetes"),
        has_erectile_dysfunction=pl.col("has_erectile_dysfunction") & (pl.col("sex") == "male"),
    )


PEER_FIXED = {"hdl_cholesterol": 1.0, "ethnicity": "white", "smoking": True, "smoking_category": 4}


def beside_a_batch() -> None:
    """Time cvd-risk's own batch beside ours. It leaves out every interaction, so its figures agree with no other program."""
    from cvd_risk.models import QRISK3

    frame = peer_frame(BATCH_PEOPLE)
    theirs = frame.select(pl.col(ours).alias(name) for name, ours in BATCH_NAMES.items()).to_pandas()
    theirs = theirs.assign(**PEER_FIXED)
    model, results = QRISK3(), []

    def run() -> None:
        results[:] = [model.calculate_batch(theirs)["risk_score"].to_numpy()]

    seconds = cpu_seconds(run, rounds=2)
    ours = cpu_seconds(lambda: compute("qrisk3", frame))
    agree = agreement(results[0], frame)
    print(f"cvd-risk, batch of {BATCH_PEOPLE:,} without interactions: {seconds:.3f} CPU s, ours {ours:.4f} with them;")
    print(f"  {agree:.1%} of the figures agree" + ("" if agree > AGREEING else ": no ratio"))


def beside_single_calls(ours_each: float) -> None:
    """Time cvd-risk a person at a time, which has the interactions; a ratio only where the figures agree."""
    from cvd_risk.core.validation import PatientData
    from cvd_risk.models import QRISK3

    # its model of a patient refuses a Townsend score above 10
    frame = peer_frame(SINGLE_PEOPLE).with_columns(pl.col("townsend").clip(upper_bound=10))
    rows = frame.select(pl.col(ours).alias(name) for name, ours in BATCH_NAMES.items()).to_dicts()
    people = [PatientData(**row, **PEER_FIXED) for row in rows]
    model, results = QRISK3(), []

    def run() -> None:
        results[:] = [model.calculate(person).risk_score for person in people]

    seconds = cpu_seconds(run, rounds=2)
    agree = agreement(np.array(results), frame)
    print(f"cvd-risk, {SINGLE_PEOPLE:,} people one by one: {seconds:.3f} CPU s; {agree:.1%} of the figures agree")
    if agree > AGREEING:
        print(f"ratio, per person: {seconds / SINGLE_PEOPLE / ours_each:.0f} times the CPU time of ours")
    else:
        print("the figures disagree: no ratio")


def agreement(theirs: np.ndarray, frame: pl.DataFrame) -> float:
    return float((np.abs(theirs - compute("qrisk3", frame)["qrisk3_10y_percent"].to_numpy()) < 1e-6).mean())


SINGLE_PEOPLE = 5_000
AGREEING = 0.99


def side_by_side(ours_each: float) -> None:
    if find_spec("clincalc") is None:
        print("clincalc is not installed here: no ratio")
        return
    import clincalc

    frame = frame_of(load_scores()["qrisk3"], PEER_PEOPLE, seed=3, missing=0.0)
    frame = frame.with_columns(has_type_2_diabetes=pl.col("has_type_2_diabetes") & ~pl.col("has_type_1_diabetes"))
    people = [
        {theirs: person[ours] for ours, theirs in PEER_NAMES.items()}
        | {
            "ethnicity": "other_ethnic_group" if person["qrisk_ethnicity"] == "other" else person["qrisk_ethnicity"],
            "smoking": f"{person['qrisk_smoking']}_smoker",
            "height_cm": 100.0,
            "weight_kg": person["bmi_kg_m2"],
        }
        for person in frame.to_dicts()
    ]
    results: list[float] = []

    def run() -> None:
        results[:] = [clincalc.calculate("qrisk3", person)["result"] for person in people]

    seconds = cpu_seconds(run, rounds=2)
    difference = np.abs(np.array(results) - compute("qrisk3", frame)["qrisk3_10y_percent"].to_numpy()).max()
    agree = bool(difference <= 0.05 + 1e-9)  # it prints one decimal
    print(f"clincalc 0.4.0, {PEER_PEOPLE:,} people: {seconds:.3f} CPU s; largest difference {difference:.4f} points")
    if agree:
        print(f"ratio, per person: {seconds / PEER_PEOPLE / ours_each:.0f} times the CPU time of ours")
    else:
        print("the figures disagree: no ratio")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=MILLION)
    people = parser.parse_args().people
    print(f"polars {pl.__version__}, numpy {np.__version__}")
    each = qrisk3(people)
    every_score(NETWORK)
    beside_a_batch()
    beside_single_calls(each)
    side_by_side(each)


if __name__ == "__main__":
    main()
