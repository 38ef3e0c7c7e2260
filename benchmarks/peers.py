"""Prints what two open tools of this field cost on the same people and features: ES-ACES and MEDS-Tab, each by itself.

    python benchmarks/peers.py [PEOPLE=20000] [RECORDS=60] [LISTS=18] [ROUNDS=3] [ENVIRONMENTS=folder] [JSON=path]

The task is what each can say, for everyone on the index date and LISTS codelists, 365 and 730 days back: ES-ACES how often a
list was recorded, MEDS-Tab on how many days (its count is one of times). They get rows they can use at once, which no clock
sees: only findings, only what was recorded by the index date, sorted, with an event on the index date; MEDS-Tab, which
counts codes, gets rows named by list, and behind the rows of a day one more, since release 0.2.0 passes over the last row of
every time. The engine reads its register as ever. Each tool is installed by pip into an environment of its own below
ENVIRONMENTS (a temporary folder unless given); one that cannot be installed is passed over with the reason. One whose counts
differ from ours gets no time.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).parent))

import frozen_plan as frozen
from core import Engine, timed
from measured import options_of, write
from pieces import make_piece

from pophealth.config import Supplies
from pophealth.declare import Feature, parse_feature
from pophealth.features import FeaturePlan, compile_plan
from pophealth.register import Snapshot, open_snapshot

PEERS = {
    "es-aces": ("es-aces", "0.7.3", "peer_aces.py", "aces", "count"),
    "meds-tab": ("meds-tab", "0.2.0", "peer_meds_tab.py", "meds_tab", "distinct_days"),
}
"""Package and version, script, what it writes, and the kind of feature of ours that says the same."""

DAYS = (365, 730)


def declared(lists: list[str], kind: str) -> dict[str, Feature]:
    """Give the task as features of ours, by output column."""
    made = {}
    for days in DAYS:
        for name in lists:
            table = {"kind": kind, "codelist": name, "window": f"{days}d", "source": "made up"}
            made[f"{name}_{days}"] = parse_feature(f"{name}_{days}", table)
    return made


def plan_of(snapshot: Snapshot, lists: list[str], kind: str) -> FeaturePlan:
    """Give the task compiled for a register."""
    features, library = declared(lists, kind), frozen.library(frozen.universe())
    supplies = Supplies(events=("SYNTHETIC",))
    return compile_plan(list(features), features, library, supplies, snapshot.concepts, snapshot.units, None)


def write_rows(root: Path, lists: list[str]) -> None:
    """Write what the peers read: MEDS rows by code, MEDS rows by list, and the lists."""
    known = frozen.universe()
    codes = {
        name: [f"SYN:{number}" for number in frozen.code_numbers("events")[known.lists["f"][int(name[1:])]]]
        for name in lists
    }
    (root / "lists.json").write_text(json.dumps(codes), "utf-8")
    visible = (pl.col("date") <= frozen.INDEX_DATE) & (pl.col("recorded") <= frozen.INDEX_DATE)
    rows = (
        pl.read_parquet(root / "raw" / "events" / "*.parquet")
        .filter(visible)
        .select(
            subject_id="pid",
            time=pl.col("date").cast(pl.Datetime("us")),
            code=pl.format("SYN:{}", "code"),
            numeric_value=pl.lit(None, pl.Float32),
        )
    )
    people = pl.read_parquet(root / "raw" / "patients" / "*.parquet")
    index = people.select(
        subject_id="pid",
        time=pl.lit(frozen.INDEX_DATE).cast(pl.Datetime("us")),
        code=pl.lit("INDEX"),
        numeric_value=pl.lit(None, pl.Float32),
    )
    named = pl.DataFrame(
        [(code, name) for name, members in codes.items() for code in members], ["code", "list"], orient="row"
    )
    listed = rows.join(named, on="code").select("subject_id", "time", code="list", numeric_value="numeric_value")
    last = pl.concat([listed, index]).unique(["subject_id", "time"]).with_columns(code=pl.lit("LAST"))
    for name, frames in (("rows", [rows, index]), ("listed", [listed, index, last])):
        whole = pl.concat(frames).sort("subject_id", "time", maintain_order=True)
        whole.write_parquet(root / f"{name}.parquet")


def environment(folder: Path, package: str, version: str) -> Path | str:
    """Give the Python of a peer's own environment, or why there is none."""
    python, wanted = folder / package / "bin" / "python", f"{package}=={version}"
    there = f"import importlib.metadata as m; assert m.version({package!r}) == {version!r}"
    if (
        python.is_file()
        and subprocess.run([str(python), "-c", there], capture_output=True, check=False).returncode == 0
    ):
        return python
    venv.create(folder / package, with_pip=True)
    words = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wanted]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    return (
        python if done.returncode == 0 else f"pip could not install {wanted}: {said[-1] if said else 'no reason given'}"
    )


def run_peer(python: Path, script: str, root: Path, rounds: int) -> list[float] | str:
    """Give the CPU seconds of each round, or why there are none."""
    words = [str(python), str(Path(__file__).with_name(script)), str(root), str(rounds)]
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=clean)
    if done.returncode != 0:
        return f"it ended with {done.returncode}: {done.stderr.strip().splitlines()[-1:]}"
    seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
    return seconds


def main() -> None:
    defaults = {"PEOPLE": "20000", "RECORDS": "60", "LISTS": "18", "ROUNDS": "3"}
    with tempfile.TemporaryDirectory() as folder:
        options = options_of(defaults | {"ENVIRONMENTS": f"{folder}/environments"})
        root, rounds = Path(folder) / "data", int(options["ROUNDS"])
        lists = [f"f{number}" for number in range(20, 20 + int(options["LISTS"]))]
        make_piece(root, {0: int(options["PEOPLE"])}, float(options["RECORDS"]), keep_raw=True)
        write_rows(root, lists)
        snapshot = open_snapshot(root)
        spent: dict[str, Any] = {}
        for name, (package, version, script, file, kind) in PEERS.items():
            engine = Engine(snapshot, plan_of(snapshot, lists, kind), 1)
            who = engine.people[0]["patient_id"].str.slice(16).cast(pl.Int64)
            ours = engine.one(0).with_columns(subject_id=who)
            spent[f"pophealth, {kind}"] = [timed(lambda run=engine: run.over(run.one)) for _ in range(rounds)]
            python = environment(Path(options["ENVIRONMENTS"]), package, version)
            taken = python if isinstance(python, str) else run_peer(python, script, root, rounds)
            if not isinstance(taken, str) and not agrees(ours, pl.read_parquet(root / f"{file}.parquet")):
                taken = "what it counted is not what we counted"
            spent[name] = taken
    print(f"{int(options['PEOPLE']):,} people, {len(lists)} lists, {DAYS} days back; a figure stands for equal counts")
    show(spent)
    write(options, {"cpu_s": spent})


def agrees(ours: pl.DataFrame, theirs: pl.DataFrame) -> bool:
    """Give whether a peer counted what we counted, for everyone."""
    names = [name for name in ours.columns if name != "subject_id"]
    order = ["subject_id", *names]
    mine = ours.select(order).sort("subject_id").cast(pl.Int64)
    return mine.equals(theirs.select(order).sort("subject_id").cast(pl.Int64))


def show(spent: dict[str, Any]) -> None:
    print(f"{'tool':26} {'CPU s':>9} {'/ pophealth':>12}")
    ours = 0.0
    for name, taken in spent.items():
        if isinstance(taken, str):
            print(f"{name:26} no time: {taken}")
            continue
        middle = statistics.median(taken)
        ours = middle if name.startswith("pophealth") else ours
        print(f"{name:26} {middle:>9.3f} {middle / ours:>12.1f}")


if __name__ == "__main__":
    main()
