"""Gives what `core.py` times: the engine from four kinds of input, DuckDB from two, Polars and pandas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any

import frozen_pandas
import frozen_peer as peer
import frozen_plan as frozen
import frozen_polars
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pieces import compiled, plan_of

from pophealth.features import FeaturePlan, evaluate, evaluate_dates
from pophealth.kernels.postings import Shard, Stays, postings_of_arrays
from pophealth.register import Snapshot
from pophealth.register.layout import FROM_1970, STAY_TABLES
from pophealth.register.made import read_arrays
from pophealth.register.unwritten import shards_of
from pophealth.terms import contract_year_of

RAW_CODED = ("events", "medications", "measurements")


class Engine:
    """The engine over a register's buckets, mapped once and checked; each pass opens their shards."""

    def __init__(self, snapshot: Snapshot, plan: FeaturePlan, threads: int) -> None:
        self.plan = plan
        self.buckets = [snapshot.bucket(practice) for practice in snapshot.practices]
        self.people = [bucket.people for bucket in self.buckets]
        index = [name for name in snapshot.manifest["files"] if "/index/" in name]
        self._mapped = [snapshot.content(name) for name in index]  # held: no pass maps a file anew
        self.threads = threads
        self.dates = frozen.twelve_dates()
        self.years = [contract_year_of(day) for day in self.dates]

    def one(self, place: int) -> pl.DataFrame:
        """Give one practice at the index date."""
        shards = self.buckets[place].shards_for(self.plan.reads)
        return evaluate(self.plan, shards, self.people[place], frozen.INDEX_DATE, frozen.CONTRACT_YEAR)

    def dated(self, place: int) -> Iterator[pl.DataFrame]:
        """Give one practice at twelve dates, a frame after the other."""
        shards = self.buckets[place].shards_for(self.plan.reads)
        return evaluate_dates(self.plan, shards, self.people[place], self.dates, self.years)

    def twelve(self, place: int) -> int:
        """Give the number of frames made at twelve dates, each let go before the next."""
        return sum(frame.height > 0 for frame in self.dated(place))

    def over(self, work: Callable[[int], Any]) -> list[Any]:
        """Give the results of all practices."""
        if self.threads == 1:
            return [work(place) for place in range(len(self.buckets))]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(work, range(len(self.buckets))))

    @property
    def ids(self) -> pl.Series:
        """Everyone's number, as the raw rows have it."""
        return pl.concat(
            [people.select(pid=pl.col("patient_id").str.slice(16).cast(pl.Int64)) for people in self.people]
        )["pid"]


class Packed:
    """The same index as lz4-compressed Arrow IPC, for a disk that is small or far; read and unpacked at every pass."""

    def __init__(self, snapshot: Snapshot, engine: Engine, root: Path) -> None:
        self._engine, self._root = engine, root
        self._wanted = {
            table: ("offsets", "rows", *(("late", *parts) if table not in STAY_TABLES else ()))
            for table, parts in engine.plan.reads.items()
        }
        self._sizes = [people.height for people in engine.people]
        for practice in snapshot.practices:
            for path in (snapshot.path / practice / "index").glob("*/*.arrow"):
                self._pack(path, self._path(practice, path.parent.name, path.stem))

    def _path(self, practice: str, table: str, stem: str) -> Path:
        return self._root / f"{practice}-{table}-{stem}.arrow"

    def _pack(self, path: Path, to: Path) -> None:
        if to.is_file():
            return
        to.parent.mkdir(parents=True, exist_ok=True)
        batch = pa.ipc.open_file(path.read_bytes()).get_batch(0)
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        with pa.OSFile(str(to), "wb") as file, pa.ipc.new_file(file, batch.schema, options=options) as writer:
            writer.write_batch(batch)

    def one(self, place: int) -> pl.DataFrame:
        """Give one practice (of one shard) at the index date, its files read and unpacked."""
        engine = self._engine
        arrays = {table: self._arrays(engine.buckets[place].practice, table) for table in self._wanted}
        shard = Shard(
            first_person=0,
            n_people=self._sizes[place],
            postings={table: postings_of_arrays(found) for table, found in arrays.items() if table not in STAY_TABLES},
            stays={table: Stays(**found) for table, found in arrays.items() if table in STAY_TABLES},
        )
        return evaluate(engine.plan, [shard], engine.people[place], frozen.INDEX_DATE, frozen.CONTRACT_YEAR)

    def _arrays(self, practice: str, table: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in self._wanted[table]:
            with pa.OSFile(str(self._path(practice, table, f"0-{part}"))) as file:
                found |= read_arrays(file)
        return found


class Unwritten:
    """The engine from the raw Parquet that DuckDB reads: decoded, numbered and sorted at every pass; nothing kept."""

    def __init__(self, raw: Path) -> None:
        self._raw = raw
        known = frozen.universe()
        self._codes = frozen.listed_codes(known)
        self._plan = compiled(self._dictionary, ("",))

    def _dictionary(self, table: str) -> pl.DataFrame:
        numbers = self._codes.get(table, np.empty(0, np.int64))
        return pl.DataFrame({"concept": np.arange(numbers.size, dtype=np.uint32), "number": numbers}).select(
            "concept", code_system=pl.lit("SYNTHETIC"), code=pl.format("SYN:{}", "number")
        )

    def everyone(self) -> pl.DataFrame:
        """Give everyone at the index date, in the order of the raw patients."""
        people = pq.read_table(self._raw / "patients.parquet", use_threads=False)["pid"].to_numpy()
        coded = {table: self._pieces(table) for table in RAW_CODED}
        shards = shards_of(people, coded, {"spells": self._pieces("spells")}, self._codes)
        frame = pl.DataFrame({"patient_id": people})
        return evaluate(self._plan, shards, frame, frozen.INDEX_DATE, frozen.CONTRACT_YEAR)

    def _pieces(self, table: str) -> Iterator[dict[str, Any]]:
        file = pq.ParquetFile(self._raw / f"{table}.parquet", memory_map=True)
        names = [name for name in file.schema_arrow.names if name != "row"]
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group, columns=names, use_threads=False)
            column = {name: _plain(rows[name]) for name in names}
            if table == "spells":
                days = {"first": _days(column["admitted"]), "last": _days(column["discharged"])}
                yield {"person": column["pid"], **days, "method": _METHODS.take(column["method"])}
                continue
            given = {"person": column["pid"], "code": column["code"], "day": _days(column["date"])}
            given["recorded"] = column["recorded"] + np.int32(FROM_1970)
            if table == "medications":
                given["supply"] = column["days"].astype(np.uint16)
                given["repeat"] = np.full(rows.num_rows, 2, np.uint8)
            if table == "measurements":
                given |= {"value": column["value"], "unit": np.zeros(rows.num_rows, np.uint8)}
            yield given


_METHODS = np.array([int(method, 16) for method in frozen.METHODS], np.uint8)


def _plain(column: pa.ChunkedArray) -> Any:
    array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    array = array.view(pa.int32()) if pa.types.is_date(array.type) else array
    return array.fill_null(0).to_numpy(zero_copy_only=False) if array.null_count else array.to_numpy()


def _days(column: Any) -> Any:
    return (column + np.int32(FROM_1970)).astype(np.uint16)


class DuckDB:
    """The frozen plan as SQL, from Parquet or from tables of its own in memory."""

    def __init__(self, raw: Path) -> None:
        self.connection = peer.connect(frozen.universe())
        self._raw, self._features = raw, frozen.features()

    def on_parquet(self, day: date = frozen.INDEX_DATE) -> pa.Table:
        """Give everyone, from the raw Parquet."""
        query = peer.sql(self._features, lambda table: f"read_parquet('{self._raw}/{table}.parquet')", day)
        return self.connection.sql(query).to_arrow_table()

    def load(self) -> None:
        """Take the raw rows into tables of its own."""
        for path in self._raw.glob("*.parquet"):
            self.connection.execute(f"CREATE TABLE raw_{path.stem} AS SELECT * FROM read_parquet('{path}')")

    def on_tables(self) -> pa.Table:
        """Give everyone, from tables in memory."""
        query = peer.sql(self._features, lambda table: f"raw_{table}", frozen.INDEX_DATE)
        return self.connection.sql(query).to_arrow_table()


def polars_job(raw: Path) -> Callable[[], pl.DataFrame]:
    """Give the frozen plan in Polars, scanning the raw Parquet."""
    lists, features = peer.tables_of(frozen.universe()), frozen.features()
    return lambda: frozen_polars.answers(
        features, lambda table: pl.scan_parquet(raw / f"{table}.parquet"), lists, frozen.INDEX_DATE
    )


def pandas_job(raw: Path) -> Callable[[], Any]:
    """Give the frozen plan in pandas, reading the raw Parquet by pyarrow, dates as whole numbers."""
    import pandas as pd

    lists = {
        name: pd.DataFrame({column: frame[column].to_numpy() for column in frame.columns})
        for name, frame in peer.tables_of(frozen.universe()).items()
    }

    def source(table: str) -> Any:
        rows = pq.read_table(raw / f"{table}.parquet", use_threads=False)
        date32 = {field.name for field in rows.schema if pa.types.is_date(field.type)}
        return pd.DataFrame(
            {
                name: (rows[name].cast(pa.int32()) if name in date32 else rows[name]).to_numpy()
                for name in rows.column_names
            }
        )

    return lambda: frozen_pandas.answers(frozen.features(), source, lists, frozen.INDEX_DATE)


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """Give a result in one form for comparison: by pid, labels as places, days as numbers, none as pandas has it."""
    made = []
    for name, kind in frame.schema.items():
        column = pl.col(name)
        if kind == pl.String or isinstance(kind, pl.Enum):
            column = column.cast(pl.String).replace_strict(list(frozen.CATEGORY), list(range(5)), return_dtype=pl.Int64)
            column = column.fill_null(-1)
        elif kind == pl.Date:
            column = column.to_physical().cast(pl.Int64).fill_null(frozen_pandas.NONE)
        elif kind.is_float():
            column = column.fill_nan(None)
        else:
            column = column.cast(pl.Int64)
        made.append(column)
    return frame.select(made).sort("pid")


def differences(given: pl.DataFrame, expected: pl.DataFrame) -> dict[str, int]:
    """Give how many values differ, by column; both as `plain`."""
    found = {}
    for name in expected.columns:
        wrong = int((~given[name].eq_missing(expected[name])).sum()) if name in given.columns else given.height
        if wrong or given.height != expected.height:
            found[name] = wrong
    return found


__all__ = ["DuckDB", "Engine", "Packed", "Unwritten", "differences", "pandas_job", "plain", "plan_of", "polars_job"]
