"""Gives synthetic networks: seeded, UK-shaped, written as an extract with its configuration and the truth beside it."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from pophealth.errors import UsageError
from pophealth.synthetic import hazards
from pophealth.synthetic.arrays import Timeline
from pophealth.synthetic.dirty import plant_faults
from pophealth.synthetic.facts import Facts
from pophealth.synthetic.faulty import plant_faulty_copies
from pophealth.synthetic.network import RECORD_TABLES, Made, Order, make_network
from pophealth.synthetic.places import network_code
from pophealth.synthetic.site import write_file_list, write_site
from pophealth.synthetic.states import OUTCOMES, PALLIATIVE
from pophealth.synthetic.truth import Reach, auroc
from pophealth.synthetic.volumes import volume_for
from pophealth.synthetic.world import load_world
from pophealth.tables import EXTRACT_TABLES

AT_ONCE = 2
"""Networks made at the same time, at most: each has its own streams, so that their number changes nothing but the time."""
OTHER_FOLDERS = ("truth", "codelists", "faulty")


def generate(
    out: Path,
    *,
    networks: int,
    patients: int,
    seed: int,
    index_date: date,
    records_per_person: int = 60,
    years: int = 10,
    months_after: int = 0,
    unobserved: float = 1.0,
    planted: bool = True,
    dirty: bool = False,
) -> Facts:
    """Make synthetic networks in `out` and give what was made.

    Network k is the same whatever the number of networks; the same arguments give the same bytes. One extract made before in
    the same folder is replaced; keys, registers and deliveries in it stay.

    Parameters
    ----------
    patients
        People per network registered on the index date as regular patients. The extract also holds those who died or left
        during the history, and a few visitors.
    index_date
        Day on which the networks have England's ages, deprivation and registers.
    records_per_person
        Rows of record tables per person in the extract, on average.
    years
        Years of history before the index date.
    months_after
        Months that are lived through, and recorded, after the index date.
    unobserved
        How much of people's risk no record shows: a factor of its standard deviations. With 0 a model can know everything.
    planted
        Plant people whom each rule must find. They did not live the course, so that nothing is true of them: leave them out
        where a model is held against the truth.
    dirty
        Plant the data faults of delivery-and-faults 5.3, cases 3 to 11 and 13 to 16.

    Raises
    ------
    UsageError
        A number is out of range, or `out` holds files that no synthetic extract explains.
    """
    _check(networks, patients, records_per_person, years, months_after, unobserved)
    _clear(out)
    world = load_world()
    timeline = Timeline(index_date, years, months_after)
    order = Order(patients, seed, timeline, volume_for(records_per_person, years), unobserved, planted)
    with ThreadPoolExecutor(min(AT_ONCE, networks, os.cpu_count() or 1)) as pool:
        made = list(pool.map(lambda number: make_network(out, world, order, number), range(networks)))
    site_rows = write_site(
        out, world, timeline, [network.places for network in made], [network.residents for network in made], patients
    )
    last_day = date(1970, 1, 1) + timedelta(days=timeline.last_day)
    faults: dict[int, dict[str, int]] = {}
    if dirty:
        faults, changed = plant_faults(out, [network.places for network in made], timeline, seed, world)
        site_rows |= changed
    rows = _rows_by_file(out, made) | {f"{name}.parquet": count for name, count in site_rows.items()}
    write_file_list(out, last_day, rows)
    if dirty:
        for number, counts in plant_faulty_copies(out, made[-1].places.network, seed).items():
            faults[number] = faults.get(number, {}) | counts
    return _facts(made, rows, faults, unobserved)


def _check(
    networks: int, patients: int, records_per_person: int, years: int, months_after: int, unobserved: float
) -> None:
    """Refuse numbers nothing can be made of."""
    network_code(networks - 1)
    limits = {
        "networks": (networks, 1, 750),
        "patients": (patients, 200, 500_000),
        "records_per_person": (records_per_person, 20, 1_000),
        "years": (years, 1, 40),
        "months_after": (months_after, 0, 60),
        "unobserved": (unobserved, 0, 2),
    }
    wrong = [
        f"{name} {value}, allowed {low} to {high}"
        for name, (value, low, high) in limits.items()
        if not low <= value <= high
    ]
    if wrong:
        msg = f"synth: {'; '.join(wrong)}"
        raise UsageError(msg)


def _clear(out: Path) -> None:
    """Remove an extract that was made here before; refuse a folder that holds somebody else's tables."""
    listing = out / "extract.json"
    folders = [out / name for name in (*EXTRACT_TABLES, *OTHER_FOLDERS) if (out / name).is_dir()]
    made_here = listing.is_file() and json.loads(listing.read_text("utf-8")).get("made_by") == "pophealth synth"
    if folders and not made_here:
        msg = f"synth: {out} holds {folders[0].name}/ and no synthetic extract; choose another folder"
        raise UsageError(msg)
    for folder in folders:
        shutil.rmtree(folder)
    listing.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)


def _rows_by_file(out: Path, made: Sequence[Made]) -> dict[str, int]:
    paths = [
        path for name in EXTRACT_TABLES for network in made for path in (out / name).glob(f"{network.places.network}*")
    ]
    return {str(path.relative_to(out)): int(pq.ParquetFile(path).metadata.num_rows) for path in paths}


def _facts(
    made: Sequence[Made], files: dict[str, int], faults: dict[int, dict[str, int]], unobserved_scale: float
) -> Facts:
    rows: Counter[str] = Counter()
    for name, count in files.items():
        rows[name.partition("/")[0].removesuffix(".parquet")] += count
    planted: Counter[str] = Counter()
    for network in made:
        planted.update(network.planted)
    people = sum(network.people for network in made)
    records = sum(rows[name] for name in RECORD_TABLES)
    deviations = ", ".join(
        f"{name} {size * unobserved_scale:.2f}"
        for name, size in zip(OUTCOMES[:PALLIATIVE], hazards.UNOBSERVED, strict=False)
    )
    return Facts(
        networks=tuple(network.places.network for network in made),
        people=people,
        registered=sum(network.registered for network in made),
        planted=dict(sorted(planted.items())),
        rows=dict(sorted(rows.items())),
        records_per_person=records / people,
        reachable=_reachable([network.reach for network in made if network.reach is not None]),
        unobserved="unobserved part of the log hazard, standard deviation: "
        f"{deviations}; between networks {hazards.NETWORK * unobserved_scale:.2f} (admission)",
        without_nhs_number=sum(network.without_nhs_number for network in made),
        faults=faults,
    )


def _reachable(reaches: Sequence[Reach]) -> dict[str, float] | None:
    """Give the best areas under the curve that the truth, and its recorded part alone, allow over all networks."""
    if not reaches:
        return None
    truth, recorded, death = (
        np.concatenate([getattr(reach, name) for reach in reaches]) for name in ("truth", "recorded", "death")
    )
    admitted, died = (np.concatenate([getattr(reach, name) for reach in reaches]) for name in ("admitted", "died"))
    return {
        "people": len(truth),
        "rate": float(admitted.mean()),
        "expected_rate": float(-np.expm1(-12 * truth).mean()),
        "auroc_true": auroc(truth, admitted),
        "auroc_recorded": auroc(recorded, admitted),
        "rate_or_death": float((admitted | died).mean()),
        "auroc_true_or_death": auroc(truth + death, admitted | died),
    }
