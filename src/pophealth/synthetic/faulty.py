"""Gives whole small extracts with one fault each, below ``faulty/``: files that are damaged, drifted or half empty.

Each is an extract with a configuration of its own, so that a run can be pointed at it. Only one network is spoilt; all other
files are links to those of the extract proper. Case 7 shares its register with the extract proper, since a feed that lost rows
shows only beside what was ingested before.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

from pophealth.files import json_bytes, sha256_of
from pophealth.synthetic.arrays import stream
from pophealth.tables import PERSON_TABLES, RECORD_TABLES

TABLES = (*PERSON_TABLES, *RECORD_TABLES)
BESIDE = ("memberships.parquet", "areas.parquet", "medicine_map.parquet", "care_homes.parquet", "network_details.csv")


class FaultyCopy:
    """The extract in a folder of its own, one network of it to be spoilt."""

    def __init__(self, out: Path, name: str, network: str, *, data_root: str = "data") -> None:
        self.folder, self.network = out / "faulty" / name, network
        self.folder.mkdir(parents=True)
        for table in TABLES:
            for source in sorted((out / table).glob("*.parquet")):
                (self.folder / table).mkdir(exist_ok=True)
                _link(source, self.folder / table / source.name)
        for file in BESIDE:
            _link(out / file, self.folder / file)
        shutil.copytree(out / "codelists", self.folder / "codelists")
        config = (out / "config.toml").read_text("utf-8").replace('"keys/', '"../../keys/')
        config = config.replace('data_root = "data"', f'data_root = "{data_root}"')
        (self.folder / "config.toml").write_text(config, "utf-8")
        listing = json.loads((out / "extract.json").read_text("utf-8"))
        held = {str(path.relative_to(self.folder)) for path in self.folder.rglob("*.parquet")}
        listing["files"] = {file: entry for file, entry in listing["files"].items() if file in held}
        self.listing = listing
        self.save()

    def path(self, table: str) -> Path:
        """Give the spoilt network's file of a table."""
        return self.folder / table / f"{self.network}.parquet"

    def save(self) -> None:
        """Write the list of files."""
        (self.folder / "extract.json").write_bytes(json_bytes(self.listing))

    def put(self, table: str, content: bytes, *, listed: bool) -> None:
        """Replace a table's file; `listed` also corrects its hash, as if it had been sent so."""
        path = self.path(table)
        path.unlink()
        path.write_bytes(content)
        if listed:
            self.listing["files"][f"{table}/{path.name}"]["sha256"] = sha256_of(path)
            self.save()

    def replace(self, table: str, rows: pl.DataFrame) -> None:
        """Replace a table's rows, as if they had been sent so."""
        path = self.path(table)
        path.unlink()
        rows.write_parquet(path, compression="zstd", compression_level=1)
        self.listing["files"][f"{table}/{path.name}"] = {"rows": rows.height, "sha256": sha256_of(path)}
        self.save()

    def read(self, table: str) -> pl.DataFrame:
        """Give the spoilt network's rows of a table."""
        return pl.read_parquet(self.path(table))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def plant_faulty_copies(out: Path, network: str, seed: int) -> dict[int, dict[str, int]]:
    """Write a spoilt copy of a network per fault and give how many there are of each."""
    counts: dict[int, dict[str, int]] = {}
    rng = stream(seed, 0, "faulty")
    spoilers: tuple[Callable[[Path, str, np.random.Generator], dict[int, dict[str, int]]], ...] = (
        _truncated,
        _flipped,
        _drifted,
        _other_units,
        _thinned,
    )
    for spoil in spoilers:
        for number, what in spoil(out, network, rng).items():
            counts[number] = counts.get(number, {}) | what
    return counts


def _truncated(out: Path, network: str, _rng: np.random.Generator) -> dict[int, dict[str, int]]:
    for name, share in (("1-percent", 0.01), ("half", 0.5), ("last-byte", 1.0)):
        copy = FaultyCopy(out, f"case-03-truncated-{name}", network)
        content = copy.path("events").read_bytes()
        copy.put("events", content[: min(max(int(len(content) * share), 1), len(content) - 1)], listed=True)
    return {3: {"truncated files": 3}}


def _flipped(out: Path, network: str, rng: np.random.Generator) -> dict[int, dict[str, int]]:
    copy = FaultyCopy(out, "case-04-bit-flip", network)
    content = bytearray(copy.path("measurements").read_bytes())
    content[int(rng.integers(len(content) // 4, len(content) // 2))] ^= 1 << int(rng.integers(8))
    copy.put("measurements", bytes(content), listed=False)
    return {4: {"files with one bit flipped": 1}}


def _drifted(out: Path, network: str, _rng: np.random.Generator) -> dict[int, dict[str, int]]:
    """Spoil the shape of the events: each change in an extract of its own."""
    changes: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
        "missing-column": lambda rows: rows.drop("code_system"),
        "extra-column": lambda rows: rows.with_columns(note=pl.lit("x")),
        "renamed-column": lambda rows: rows.rename({"date": "event_date"}),
        "retyped-column": lambda rows: rows.with_columns(code=pl.col("code").hash().cast(pl.Float64)),
        "reordered-columns": lambda rows: rows.select(reversed(rows.columns)),
    }
    for name, change in changes.items():
        copy = FaultyCopy(out, f"case-05-{name}", network)
        copy.replace("events", change(copy.read("events")))
    copy = FaultyCopy(out, "case-06-dates-as-text", network)
    copy.replace("events", copy.read("events").with_columns(pl.col("date").dt.strftime("%d/%m/%Y")))
    return {5: {"schemas drifted": len(changes)}, 6: {"files with dates as dd/mm/yyyy": 1}}


def _other_units(out: Path, network: str, _rng: np.random.Generator) -> dict[int, dict[str, int]]:
    """Let one practice send every HbA1c in another unit, and say it is the usual one."""
    copy = FaultyCopy(out, "case-06-units", network)
    stays = copy.read("registrations")
    largest = stays["practice_code"].value_counts(sort=True)["practice_code"][0]
    people = stays.filter(pl.col("practice_code") == largest)["patient_id"].unique()
    rows = copy.read("measurements")
    drifted = (pl.col("unit") == "mmol/mol") & pl.col("patient_id").is_in(people.to_list())
    value = pl.when(drifted).then(pl.col("value") / 10.0).otherwise("value").alias("value")
    copy.replace("measurements", rows.with_columns(value))
    return {6: {"values of a practice in another unit": int(rows.select(drifted.sum()).item())}}


def _thinned(out: Path, network: str, rng: np.random.Generator) -> dict[int, dict[str, int]]:
    """Lose rows: all of a table, nine tenths of it, a whole practice."""
    copy = FaultyCopy(out, "case-07-empty", network, data_root="../../data")
    copy.replace("events", copy.read("events").head(0))
    copy = FaultyCopy(out, "case-07-a-tenth", network, data_root="../../data")
    rows = copy.read("events")
    kept = np.flatnonzero(rng.random(rows.height) < 0.1)
    copy.replace("events", rows[kept.tolist()])
    copy = FaultyCopy(out, "case-07-practice-missing", network, data_root="../../data")
    stays = copy.read("registrations")
    smallest = stays["practice_code"].value_counts(sort=True)["practice_code"][-1]
    copy.replace("registrations", stays.filter(pl.col("practice_code") != smallest))
    return {7: {"extracts that lost rows": 3}}
