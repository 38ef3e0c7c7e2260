"""Gives the truth beside the records: every person's hazards month by month, and how well anybody could predict from it.

``truth/<network>.parquet`` holds a row per person and month in which a hazard changed: it stands until the person's next row.
Columns: patient_id, from_date (the last day before the month: what was recorded by then decides), and monthly hazards
`admission` (emergency, cardiovascular events included), `death`, `care_home`, `cvd`. ``truth/<network>-people.parquet`` holds a
row per simulated person: how long they were followed, and per outcome the unobserved part of the log hazard. Planted people and
visitors have no row: nothing is true of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from pophealth.errors import UsageError
from pophealth.synthetic import hazards
from pophealth.synthetic.arrays import Bools, Floats
from pophealth.synthetic.calibrate import Lives
from pophealth.synthetic.roster import LIVED, Roster
from pophealth.synthetic.states import ADMISSION, CVD, DEATH, OUTCOMES, PALLIATIVE
from pophealth.synthetic.write import dates, write_part

SAVED = OUTCOMES[:PALLIATIVE]
"""Outcomes whose hazards are saved; palliative care is a step on the way."""
HORIZON_MONTHS = 12


@dataclass(frozen=True)
class Reach:
    """What the best predictors could know a year before the index date, one place a person then registered."""

    truth: Floats
    recorded: Floats
    death: Floats
    admitted: Bools
    died: Bools


def write_truth(folder: Path, lives: Lives, roster: Roster, ids: list[str]) -> None:
    """Write both files of one network into `folder`."""
    place = np.full(len(lives.people), -1, np.int64)
    lived = np.flatnonzero(roster.kind == LIVED)
    place[roster.candidate[lived]] = lived
    course = lives.course
    who = place[course.hazard_person]
    kept = np.flatnonzero(who >= 0)
    kept = kept[np.lexsort((course.hazard_step[kept], who[kept]))]
    ids_array = pa.array(ids)
    columns = {
        "patient_id": pa.DictionaryArray.from_arrays(pa.array(who[kept].astype(np.int32)), ids_array),
        "from_date": dates(lives.timeline.ends[course.hazard_step[kept]]),
    }
    columns |= {name: pa.array(course.hazard[row, kept]) for row, name in enumerate(SAVED)}
    network = folder.name
    write_part(folder.parent / f"{network}.parquet", columns)
    candidate = roster.candidate[lived]
    until = np.minimum(np.minimum(roster.died[lived], roster.end[lived]), lives.timeline.last_day)
    people = {
        "patient_id": pa.DictionaryArray.from_arrays(pa.array(lived.astype(np.int32)), ids_array),
        "followed_from": dates(lives.timeline.ends[np.minimum(lives.people.entry[candidate], lives.timeline.steps)]),
        "followed_to": dates(until),
    }
    people |= {
        f"unobserved_{name}": pa.array(lives.fixed.unobserved[row, candidate].astype(np.float32))
        for row, name in enumerate(SAVED)
    }
    write_part(folder.parent / f"{network}-people.parquet", people)


def reach_of(lives: Lives) -> Reach | None:
    """Give what could be known a year before the index date of the people then registered; None in a shorter history."""
    step = lives.timeline.index_step - HORIZON_MONTHS
    if step < HORIZON_MONTHS:
        return None
    course, kept = lives.course, lives.kept
    people, day = lives.people, lives.timeline.ends[step]
    here = (people.entry[kept] <= step) & (people.leave[kept] > step) & (course.death[kept] > day)
    who = kept[here]
    key = course.hazard_person * np.int64(lives.timeline.steps + 1) + course.hazard_step
    order = np.argsort(key, kind="stable")
    wanted = who * np.int64(lives.timeline.steps + 1) + step
    rows = order[np.searchsorted(key[order], wanted, side="right") - 1]
    hazard = course.hazard[:, rows].astype(np.float64)
    end = lives.timeline.index_day
    admitted = np.zeros(len(people), np.bool_)
    within = (course.admission_day > day) & (course.admission_day <= end)
    admitted[course.admission_person[within]] = True
    recorded = recorded_admission(hazard[ADMISSION], hazard[CVD], lives.fixed.unobserved[:, who])
    return Reach(hazard[ADMISSION], recorded, hazard[DEATH], admitted[who], course.death[who] <= end)


def recorded_admission(admission: Floats, cvd: Floats, unobserved: Floats) -> Floats:
    """Give the hazard of admission that follows from what is recorded alone, the unobserved part taken at its mean of 1."""
    by_event = hazards.EVENT_SHARE_ADMITTED * cvd
    own = (admission - by_event) / np.exp(unobserved[ADMISSION])
    return np.asarray(own + by_event / np.exp(unobserved[CVD]))


def auroc(score: Floats, outcome: Bools) -> float:
    """Give the area under the receiver operating characteristic, ties counted half; NaN when one class is absent."""
    positives = int(outcome.sum())
    negatives = len(outcome) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2
    above = ranks[inverse][outcome].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def true_risks(folder: Path, network: str, index_date: date, months: int = HORIZON_MONTHS) -> pl.DataFrame:
    """Give the true risks of a network's people on a day, hazards taken as they stood then.

    Parameters
    ----------
    folder
        What `generate` wrote.

    Returns
    -------
    DataFrame
        One row per simulated person then followed: patient_id, and for `admission`, `death`, `care_home`, `cvd` the risk
        within `months` and ``<outcome>_recorded``, the risk from the recorded part alone (the unobserved at its mean).

    Raises
    ------
    UsageError
        The folder holds no truth of that network.
    """
    paths = folder / "truth" / f"{network}.parquet", folder / "truth" / f"{network}-people.parquet"
    if not all(path.is_file() for path in paths):
        msg = f"truth of network {network}: not in {folder}; was it made by `pophealth synth`?"
        raise UsageError(msg)
    people = pl.read_parquet(paths[1]).filter(pl.col("followed_from") <= index_date, pl.col("followed_to") > index_date)
    standing = (
        pl.read_parquet(paths[0])
        .filter(pl.col("from_date") <= index_date)
        .group_by("patient_id", maintain_order=True)
        .last()
    )
    joined = people.join(standing, on="patient_id", how="inner", maintain_order="left")
    hazard = {name: joined[name].cast(pl.Float64).to_numpy() for name in SAVED}
    unobserved = {name: joined[f"unobserved_{name}"].cast(pl.Float64).to_numpy() for name in SAVED}
    recorded = {name: hazard[name] / np.exp(unobserved[name]) for name in SAVED}
    by_outcome = np.stack([unobserved[name] for name in SAVED])
    recorded["admission"] = recorded_admission(hazard["admission"], hazard["cvd"], by_outcome)
    columns = {name: _risk(hazard[name], months) for name in SAVED}
    columns |= {f"{name}_recorded": _risk(recorded[name], months) for name in SAVED}
    return joined.select("patient_id").with_columns(pl.Series(name, values) for name, values in columns.items())


def _risk(hazard: Floats, months: int) -> npt.NDArray[np.float64]:
    return np.asarray(-np.expm1(-months * hazard), np.float64)
