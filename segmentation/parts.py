"""Stage files: immutable Parquet parts, written once, named by a record, checked when opened.

Each stage decides what its parts contain. Passes over many parts belong in partitions.py.
"""

import errno
import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.part import Part
from segmentation.errors import StageFileGone
from segmentation.store.files.objects import AnyPath

PART_ROWS = 131_072  # of a part with few columns
PART_VALUES = 1 << 21  # of a part with many: 16 MB as float64, of which a stage holds about ten
# A dictionary that grows beyond this is given up, because a column of distinct numbers gains nothing by it.
DICTIONARY_BYTES = 32_768
# Room for the ids of 50,000 events.
_ID_DICTIONARY_BYTES = 1 << 20


def open_file(path: AnyPath) -> BufferedReader:
    """A file or object, for reading. OSError if a pipe has its name: opening that would never end."""
    if isinstance(path, Path) and path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.open("rb")


@contextmanager
def open_parquet(path: AnyPath, page_checksum_verification: bool = False) -> Iterator[pq.ParquetFile]:
    """A Parquet file or object, for reading."""
    with open_file(path) as file:
        # Arrow's threads let go of a Python file a moment after the last read. If the interpreter ends in
        # that moment, the process aborts (apache/arrow#34314), so they get a file of their own.
        native = pa.OSFile(str(path)) if isinstance(path, Path) else file
        yield pq.ParquetFile(native, page_checksum_verification=page_checksum_verification)


def read_table(path: AnyPath, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file or object whole, for small ones."""
    with open_parquet(path) as file:
        return file.read(columns=None if columns is None else list(columns), use_threads=False)


def hash_file(path: AnyPath) -> str:
    """sha256 of a file or object, as hex."""
    with open_file(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_part(path: Path, rows: int) -> Part:
    """The record of a finished file."""
    return Part(path=path, rows=rows, size=path.stat().st_size)


def link_file(source: Path, target: Path) -> None:
    """Give a finished file a second name; where the file system has no hard links, a copy."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EXDEV, errno.EMLINK, errno.ENOSYS):
            raise
        shutil.copy2(source, target)


def create_empty_folder(folder: Path) -> Path:
    """An empty folder for a stage. Files from an earlier attempt are removed."""
    # A retry must not mix its parts with those of the attempt that died.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    return folder


def write_part(path: Path, table: pa.Table, ids_repeat: bool = False) -> Part:
    """Write one stage file, in fast encodings: it is read a few times, then removed.

    ids_repeat: customers may have many rows, in any order, as events have.
    """
    pq.write_table(table, path, **choose_encodings(table.schema, ids_repeat))
    return make_part(path, table.num_rows)


def choose_encodings(schema: pa.Schema, ids_repeat: bool = False) -> dict[str, Any]:
    """The Parquet options of stage files: half the bytes of plain values, in the same time."""
    kinds = (pa.types.is_integer, pa.types.is_timestamp)
    encodings = {
        field.name: "DELTA_BINARY_PACKED" for field in schema if any(is_kind(field.type) for is_kind in kinds)
    }
    if not ids_repeat and "customer_id" in schema.names:
        encodings["customer_id"] = "DELTA_BYTE_ARRAY"  # sorted ids share long prefixes
    return {
        "compression": "lz4",
        "use_dictionary": [name for name in schema.names if name not in encodings],
        "column_encoding": encodings,
        "dictionary_pagesize_limit": _ID_DICTIONARY_BYTES if ids_repeat else DICTIONARY_BYTES,
        "write_statistics": False,
    }


def choose_part_rows(columns: int) -> int:
    """The rows of a full part with this many columns, a power of two.

    Sums over parts depend on it in their last bits, so it must not depend on the machine.

    >>> choose_part_rows(9), choose_part_rows(101)
    (131072, 16384)
    """
    rows = PART_VALUES // max(1, columns)
    return min(PART_ROWS, 1 << max(0, rows.bit_length() - 1))


def rechunk(tables: Iterator[pa.Table], rows: int | None = None) -> Iterator[pa.Table]:
    """Cut a stream of tables again into tables of equal length, so that parts do not depend on its chunks.

    rows: their length; by default, that of a full part with the tables' columns.
    """
    pending: pa.Table | None = None
    for table in tables:
        pending = table if pending is None else pa.concat_tables([pending, table])
        size = rows or choose_part_rows(table.num_columns)
        while pending.num_rows >= size:
            yield pending.slice(0, size).combine_chunks()
            pending = pending.slice(size)
    if pending is not None and pending.num_rows:
        yield pending.combine_chunks()


def check_part(part: Part) -> Path:
    """The part's path. StageFileGone if the file is missing or its size has changed."""
    try:
        size = part.path.stat().st_size
    except FileNotFoundError:
        size = -1
    # Prefect returns a kept record even if its files are gone. Size is enough here; hashing costs a read.
    if size != part.size:
        raise StageFileGone(
            f"stage file {part.path.name} is {'gone' if size < 0 else 'not as it was written'}; "
            "start a new run instead of retrying this one"
        )
    return part.path


def read_part(part: Part, columns: Sequence[str] | None = None) -> pa.Table:
    """Read one stage file, single-threaded: parallelism is over parts."""
    columns = part.columns if columns is None else columns
    names = None if columns is None else list(columns)
    file = pq.ParquetFile(check_part(part), memory_map=True, pre_buffer=False)
    table = file.read(columns=names, use_threads=False)
    # Arrow gives columns in the order of the file.
    table = table if names is None else table.select(names)
    return shift_places(table, part.first_file, part.first_row)


def shift_places(table: pa.Table, files: int, rows: int) -> pa.Table:
    """The table with these added to its source_file and source_row, if it has them."""
    for name, number in (("source_file", files), ("source_row", rows)):
        if number and name in table.column_names:
            position, kind = table.column_names.index(name), table.schema.field(name).type
            values = pc.add(table[name], pa.scalar(number, kind))
            table = table.set_column(position, table.schema.field(name), values)
    return table


def to_matrix(table: pa.Table, columns: Sequence[str] | None = None) -> np.ndarray:
    """The columns as float64 rows of a matrix (d, n): features down, customers across."""
    names = list(columns) if columns is not None else table.column_names
    matrix = np.empty((len(names), table.num_rows))
    for row, name in zip(matrix, names, strict=True):
        values = table.column(name)
        # safe=False: integers beyond 2^53 are rounded, as numpy does where nothing is null.
        floats = values if values.null_count == 0 else values.cast(pa.float64(), safe=False)
        row[:] = floats.to_numpy()
    return matrix
