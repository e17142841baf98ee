"""Reading Parquet in batches whose memory is bounded, whatever the file claims to hold.

Values are cast in segmentation/rows/casting/text_columns.py.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.parts import choose_part_rows
from segmentation.rows.reading.parquet_dictionaries import choose_batch_rows, count_bytes
from segmentation.rows.reading.raw_batch import RawBatch
from segmentation.sources.compression import EXPANSION_FROM_BYTES, MOST_EXPANSION

# A page is decompressed as a whole, so a small file could otherwise exhaust memory.
LARGEST_GROUP_BYTES = 2 << 30
# Bytes of each column that are read at once. Without a buffer Arrow would read a column of a whole group of
# rows at once, and a file may have one group.
_BUFFER_BYTES = 256 << 10

_SIGNATURE_BYTES = 28  # after the footer of an encrypted file whose footer can be read
_OCTETS = {
    pa.string(): pa.binary(),
    pa.large_string(): pa.large_binary(),
    pa.string_view(): pa.binary_view(),
}


def open_source_file(path: Path) -> pq.ParquetFile:
    """Open a Parquet file. Refused if it is damaged."""
    try:
        # pre_buffer would keep the bytes of every group that was read until the file is closed.
        file = pq.ParquetFile(
            path,
            page_checksum_verification=True,
            pre_buffer=False,
            buffer_size=_BUFFER_BYTES,
            # In nanoseconds, as Spark's old format has them, the year 9999 would wrap to 1816.
            coerce_int96_timestamp_unit="us",
        )
        _check_readable(path, file.metadata)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Refused("damaged-parquet", f"{path.name} is not a readable Parquet file") from error
    return file


def _check_readable(path: Path, metadata: pq.FileMetaData) -> None:
    """Refuse a file with encrypted columns: Arrow ends the process when it looks at one without the key."""
    with path.open("rb") as file:
        file.seek(-8, os.SEEK_END)
        footer_bytes = int.from_bytes(file.read(4), "little")
    if footer_bytes == metadata.serialized_size + _SIGNATURE_BYTES:
        raise Refused("encrypted", f"{path.name} has encrypted columns; expected a file without encryption")


def read_parquet(path: Path, columns: Sequence[str]) -> Iterator[RawBatch]:
    """These columns of a Parquet file, in batches."""
    file = open_source_file(path)
    _check_groups(path, file.metadata)
    sizes = choose_batch_rows(path, file.metadata, columns, choose_part_rows(len(columns)))
    next_row, unpacked = 1, 0
    try:
        for groups, size in _list_runs(sizes):
            for batch in file.iter_batches(size, row_groups=groups, columns=columns, use_threads=False):
                numbers = np.arange(next_row, next_row + batch.num_rows)
                next_row += batch.num_rows
                unpacked += sum(count_bytes(column) for column in batch.columns)
                if unpacked > EXPANSION_FROM_BYTES and unpacked > MOST_EXPANSION * path.stat().st_size:
                    raise _refuse_expansion(path)
                yield RawBatch(_unpack_texts(batch, columns), numbers, [])
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise Refused("damaged-parquet", f"{path.name}: data after row {next_row - 1} is damaged") from error


def _list_runs(sizes: Iterable[int]) -> Iterator[tuple[list[int], int]]:
    """Groups of rows in a row that can be read in batches of one size, and that size.

    Batches of such groups begin and end anywhere in them, so that they are full however small the groups are.
    """
    for size, run in groupby(enumerate(sizes), key=itemgetter(1)):
        yield [group for group, _ in run], size


def _unpack_texts(batch: pa.RecordBatch, columns: Sequence[str]) -> pa.Table:
    """The batch as a table in the order of the columns, which Arrow's functions can work on.

    Views become plain texts. Texts that are not UTF-8, which Arrow notices in dictionaries only and cannot
    compute with, become bytes: casting marks them as unreadable.
    """
    table = pa.Table.from_batches([batch]).select(columns)
    for number, field in enumerate(table.schema):
        column = table[number]
        if isinstance(field.type, pa.BaseExtensionType) and field.type.storage_type in _OCTETS:
            column = pa.chunked_array([chunk.storage for chunk in column.chunks], field.type.storage_type)
        unpacked = _unpack(column)
        if unpacked is not table[number]:
            table = table.set_column(number, field.name, unpacked)
    return table


def _unpack(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column without views; of bytes, if its texts are not UTF-8."""
    if pa.types.is_binary_view(column.type):
        return column.cast(pa.binary())
    octets = None if isinstance(column.type, pa.BaseExtensionType) else _OCTETS.get(column.type)
    if octets is None:
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return _unpack(column.cast(octets))
    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column


def _check_groups(path: Path, metadata: pq.FileMetaData) -> None:
    """Refuse a file by its footer, before any group is decompressed."""
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        if group.total_byte_size > LARGEST_GROUP_BYTES:
            raise Refused("row-group", f"{path.name}: row group {number} unpacks to more than 2 GiB")
        packed = sum(group.column(i).total_compressed_size for i in range(group.num_columns))
        if group.total_byte_size > max(EXPANSION_FROM_BYTES, MOST_EXPANSION * packed):
            raise _refuse_expansion(path)


def _refuse_expansion(path: Path) -> Refused:
    return Refused(
        "expansion",
        f"{path.name} unpacks to more than {MOST_EXPANSION} times its size; if it is a table, write it "
        "again with fewer repeated values",
    )
