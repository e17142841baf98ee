"""Sketches of rows: hashes of a sample of the rows of each file, by which repeated rows are recognised.

A row is in the sample for its customer and time alone, so that equal rows are in the sketches of all files
that hold them. What repeated rows mean is decided in deliveries.py. Hashes that decide
which customers are sampled are in segmentation/keys.py.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows
from segmentation.keys import mix
from segmentation.sources.content import SourceFile

SKETCHED_ROWS = 1 << 16  # of the whole source: 1 MB of hashes
_PIECE = 1 << 14  # rows hashed at a time: they stay in the processor's cache, which is twice as fast
_PLACE = ("source_file", "source_row")
_CSV_ROW, _PACKED_ROW = 40, 8  # bytes of a short row, as text and in a file that is compressed
_HIGH = np.uint64(0xFFFFFFFF00000000)
_ODD = np.uint64(0x9E3779B97F4A7C15)
_NULL = np.uint64(0xD6E8FEB86659FD93)
# Rows are the same if a format cut their values: numbers to float32, times to seconds. Nearly the same are
# amounts within 1 %, and times of one day. Numbers are cut to bits of a float64, whose fraction has 52.
_SAME_BITS, _NEAR_BITS = 17, 7
_SECOND, _DAY = 1_000_000, 86_400_000_000  # microseconds
_ROUND_BITS = 0.3819660112501051  # of a step: where few amounts of people are
_STATUS = re.compile(
    r"(?<![a-z])(status|state|deleted|version|zustand|etat|état|estado)(?![a-z])", re.IGNORECASE
)
# The bytes of a word that belong to a text with 0 to 8 bytes left.
_LEFT = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)


class Sketch(NamedTuple):
    """The sampled rows of a batch: their hashes, uint64 (m,), and files, int32 (m,).

    A hash begins with 32 bits by which the row was sampled. `present` are the files with a row, int64 (f,).
    `versions`, uint64 (m,), are hashes without the columns that change while an event stays the same;
    those of `near`, uint64 (m,), agree for rows that are nearly the same.
    """

    hashes: np.ndarray
    files: np.ndarray
    present: np.ndarray
    versions: np.ndarray
    near: np.ndarray
    share: float  # of the rows in the sample

    def shift(self, files: int) -> "Sketch":
        """The sketch with this added to the numbers of its files."""
        return self._replace(files=self.files + np.int32(files), present=self.present + files)

    def sample(self, share: float) -> "Sketch":
        """The sketch as if it had been of a smaller share of the rows, or the same one."""
        if share == self.share:
            return self
        is_sampled = _detect_sampled(self.hashes, share)
        hashes, files, versions, near = (
            values[is_sampled] for values in (self.hashes, self.files, self.versions, self.near)
        )
        return Sketch(hashes, files, self.present, versions, near, share)


def choose_share(files: Sequence[SourceFile]) -> float:
    """The share of rows to sketch, so that about SKETCHED_ROWS are sketched, judging by the files' sizes."""
    sizes = [
        file.input.size / (_CSV_ROW if file.path.suffix.lower() == ".csv" else _PACKED_ROW) for file in files
    ]
    return min(1.0, SKETCHED_ROWS / max(1.0, sum(sizes)))


def sketch_rows(good: pa.Table, rows: Rows, share: float) -> Sketch:
    """The sketch of good rows with their files. `share` is that of the rows in the sample, above 0 to 1."""
    files = good["source_file"].to_numpy()
    first = int(files.min(initial=0))
    present = np.flatnonzero(np.bincount(files - first)) + first if len(files) else np.empty(0, np.int64)
    # Without an id, customers are numbered, so that equal rows have different ids.
    good = good.drop_columns([*_PLACE, *(["customer_id"] if rows.id is None else [])])
    marks = _by_piece(good, partial(_mark_rows, rows=rows))
    if share < 1:
        # Only rows of the sample are hashed whole: it costs six times as much.
        positions = np.flatnonzero(_detect_sampled(marks, share))
        good, marks, files = good.take(pa.array(positions)), marks[positions], files[positions]
    hashes = (marks & _HIGH) | (_by_piece(good, hash_table) >> np.uint64(32))
    volatile = [name for name in list_volatile_columns(rows) if name in good.column_names]
    versions = _by_piece(good.drop_columns(volatile), hash_table) if volatile else hashes
    near = _by_piece(good, partial(hash_table, is_near=True))
    return Sketch(hashes, files, present, versions, near, share)


def _detect_sampled(marks: np.ndarray, share: float) -> np.ndarray:
    """Which marks are in a sample of this share, bool (n,): by the 32 bits that hashes keep of them."""
    return (marks & _HIGH) <= np.uint64(share * 2.0**64) if share < 1 else np.ones(len(marks), bool)


def list_volatile_columns(rows: Rows) -> list[str]:
    """The columns that a new version of an event changes: its status, and times other than the event's."""
    return [
        name
        for name, column in rows.columns.items()
        if name not in (rows.id, rows.time)
        and (column.type == "timestamp" or (column.type not in ("int", "float") and _STATUS.search(name)))
    ]


def _by_piece(table: pa.Table, compute: Callable[[pa.Table], np.ndarray]) -> np.ndarray:
    """Hashes of rows, uint64 (n,), computed piece by piece."""
    pieces = [compute(table.slice(start, _PIECE)) for start in range(0, table.num_rows, _PIECE)]
    return np.concatenate(pieces) if pieces else np.empty(0, np.uint64)


def _mark_rows(good: pa.Table, rows: Rows) -> np.ndarray:
    """The hash by which rows are sampled: of the id and the time, uint64 (n,); without an id, of all."""
    if rows.id is None:
        return hash_table(good)
    marks = _last_words(good["customer_id"].combine_chunks()) * _ODD
    if rows.time is not None:
        marks ^= good[rows.time].to_numpy().view(np.uint64) // np.uint64(_SECOND)
    # In place, and less than mix() does: every row of the source pays for this.
    marks *= _ODD
    marks ^= marks >> np.uint64(32)
    marks *= _ODD
    return marks


def hash_table(table: pa.Table, is_near: bool = False) -> np.ndarray:
    """A hash of each row of typed columns: uint64 (n,). Nulls have a hash of their own."""
    keys = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        values = column.combine_chunks()
        words = hash_words(values) if pa.types.is_string(values.type) else _number_words(values, is_near)
        if values.null_count:
            words = np.where(values.is_null().to_numpy(zero_copy_only=False), _NULL, words)
        # Mixed after every column, as in segmentation/keys.py.
        keys = mix(keys ^ words)
    return keys


def _number_words(values: pa.Array, is_near: bool) -> np.ndarray:
    """Numbers, times and truth values as words: uint64 (n,). -0.0 and 0.0 are the same."""
    if pa.types.is_floating(values.type):
        floats: np.ndarray = pc.fill_null(values, 0.0).to_numpy() + 0.0
        cut = 52 - (_NEAR_BITS if is_near else _SAME_BITS)
        return (floats.view(np.uint64) + np.uint64(int(_ROUND_BITS * 2**cut))) >> np.uint64(cut)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    is_time = pa.types.is_timestamp(values.type)
    numbers: np.ndarray = pc.fill_null(values.cast(pa.int64()), 0).to_numpy()
    if is_time:
        numbers = numbers // (_DAY if is_near else _SECOND)
    return numbers.view(np.uint64)


class _Octets(NamedTuple):
    """Texts by their UTF-8 bytes: the word of 8 bytes that begins at each byte, starts and lengths (n,)."""

    words: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


def _to_octets(texts: pa.StringArray) -> _Octets:
    _, ends, data = texts.buffers()
    offsets = np.frombuffer(ends, np.int32, len(texts) + 1, texts.offset * 4).astype(np.int64)
    first, last = int(offsets[0]), int(offsets[-1])
    # Padded on both sides, because the first and the last text may be shorter than a word.
    octets = np.zeros(last - first + 16, np.uint8)
    if last > first:
        octets[8:-8] = np.frombuffer(data, np.uint8, last - first, first)
    words = np.ndarray(len(octets) - 7, "<u8", octets, strides=(1,))
    return _Octets(words, offsets[:-1] - first + 8, np.diff(offsets))


def hash_words(texts: pa.StringArray) -> np.ndarray:
    """A hash of each text's UTF-8 bytes, 8 bytes at a time: uint64 (n,). Of a null, any value.

    >>> keys = hash_words(pa.array(["a", "b", "a"]))
    >>> bool(keys[0] == keys[2]), bool(keys[0] == keys[1])
    (True, False)
    """
    words, starts, lengths = _to_octets(texts)
    keys = lengths.astype(np.uint64)
    for position in range(0, int(lengths.max(initial=0)), 8):
        longer = np.flatnonzero(lengths > position)
        left = _LEFT[np.minimum(lengths[longer] - position, 8)]
        keys[longer] = mix(keys[longer] ^ (words[starts[longer] + position] & left))
    return keys


def _last_words(texts: pa.StringArray) -> np.ndarray:
    """The last 8 bytes of each text, where ids differ most: uint64 (n,)."""
    words, starts, lengths = _to_octets(texts)
    last: np.ndarray = words[starts + (lengths - 8)]
    if len(lengths) and (least := int(lengths.min())) < 8:
        # Little-endian: a shorter text's bytes are the high ones of the word that ends with it.
        foreign = 8 * (8 - np.minimum(lengths, 8)).astype(np.uint64)
        last = np.where(lengths > 0, last >> (foreign % np.uint64(64)), 0) if least == 0 else last >> foreign
    return last
