"""How long the texts of a Parquet file's dictionaries are, so that batches of them fit into memory.

Every row may refer to one long text: a kilobyte of file then unpacks to gigabytes. Reading rows is in
parquet_reading.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# What the texts of one column may take in a batch.
BATCH_BYTES = 128 << 20
# Dictionaries of many short texts, such as ids, are not read twice: that would cost as much as the rows.
_SHORT, _ROWS_PER_TEXT = 64, 16
_HEADER_BYTES = 64
_I32, _STRUCT = 5, 12
_UNCOMPRESSED_SIZE, _DICTIONARY_HEADER = 2, 7


class _Dictionary(NamedTuple):
    """A dictionary page, by its header: its size, and how many texts it has."""

    size: int
    texts: int


def choose_batch_rows(
    path: Path, metadata: pq.FileMetaData, columns: Sequence[str], most: int
) -> Iterator[int]:
    """For each group of rows, how many can be read at once, at most `most`."""
    for number in range(metadata.num_row_groups):
        texts = _list_suspects(path, metadata.row_group(number), columns, most)
        if not texts:
            yield most
            continue
        # Read as dictionaries: the first row brings all of a column's texts, each one once.
        file = pq.ParquetFile(path, metadata=metadata, read_dictionary=texts, pre_buffer=False)
        first = next(file.iter_batches(1, row_groups=[number], columns=texts, use_threads=False), None)
        longest = 1 if first is None else max(_measure_longest(column) for column in first.columns)
        yield max(1, min(most, BATCH_BYTES // longest))


def _list_suspects(path: Path, group: pq.RowGroupMetaData, columns: Sequence[str], most: int) -> list[str]:
    """The columns of a group whose dictionaries may unpack to more than a batch should hold."""
    rows = min(group.num_rows, most)
    chunks = [group.column(i) for i in range(group.num_columns)]
    return [
        chunk.path_in_schema
        for chunk in chunks
        if chunk.path_in_schema in columns
        and chunk.physical_type == "BYTE_ARRAY"
        and chunk.has_dictionary_page
        and rows * chunk.total_uncompressed_size > BATCH_BYTES
        and not _has_short_texts(path, chunk)
    ]


def _has_short_texts(path: Path, chunk: pq.ColumnChunkMetaData) -> bool:
    statistics = chunk.statistics
    # Arrow writes no extremes that are longer than 4 KiB.
    if statistics is None or not statistics.has_min_max:
        return False
    if max(len(str(statistics.min)), len(str(statistics.max))) > _SHORT:
        return False
    with path.open("rb") as file:
        file.seek(chunk.dictionary_page_offset or 0)
        dictionary = _parse_header(file.read(_HEADER_BYTES))
    if dictionary is None:
        return False
    is_large = dictionary.texts * _ROWS_PER_TEXT > chunk.num_values
    return is_large and dictionary.size <= dictionary.texts * _SHORT


def _parse_header(header: bytes) -> _Dictionary | None:
    """The header of a dictionary page, in Thrift's compact protocol; None if it is something else.

    https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift: PageHeader
    """
    place, field, size = 0, 0, None
    while place < len(header):
        kind, field, place = header[place] & 15, field + (header[place] >> 4), place + 1
        if kind == _STRUCT and field == _DICTIONARY_HEADER and size is not None:
            # Its first field is the number of values.
            texts, _ = _parse_int(header, place + 1)
            return _Dictionary(size, texts) if header[place : place + 1] == b"\x15" else None
        if kind != _I32:
            return None
        value, place = _parse_int(header, place)
        size = value if field == _UNCOMPRESSED_SIZE else size
    return None


def _parse_int(header: bytes, place: int) -> tuple[int, int]:
    """A zigzag varint, and the place behind it."""
    value, shift = 0, 0
    while place < len(header):
        byte, place = header[place], place + 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return (value >> 1) ^ -(value & 1), place


def _measure_longest(column: pa.Array) -> int:
    """The bytes of the longest text of a column's dictionary, at least 1."""
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    return int(pc.max(pc.binary_length(texts)).as_py() or 1)


def count_bytes(column: pa.Array) -> int:
    """The bytes of a column with the texts of dictionaries in place."""
    if not pa.types.is_dictionary(column.type) or not pa.types.is_string(column.type.value_type):
        return int(column.nbytes)
    lengths = pc.binary_length(column.dictionary).cast(pa.int64())
    return int(pc.sum(lengths.take(column.indices)).as_py() or 0)
