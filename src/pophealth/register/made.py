"""Gives the files of a snapshot as they are made: each hashed while it is written, never read again for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from pophealth.kernels.ingest_checksum import xxh64

Array = npt.NDArray[Any]
DELTA = "DELTA_BINARY_PACKED"
"""Parquet encoding of sorted whole numbers: smaller than lz4 of plain numbers, and quicker to write."""


class Made:
    """A folder of new files, and what the manifest says of them: SHA-256 and bytes, of the index XXH64 as well.

    XXH64 is what a run checks before it uses an index: SHA-256 of the same bytes takes as long as the run itself. It
    finds damage; SHA-256 says that a file is the one the manifest means.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, dict[str, Any]] = {}

    def content(self, name: str, content: Any, *, indexed: bool = False) -> None:
        """Write a file that is in memory whole."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        said = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        self.files[name] = said | ({"xxh64": xxh64(content)} if indexed else {})

    def arrays(self, name: str, columns: dict[str, Array]) -> None:
        """Write arrays of one length as one uncompressed Arrow IPC batch, to be mapped."""
        batch = pa.record_batch({column: pa.array(array) for column, array in columns.items()})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, batch.schema) as writer:
            writer.write_batch(batch)
        self.content(name, memoryview(sink.getvalue()), indexed=True)

    def parquet(self, name: str, groups: Iterator[pa.Table]) -> None:
        """Write tables of one schema as the row groups of a Parquet file; no file where there are none.

        Columns are dictionaries, except dates (differences) and record ids (as they are, no two alike). Only text is
        compressed: lz4 finds nothing in the rest, which is packed already.
        """
        first = next(groups, None)
        if first is None:
            return
        dates = [field.name for field in first.schema if pa.types.is_date(field.type)]
        text = {field.name for field in first.schema if not pa.types.is_primitive(field.type)}
        with (
            self._hashed(name) as sink,
            pq.ParquetWriter(
                sink,
                first.schema,
                compression={name: "lz4" if name in text else "none" for name in first.schema.names},
                store_schema=False,
                use_dictionary=[field for field in first.schema.names if field not in {"record_id", *dates}],
                column_encoding=dict.fromkeys(dates, DELTA),
                write_statistics=False,
                dictionary_pagesize_limit=1 << 30,
                write_batch_size=1 << 16,
                max_rows_per_page=1 << 20,
            ) as writer,
        ):
            writer.write_table(first, row_group_size=1 << 30)
            for group in groups:
                writer.write_table(group, row_group_size=1 << 30)

    @contextmanager
    def _hashed(self, name: str) -> Iterator[pa.NativeFile]:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            sink = _Hashing(file)
            with pa.PythonFile(sink, mode="w") as target:
                yield target
        self.files[name] = {"sha256": sink.digest.hexdigest(), "bytes": sink.size}


class _Hashing:
    """A file that hashes what goes through it."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, content: bytes) -> int:
        self.digest.update(content)
        self.size += len(content)
        return self._file.write(content)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self.closed = True


def read_arrays(content: Any) -> dict[str, Array]:
    """Give the arrays of a file's bytes as read-only views of them."""
    batch = pa.ipc.RecordBatchFileReader(content).get_batch(0)
    return {field.name: _view(column, field.type) for field, column in zip(batch.schema, batch.columns, strict=True)}


_DTYPES: dict[pa.DataType, np.dtype[Any]] = {
    pa.uint8(): np.dtype(np.uint8),
    pa.uint16(): np.dtype(np.uint16),
    pa.uint32(): np.dtype(np.uint32),
    pa.int64(): np.dtype(np.int64),
    pa.float64(): np.dtype(np.float64),
}
"""Types of the index's columns."""


def _view(column: pa.Array, kind: pa.DataType) -> Array:
    """Give a column of numbers without nulls as it lies there: pyarrow's own `to_numpy` would import pandas first."""
    dtype: np.dtype[Any] = _DTYPES[kind]
    if not len(column):
        return np.empty(0, dtype)
    return np.frombuffer(column.buffers()[1], dtype, len(column), column.offset * dtype.itemsize)
