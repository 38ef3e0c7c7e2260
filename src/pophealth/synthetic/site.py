"""Gives what lies beside the parts: membership, areas, medicines, homes, filled codelists, the configuration, the file list."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa

from pophealth.declare.window import months_before
from pophealth.files import json_bytes, sha256_of
from pophealth.synthetic.arrays import NEVER, Timeline, day_number
from pophealth.synthetic.codes import SYNTHETIC, pointer_codes
from pophealth.synthetic.places import Places
from pophealth.synthetic.world import World
from pophealth.synthetic.write import dates, write_part
from pophealth.terms import contract_year_of, contract_year_start

NETWORKS_SINCE = date(2019, 10, 1)
"""Day on which most networks began (ODS, reference pack: pcn_membership.csv)."""
BEDS_PER_RESIDENT = 1.15
BOUNDARY_YEAR, IMD_EDITION = 2021, 2025

CONFIG = """\
# Synthetic networks. Nobody in here exists.
[site]
name = "synthetic networks"
purpose = "case_finding"
legal_basis = "section_251"
network_sharing_agreement = "DEMO-0001 (synthetic data)"
contract_year = "{year}"
synthetic = true
data_root = "data"
key_file = "keys/site.key"
signing_key_file = "keys/signing.key"

[extract]
layout = "canonical"
path = "."

[extract.supplies]
events = ["SNOMED", "SYNTHETIC"]
medications = ["dm+d", "SYNTHETIC"]
measurements = ["SNOMED", "SYNTHETIC"]
spells = true
attendances = true
appointments = true
outpatients = true
referrals = true
next_tests = true
deaths = true
medicine_map = true

[reference]
memberships = "memberships.parquet"
network_details = "network_details.csv"
areas_2021 = "areas.parquet"
medicine_map = "medicine_map.parquet"
codelists = ["codelists"]

[planning]
weeks = 4
slot_minutes = 30
deprived_share = 0.25
slots_per_week = {slots}

[delivery]
pages = true
workbook = true
gp_presets = ["nhs-only", "nhs-dob"]

[runs]
threads = 2
"""

SLOTS_A_WEEK = {
    "care_coordinator": 110,
    "clinical_pharmacist": 50,
    "gp": 10,
    "paramedic": 5,
    "pharmacy_technician": 25,
    "physician_associate": 30,
    "physiotherapist": 5,
    "practice_nurse": 75,
    "social_prescribing_link_worker": 40,
}
"""Slots a week for 10,000 people: an invented team, so that some offers have a place and others wait."""


def write_site(
    out: Path, world: World, timeline: Timeline, places: Sequence[Places], residents: Sequence[int], patients: int
) -> dict[str, int]:
    """Write everything that is about no person, for networks of `patients` people; give the rows of each table."""
    memberships = membership_rows(places, timeline)
    columns = {name: [row[name] for row in memberships] for name in memberships[0]}
    columns["start_date"], columns["end_date"] = (
        dates(np.array(columns[name], np.int32)) for name in ("start_date", "end_date")
    )
    rows = {"memberships": write_part(out / "memberships.parquet", _plain(columns))}
    rows["areas"] = write_part(out / "areas.parquet", _areas(places))
    rows["medicine_map"] = write_part(out / "medicine_map.parquet", _medicine_map(world))
    rows["care_homes"] = write_part(out / "care_homes.parquet", _care_homes(places, residents))
    write_network_details(out, [(place.network, f"Synthetic network {place.network}") for place in places])
    for name in world.library.ids:
        if not world.library.get(name).is_filled:
            write_pointer(out / "codelists", name, world.library.get(name).title)
    year = contract_year_of(timeline.index_date)
    (out / "config.toml").write_text(CONFIG.format(year=year, slots=_slots(patients)), "utf-8")
    return rows


def _slots(patients: int) -> str:
    """Give the team's slots a week as TOML, by the size of a network."""
    slots = (f"{role} = {max(1, round(slots * patients / 10_000))}" for role, slots in SLOTS_A_WEEK.items())
    return f"{{ {', '.join(slots)} }}"


def _plain(columns: dict[str, list[object]]) -> dict[str, pa.Array]:
    return {name: values if isinstance(values, pa.Array) else pa.array(values) for name, values in columns.items()}


def membership_rows(places: Sequence[Places], timeline: Timeline) -> list[dict[str, object]]:
    """Give the dated membership, half-open; one practice was in the second network before it came to the first."""
    since = day_number(min(NETWORKS_SINCE, months_before(timeline.index_date, timeline.index_step)))
    rows: list[dict[str, object]] = [
        {
            "practice_code": practice,
            "practice_name": f"Synthetic practice {practice}",
            "network_code": place.network,
            "start_date": since,
            "end_date": int(NEVER),
        }
        for place in places
        for practice in place.practices
    ]
    if len(places) > 1 and timeline.years > 1:
        year_start = contract_year_start(contract_year_of(timeline.index_date))
        changed = day_number(months_before(year_start, 12))
        mover = len(places[0].practices) - 1
        earlier = rows[mover] | {"network_code": places[1].network, "end_date": changed}
        rows[mover] = rows[mover] | {"start_date": changed}
        rows.append(earlier)
    return rows


def _areas(places: Sequence[Places]) -> dict[str, pa.Array]:
    codes = [code for place in places for code in place.area_codes]
    deciles = np.concatenate([place.area_deciles for place in places])
    ranks = np.concatenate([place.area_ranks for place in places])
    return {
        "lsoa_code": pa.array(codes),
        "lsoa_vintage": pa.array(np.full(len(codes), BOUNDARY_YEAR, np.int16)),
        "imd_edition": pa.array(np.full(len(codes), IMD_EDITION, np.int16)),
        "imd_rank": pa.array(ranks.astype(np.int32)),
        "imd_decile": pa.array(deciles.astype(np.int8)),
    }


def _medicine_map(world: World) -> dict[str, pa.Array]:
    return {
        "code": pa.array([product.code for product in world.products]),
        "code_system": pa.array(["dm+d"] * len(world.products)),
        "substance": pa.array([product.substance for product in world.products]),
        "bnf_code": pa.array([product.bnf_code for product in world.products], pa.string()),
    }


def _care_homes(places: Sequence[Places], residents: Sequence[int]) -> dict[str, pa.Array]:
    """Give homes of about 30 beds, enough for a network's residents."""
    rows: list[tuple[str, str, str, str, int]] = []
    for place, people in zip(places, residents, strict=True):
        beds = max(20, round(people * BEDS_PER_RESIDENT))
        homes = max(1, round(beds / 30))
        for home in range(homes):
            kind = ("nursing", "residential")[home % 2]
            practice = place.practices[home % len(place.practices)]
            rows.append((f"{place.network}-{home + 1:02d}", place.network, practice, kind, -(-beds // homes)))
    return {
        "home_id": pa.array([row[0] for row in rows]),
        "home_name": pa.array([f"Synthetic home {row[0]}" for row in rows]),
        "network_code": pa.array([row[1] for row in rows]),
        "practice_code": pa.array([row[2] for row in rows]),
        "home_type": pa.array([row[3] for row in rows]),
        "beds": pa.array([row[4] for row in rows], pa.int32()),
    }


def write_network_details(out: Path, names: Sequence[tuple[str, str]]) -> None:
    """Write names of networks under the headings of the published ODS list."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["PCN Code", "PCN Name", "Current Sub ICB Loc Code"])
    writer.writerows((code, name, "99Z") for code, name in names)
    (out / "network_details.csv").write_text(text.getvalue(), "utf-8")


def write_pointer(folder: Path, codelist: str, title: str, terms: Sequence[str] = ()) -> None:
    """Write a codelist that fills a pointer with SYN: codes."""
    folder.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    text.write(f"# title: {title}\n# version: synthetic\n# source: made up by pophealth synth; no real code\n")
    text.write("# licence: Apache-2.0\n")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["code", "code_system", "term"])
    for place, code in enumerate(pointer_codes(codelist)):
        writer.writerow([code, SYNTHETIC, terms[place] if place < len(terms) else f"{title} (synthetic)"])
    (folder / f"{codelist}.csv").write_text(text.getvalue(), "utf-8")


def write_file_list(out: Path, last_day: date, rows: dict[str, int]) -> None:
    """Write `extract.json`: the day the extract was taken, and SHA-256 and rows of every data file."""
    files = {name: {"rows": count, "sha256": sha256_of(out / name)} for name, count in sorted(rows.items())}
    listing = {"extract_date": last_day.isoformat(), "files": files, "made_by": "pophealth synth"}
    (out / "extract.json").write_bytes(json_bytes(listing))
