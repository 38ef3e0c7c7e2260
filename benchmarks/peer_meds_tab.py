"""Runs MEDS-Tab on one task and prints the CPU seconds of each round; under the Python of its own environment.

python peer_meds_tab.py FOLDER ROUNDS: reads listed.parquet (rows named by list) and lists.json, writes meds_tab.parquet.
The steps are those of its script tabularize_time_series, without the files between them.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path

import polars as pl
from MEDS_tabular_automl.describe_codes import filter_parquet
from MEDS_tabular_automl.generate_summarized_reps import generate_summary
from MEDS_tabular_automl.generate_ts_features import get_flat_ts_rep

DAYS = (365, 730)


def main(folder: Path, rounds: int) -> None:
    logging.disable(logging.CRITICAL)
    lists = list(json.loads((folder / "lists.json").read_text("utf-8")))
    columns = [f"{name}/code" for name in sorted([*lists, "INDEX", "LAST"])]
    rows = folder / "listed.parquet"
    labels = pl.read_parquet(rows).filter(pl.col("code") == "INDEX").select("subject_id", prediction_time="time")
    spent, parts = [], []
    for _ in range(rounds + 1):  # the first is not counted
        began, parts = time.process_time(), []
        for days in DAYS:
            shard = filter_parquet(rows, columns)
            index, matrix = get_flat_ts_rep("code/count", columns, shard)
            found = generate_summary(columns, index, matrix, f"{days}d", "code/count", labels.lazy())
            parts.append(found)
        spent.append(time.process_time() - began)
    frame = labels.select("subject_id")
    for days, found in zip(DAYS, parts, strict=True):
        dense = found.toarray()
        frame = frame.with_columns(
            pl.Series(f"{name.removesuffix('/code')}_{days}", dense[:, place]).cast(pl.Int32)
            for place, name in enumerate(columns)
            if name not in {"INDEX/code", "LAST/code"}
        )
    frame.sort("subject_id").write_parquet(folder / "meds_tab.parquet")
    print(json.dumps(spent[1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
