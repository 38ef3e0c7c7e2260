"""Runs ES-ACES on one task and prints the CPU seconds of each round; under the Python of its own environment.

python peer_aces.py FOLDER ROUNDS: reads rows.parquet and lists.json (list to codes), writes aces.parquet.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import polars as pl
from aces import predicates, query
from aces.config import EventConfig, PlainPredicateConfig, TaskExtractorConfig, WindowConfig
from omegaconf import DictConfig

DAYS = (365, 730)


def main(folder: Path, rounds: int) -> None:
    logging.disable(logging.CRITICAL)
    lists = json.loads((folder / "lists.json").read_text("utf-8"))
    wanted = {name: PlainPredicateConfig(code={"any": codes}) for name, codes in lists.items()}
    windows = {f"days_{days}": WindowConfig(f"end - {days}d", "trigger", False, True) for days in DAYS}
    spent = []
    for _ in range(rounds + 1):  # the first is not counted
        began = time.process_time()
        task = TaskExtractorConfig(
            predicates=wanted | {"index": PlainPredicateConfig("INDEX")}, trigger=EventConfig("index"), windows=windows
        )
        frame = predicates.get_predicates_df(
            task, DictConfig({"path": str(folder / "rows.parquet"), "standard": "meds"})
        )
        found = query.query(task, frame)
        spent.append(time.process_time() - began)
    columns = [
        pl.col(f"days_{days}.end_summary").struct.field(name).cast(pl.Int32).alias(f"{name}_{days}")
        for days in DAYS
        for name in lists
        if f"days_{days}.end_summary" in found.columns
    ] or [
        pl.col(f"days_{days}.start_summary").struct.field(name).cast(pl.Int32).alias(f"{name}_{days}")
        for days in DAYS
        for name in lists
    ]
    found.select("subject_id", *columns).sort("subject_id").write_parquet(folder / "aces.parquet")
    print(json.dumps(spent[1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
