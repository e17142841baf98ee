"""The rows of one batch counted by day and by file: all, refused by the contract, without an id, misdated.

Batches are counted as they are judged, in judged_batches.py, and added up in source_counts.py.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.definition import Definition
from schemas.contract import FIRST_YEAR, LAST_YEAR
from segmentation.sources.dated_names import span_in_name

# The day of a row whose time is missing or unreadable.
NO_DAY = np.iinfo(np.int32).min
SMALLEST_REFUSED = 5  # refused rows: fewer say nothing about a day or a file
ROWS, REFUSED, WITHOUT_ID, MISDATED = range(4)  # columns of counts
EPOCH = date(1970, 1, 1)

Kind = Literal["day", "file"]
DaySpan = tuple[date, date]  # [first, end)


def to_ordinal(day: date) -> int:
    """Days since 1970, as Arrow counts them."""
    return (day - EPOCH).days


FIRST_CREDIBLE, END_CREDIBLE = to_ordinal(date(FIRST_YEAR, 1, 1)), to_ordinal(date(LAST_YEAR + 1, 1, 1))
_ALL_DAYS = (FIRST_CREDIBLE, END_CREDIBLE)


def compute_event_days(stamps: pa.ChunkedArray) -> np.ndarray:
    """The local day of each time in days since 1970, int32 (n,). NO_DAY without a credible time."""
    days: np.ndarray = pc.fill_null(stamps.cast(pa.date32()).cast(pa.int32()), NO_DAY).to_numpy()
    is_credible = (days >= FIRST_CREDIBLE) & (days < END_CREDIBLE)
    return days if is_credible.all() else np.where(is_credible, days, np.int32(NO_DAY))


def detect_outside(days: np.ndarray, window: DaySpan) -> np.ndarray | None:
    """Which days are before or after the window [first, end): bool (n,), or None if all are inside.

    A row without a day is not outside: the contract refuses it.
    """
    outside = ((days < to_ordinal(window[0])) | (days >= to_ordinal(window[1]))) & (days != NO_DAY)
    return outside if outside.any() else None


class BatchRows(NamedTuple):
    """The rows of a batch as read, before any is dropped, and which of them are refused.

    `files` int64 (b,) numbers the file of each piece of the batch; `piece_of_row` int64 (n,); `days` int32
    (n,) or None without times; `refused` int64 (r,) are positions, `reasons` (r,) their primary reasons.
    """

    files: np.ndarray
    piece_of_row: np.ndarray
    days: np.ndarray | None
    refused: np.ndarray
    reasons: pa.Array


class RowCounts(NamedTuple):
    """Counts of one batch: int64 (d, 4) of the days from `first_day`, int64 (b, 4) of the pieces' files."""

    files: np.ndarray
    by_file: np.ndarray
    first_day: int
    by_day: np.ndarray
    reasons: Counter[tuple[Kind, int, str]]


class CountRules(NamedTuple):
    """What rows are counted by: reasons that are the user's filter, reasons of a missing id, and days.

    `covers` int64 (f, 2) has the first day that each file's name says, and the end after the last one.
    `margins` are days before and after these that the file may also hold.
    """

    filters: pa.Array
    without_id: pa.Array
    window: tuple[int, int] | None
    covers: np.ndarray | None
    margins: tuple[int, int] = (0, 0)
    totals: str = ""  # the reason of rows that add up the others

    @property
    def no_loss(self) -> list[str]:
        """Reasons of rows that no customer misses: the user's filter, missing ids, and totals of the file."""
        return [*self.filters.to_pylist(), *self.without_id.to_pylist(), self.totals]


def make_count_rules(definition: Definition, window: DaySpan | None, names: Sequence[str]) -> CountRules:
    """The rules for the rows of these files. A name without a date covers every day."""
    rows, source = definition.rows, definition.source
    filters = pa.array(sorted({rule.reason for rule in rows.where}), pa.string())
    without_id = [] if rows.id is None else [f"{rows.id}: missing", f"{rows.id}: blank id"]
    days = None if window is None else (to_ordinal(window[0]), to_ordinal(window[1]))
    pattern = source.date_in_name
    covers = None
    if pattern is not None and rows.time is not None:
        spans = [span_in_name(name, pattern) for name in names]
        bounds = [(to_ordinal(span.first), to_ordinal(span.end)) if span else _ALL_DAYS for span in spans]
        covers = np.array(bounds, np.int64).reshape(-1, 2)
    margins = (source.days_before, source.days_after)
    return CountRules(
        filters, pa.array(without_id, pa.string()), days, covers, margins, f"{rows.id}: totals row"
    )


class CountedPieces(NamedTuple):
    """The pieces that were judged together: their files, the piece of each row, and malformed lines."""

    files: np.ndarray
    piece_of_row: np.ndarray
    malformed: Sequence[pa.Table]


def count_pieces(
    pieces: CountedPieces, days: np.ndarray | None, refused: pa.Table, rules: CountRules
) -> RowCounts:
    """Count the rows of several pieces, and their malformed lines, which have no day of their own.

    `refused` is quarantine before its rows are numbered in the source: source_row is the position.
    """
    piece_of_row, positions = pieces.piece_of_row, refused["source_row"].to_numpy()
    reasons = refused["reason"]
    if lines := sum(table.num_rows for table in pieces.malformed):
        positions = np.concatenate([positions, np.arange(len(piece_of_row), len(piece_of_row) + lines)])
        sizes = [table.num_rows for table in pieces.malformed]
        piece_of_row = np.concatenate([piece_of_row, np.repeat(np.arange(len(sizes)), sizes)])
        reasons = pa.chunked_array(
            [*reasons.chunks, *(c for t in pieces.malformed for c in t["reason"].chunks)]
        )
        if days is not None:
            days = np.concatenate([days, np.full(lines, NO_DAY, np.int32)])
    batch = BatchRows(pieces.files, piece_of_row, days, positions, reasons.combine_chunks())
    return count_rows(batch, rules)


def count_rows(batch: BatchRows, rules: CountRules) -> RowCounts:
    """Count one batch by file and by day."""
    pieces = len(batch.files)
    by_file = np.zeros((pieces, 4), np.int64)
    by_file[:, ROWS] = np.bincount(batch.piece_of_row, minlength=pieces)
    days = batch.days
    if days is not None and rules.covers is not None:
        first, end = (rules.covers[batch.files] + [-rules.margins[0], rules.margins[1]]).T
        is_misdated = (days < first[batch.piece_of_row]) | (days >= end[batch.piece_of_row])
        is_misdated &= days != NO_DAY
        by_file[:, MISDATED] = np.bincount(batch.piece_of_row[is_misdated], minlength=pieces)
    if days is not None:
        days = _fill_days(days, batch, rules.covers)
    counts = [_KeyedCounts("file", 0, by_file, batch.piece_of_row, batch.files)]
    if days is not None and rules.window is not None:
        counts.append(_count_days(days, rules.window))
    reasons = Counter[tuple[Kind, int, str]]()
    if len(batch.refused):
        for keyed in counts:
            reasons += _count_refused(keyed, batch, rules)
    first_day, by_day = (counts[1].first, counts[1].counts) if len(counts) > 1 else (0, by_file[:0])
    return RowCounts(batch.files, by_file, first_day, by_day, reasons)


class _KeyedCounts(NamedTuple):
    """Counts by key, int64 (k, 4), and the key of each row, int64 (n,), -1 for none."""

    kind: Kind
    first: int
    counts: np.ndarray
    key_of_row: np.ndarray
    names: np.ndarray


def _fill_days(days: np.ndarray, batch: BatchRows, covers: np.ndarray | None) -> np.ndarray:
    """The days, with estimates for rows without one: the file's day, or days that its rows leave out."""
    is_lost = days == NO_DAY
    if not is_lost.any():
        return days
    filled = days.copy()
    # The name of a file of one day says it. Files of a month only show gaps.
    file_of_row = batch.files[batch.piece_of_row]
    if covers is not None:
        first, end = covers[file_of_row[is_lost]].T
        filled[is_lost] = np.where(end - 1 == first, first, NO_DAY)
    _bridge_gaps(filled, file_of_row)
    return filled


def _bridge_gaps(days: np.ndarray, file_of_row: np.ndarray) -> None:
    """Spread a run of rows without a day over the days that are missing around it, in place.

    In a file sorted by time, days whose times cannot be read leave such a gap.
    """
    edges = np.flatnonzero(np.diff((days == NO_DAY).astype(np.int8), prepend=0, append=0))
    for start, end in edges.reshape(-1, 2).tolist():
        if end - start < SMALLEST_REFUSED or start == 0 or end == len(days):
            continue
        missing = int(days[end]) - int(days[start - 1]) - 1
        if missing > 0 and len(np.unique(file_of_row[start - 1 : end + 1])) == 1:
            days[start:end] = days[start - 1] + 1 + np.arange(end - start) * missing // (end - start)


def _count_days(days: np.ndarray, window: tuple[int, int]) -> _KeyedCounts:
    inside = (days >= window[0]) & (days < window[1])
    inside_days = days if (is_whole := bool(inside.all())) else days[inside]
    if not len(inside_days):
        empty = np.zeros((0, 4), np.int64)
        return _KeyedCounts("day", 0, empty, np.full(len(days), -1), np.empty(0, np.int64))
    # Relative to the batch's own days: a window may have thousands of them.
    first, count = int(inside_days.min()), int(inside_days.max()) - int(inside_days.min()) + 1
    by_day = np.zeros((count, 4), np.int64)
    by_day[:, ROWS] = np.bincount(inside_days - first, minlength=count)
    key_of_row = days - first if is_whole else np.where(inside, days - np.int32(first), -1)
    return _KeyedCounts("day", first, by_day, key_of_row, np.arange(first, first + count))


def _count_refused(
    keyed: _KeyedCounts, batch: BatchRows, rules: CountRules
) -> Counter[tuple[Kind, int, str]]:
    """Add refused rows to the counts, and return their reasons by key. Filtered rows leave the counts."""
    key = keyed.key_of_row[batch.refused]
    is_filtered = pc.is_in(batch.reasons, rules.filters).to_numpy(zero_copy_only=False)
    is_without_id = pc.is_in(batch.reasons, rules.without_id).to_numpy(zero_copy_only=False)
    size = len(keyed.counts)
    is_known = key >= 0
    keyed.counts[:, ROWS] -= np.bincount(key[is_known & is_filtered], minlength=size)
    is_refused = is_known & ~is_filtered
    keyed.counts[:, REFUSED] += np.bincount(key[is_refused], minlength=size)
    keyed.counts[:, WITHOUT_ID] += np.bincount(key[is_refused & is_without_id], minlength=size)
    words = batch.reasons.dictionary_encode()
    codes = words.indices.to_numpy()[is_refused]
    pairs, counts = np.unique(key[is_refused] * len(words.dictionary) + codes, return_counts=True)
    names = words.dictionary.to_pylist()
    return Counter(
        {
            (keyed.kind, int(keyed.names[pair // len(names)]), names[pair % len(names)]): int(count)
            for pair, count in zip(pairs, counts, strict=True)
        }
    )
