"""Gives data faults planted into the first network, each by its number in the fault catalogue (delivery-and-faults 5.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from pophealth.synthetic.arrays import Timeline, stream
from pophealth.synthetic.places import Places
from pophealth.synthetic.site import write_network_details, write_pointer
from pophealth.synthetic.world import World
from pophealth.terms import contract_year_of, contract_year_start

EACH = 6
"""Rows or people planted per fault."""
ORPHANS = 25
"""People moved to a practice that is in no network."""
ORPHAN_PRACTICE = "Z99991"
ODD_NETWORK_CODES = ("U2260\uff10", "U22600\n", "../U22600", "u22600", "U2260", "U22600\x00", "U")
"""Codes that must not pass for a network: a full-width digit, a newline, a path, lower case, too short, a NUL, unallocated."""
FORMULAS = ('=HYPERLINK("http://example.invalid","open")', "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1")
MARKUP = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "<svg/onload=alert(1)>", "</title><b>x</b>")
TAINTED_LISTS = ("fit_declined", "structured_medication_review_declined", "pcsp_agreed")

Faults = dict[int, dict[str, int]]


class Spoiler:
    """Spoils one network's parts; what it planted is counted in `faults`."""

    def __init__(self, out: Path, network: str, timeline: Timeline, rng: np.random.Generator) -> None:
        self.out, self.network, self.rng = out, network, rng
        self.last_day = date(1970, 1, 1) + timedelta(days=timeline.last_day)
        self.faults: Faults = {}
        patients = self.read("patients")
        stays = self.read("registrations").filter(
            pl.col("end_date").is_null() & (pl.col("registration_type") == "regular")
        )
        sound = patients.filter(pl.col("nhs_number").is_not_null()).join(
            stays.select("patient_id"), on="patient_id", how="semi"
        )
        order = rng.permutation(sound.height)
        self._people: list[str] = sound["patient_id"][order.tolist()].to_list()

    def read(self, table: str) -> pl.DataFrame:
        """Give the network's rows of a table."""
        return pl.read_parquet(self.out / table / f"{self.network}.parquet")

    def write(self, table: str, rows: pl.DataFrame) -> None:
        """Put `rows` in the place of the network's rows of a table."""
        path = self.out / table / f"{self.network}.parquet"
        path.parent.mkdir(exist_ok=True)
        rows.write_parquet(path, compression="zstd", compression_level=1)

    def some(self, count: int = EACH) -> list[str]:
        """Give people, each to one fault only."""
        taken, self._people = self._people[:count], self._people[count:]
        return taken

    def units(self) -> None:
        """Let a few HbA1c values lose a place of their decimal (case 6); a whole practice of them is in `faulty/`."""
        rows = self.read("measurements").with_row_index()
        places = rows.filter((pl.col("unit") == "mmol/mol") & (pl.col("value") >= 40))["index"].head(EACH).to_list()
        spoilt = pl.when(pl.col("index").is_in(places)).then(pl.col("value") / 10.0).otherwise("value").alias("value")
        self.write("measurements", rows.with_columns(spoilt).drop("index"))
        self.faults[6] = {"values in another unit": len(places)}

    def numbers(self) -> None:
        """Give two people one NHS number (case 8), and others numbers that cannot be (case 10)."""
        patients = self.read("patients")
        known = dict(patients.select("patient_id", "nhs_number").rows())
        first, second, wrong, zero, short = (self.some() for _ in range(5))
        changes = {two: known[one] for one, two in zip(first, second, strict=True)}
        changes |= {key: known[key][:9] + str((int(known[key][9]) + 1) % 10) for key in wrong}
        changes |= dict.fromkeys(zero, "0000000000") | {key: known[key][:9] for key in short}
        new = pl.col("patient_id").replace_strict(changes, default=None, return_dtype=pl.String)
        self.write("patients", patients.with_columns(nhs_number=pl.coalesce(new, "nhs_number")))
        self.faults[8] = {"pairs of people with one number": len(second)}
        self.faults[10] = {"wrong check digit": len(wrong), "all zeros": len(zero), "nine digits": len(short)}

    def merges(self) -> None:
        """Supersede records (case 9): merged once, merged along a chain, merged in a circle."""
        simple, chained, circled = self.some(4), self.some(1)[0], self.some(1)[0]
        rows = [(f"{key}-old", key) for key in simple]
        rows += [(f"{chained}-oldest", f"{chained}-old"), (f"{chained}-old", chained)]
        rows += [(f"{circled}-a", f"{circled}-b"), (f"{circled}-b", f"{circled}-a")]
        frame = pl.DataFrame(rows, schema=["patient_id", "into_patient_id"], orient="row")
        self.write("merges", frame.with_columns(merged_date=pl.lit(self.last_day - timedelta(days=200))))
        origin = {old: old.rsplit("-", 1)[0] for old, _ in rows}
        for table in ("patients", "registrations"):
            found = self.read(table)
            copies = pl.DataFrame({"old": list(origin), "patient_id": list(origin.values())})
            copied = (
                copies.join(found, on="patient_id", maintain_order="left").with_columns(patient_id="old").drop("old")
            )
            if table == "patients":
                copied = copied.with_columns(nhs_number=pl.lit(None, dtype=pl.String))
            self.write(table, pl.concat([found, copied.select(found.columns)]))
        self.faults[9] = {"merged records": 4, "records in a chain": 2, "records in a circle": 2}

    def dates(self) -> None:
        """Add events that cannot have been (case 11): in the future, before birth, after death, on 1 January 1900."""
        events, patients = self.read("events"), self.read("patients")
        births = dict(patients.select("patient_id", "birth_date").rows())
        deaths = self.read("deaths").filter(pl.col("death_date") < self.last_day - timedelta(days=90)).head(EACH)
        future, early, old = (self.some() for _ in range(3))
        planted = [(key, self.last_day + timedelta(days=30 + place)) for place, key in enumerate(future)]
        planted += [(key, births[key] - timedelta(days=400)) for key in early]
        planted += [(key, day + timedelta(days=60)) for key, day in deaths.rows()]
        planted += [(key, date(1900, 1, 1)) for key in old]
        rows = pl.DataFrame(planted, schema=["patient_id", "date"], orient="row").with_columns(
            recorded_date=pl.col("date"),
            code=pl.lit("SYN:background:0001"),
            code_system=pl.lit("SYNTHETIC"),
            record_id=pl.format("X{}", pl.int_range(pl.len())),
        )
        self.write("events", pl.concat([events, rows.select(events.columns)]))
        self.faults[11] = {
            "in the future": len(future),
            "before birth": len(early),
            "after death": deaths.height,
            "on 1900-01-01": len(old),
        }

    def orphans(self) -> int:
        """Move people to a practice that is in no network (part of case 13); give how many."""
        moved = self.some(ORPHANS)
        stays = self.read("registrations")
        mine = pl.col("patient_id").is_in(moved)
        code = pl.when(mine).then(pl.lit(ORPHAN_PRACTICE)).otherwise("practice_code").alias("practice_code")
        self.write("registrations", stays.with_columns(code))
        return len(moved)


def plant_faults(
    out: Path, places: Sequence[Places], timeline: Timeline, seed: int, world: World
) -> tuple[Faults, dict[str, int]]:
    """Plant faults into the first network, the membership and the words; give counts, and rows of the tables changed."""
    spoiler = Spoiler(out, places[0].network, timeline, stream(seed, 0, "dirty"))
    steps: tuple[Callable[[], None], ...] = (spoiler.units, spoiler.numbers, spoiler.merges, spoiler.dates)
    for step in steps:
        step()
    faults = spoiler.faults
    moved = spoiler.orphans()
    memberships = pl.read_parquet(out / "memberships.parquet")
    changed = _reassigned(memberships, places, timeline)
    odd = _odd_codes(memberships)
    names = (*FORMULAS, *MARKUP)
    named = pl.concat([changed, odd]).with_columns(
        practice_name=pl.when(pl.int_range(pl.len()) < len(names))
        .then(pl.Series(names).gather(pl.Series(np.arange(changed.height + odd.height) % len(names))))
        .otherwise("practice_name")
    )
    named.write_parquet(out / "memberships.parquet")
    faults[13] = {
        "practices changing network in the year": changed.height - memberships.height,
        "practices in no network": 1,
        "people of it": moved,
    }
    faults[14] = {"odd network codes": odd.height}
    tainted = _taint(out, world, places)
    shown = min(len(names), named.height)
    faults[15] = {"names": min(shown, len(FORMULAS)), "other words": tainted[0]}
    faults[16] = {"names": max(shown - len(FORMULAS), 0), "other words": tainted[1]}
    return faults, {"memberships": named.height}


def _reassigned(memberships: pl.DataFrame, places: Sequence[Places], timeline: Timeline) -> pl.DataFrame:
    """Give the membership with a practice that came to the first network on 1 October of the contract year."""
    practice = places[0].practices[0]
    before = places[-1].network if len(places) > 1 else "U23349"
    day = contract_year_start(contract_year_of(timeline.index_date)).replace(month=10)
    mine = pl.col("practice_code") == practice
    earlier = memberships.filter(mine).with_columns(network_code=pl.lit(before), end_date=pl.lit(day))
    later = pl.when(mine).then(pl.lit(day)).otherwise("start_date").alias("start_date")
    return pl.concat([memberships.with_columns(later), earlier.select(memberships.columns)])


def _odd_codes(memberships: pl.DataFrame) -> pl.DataFrame:
    first = memberships["start_date"].min()
    rows = [(f"Z9998{place}", "Synthetic practice", code) for place, code in enumerate(ODD_NETWORK_CODES)]
    frame = pl.DataFrame(rows, schema=["practice_code", "practice_name", "network_code"], orient="row")
    return frame.with_columns(start_date=pl.lit(first), end_date=pl.lit(None, dtype=pl.Date)).select(
        memberships.columns
    )


def _taint(out: Path, world: World, places: Sequence[Places]) -> tuple[int, int]:
    """Put formulas and markup into names of networks and homes and into terms of codelists; give how many of each."""
    counts: Counter[bool] = Counter()
    words = (FORMULAS[0], MARKUP[0], FORMULAS[3], MARKUP[1], FORMULAS[1], MARKUP[2])
    names = [(place.network, words[number] if number < 2 else place.network) for number, place in enumerate(places)]
    write_network_details(out, names)
    counts.update(name in FORMULAS for code, name in names if name != code)
    homes = pl.read_parquet(out / "care_homes.parquet")
    tainted = pl.Series([*words, *[None] * homes.height][: homes.height], dtype=pl.String)
    homes.with_columns(home_name=pl.coalesce(tainted, "home_name")).write_parquet(out / "care_homes.parquet")
    counts.update(word in FORMULAS for word in tainted.drop_nulls())
    for number, codelist in enumerate(TAINTED_LISTS):
        if codelist in world.library.ids and not world.library.get(codelist).is_filled:
            terms = (FORMULAS[number], MARKUP[number])
            write_pointer(out / "codelists", codelist, world.library.get(codelist).title, terms)
            counts.update(word in FORMULAS for word in terms)
    return counts[True], counts[False]
