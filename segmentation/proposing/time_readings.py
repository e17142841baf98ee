"""Which formats read a column's times: every candidate is tried on every value, as a run would read it.

Patterns are derived in segmentation/proposing/time_formats.py. Which column is the event's time is decided in
segmentation/proposing/event_columns.py.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.sources import Csv
from config.time_formats import ISO
from segmentation.errors import Refused
from segmentation.proposing.time_formats import DayOrder, TimeFormat, derive_formats, make_time_column
from segmentation.rows.casting.text_columns import Dialect, cast_column

MOST_FORMATS = 12  # tried on one column; texts in more forms than this are not times
MOST_FORMS = 64
LONGEST_TIME = 40
_OFFSET = r"^.{8}.*?(?P<offset>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)\]?$"
NEARLY_ALL = 0.95  # share of a column's values that must be times, or numbers, to treat it as such
# Of neighbouring rows: how many must ascend, or descend, to say that a table is sorted by its time.
SORTED = 0.98


class TimeReading(NamedTuple):
    """What one format reads of a column. `first` and `last` are local times as ISO text."""

    format: TimeFormat
    matches: int
    first: str
    last: str
    ascents: int  # pairs of neighbouring rows, within a batch, of which the second is later
    descents: int
    offsets: frozenset[tuple[str, str]]  # offset from UTC as written, and the month it was written in

    @property
    def sortedness(self) -> float:
        """Share of changes between neighbouring rows that go the same way. 1 for a sorted column."""
        changes = self.ascents + self.descents
        return max(self.ascents, self.descents) / changes if changes else 0.0


class ColumnTimes(NamedTuple):
    """The formats to declare for a column of times, and what they read together."""

    patterns: tuple[str, ...]
    matches: int
    first: str
    last: str
    order: DayOrder
    is_ambiguous: bool  # both orders of day and month read every value
    offsets: frozenset[tuple[str, str]]

    @property
    def label(self) -> str:
        """How the times are written: `ISO 8601` or the patterns."""
        return " or ".join("ISO 8601" if pattern == ISO else pattern for pattern in self.patterns)


Readings = Mapping[str, TimeReading]


def read_times(values: pa.ChunkedArray, csv: Csv) -> dict[str, TimeReading]:
    """The readings of one batch by every format that its texts suggest, by pattern. Texts are not empty."""
    if not len(values) or (pc.max(pc.utf8_length(values)).as_py() or 0) > LONGEST_TIME:
        return {}
    return read_formats(values, _derive_formats(values), csv)


def read_formats(values: pa.ChunkedArray, formats: Iterable[TimeFormat], csv: Csv) -> dict[str, TimeReading]:
    """The readings of one batch by these formats, without those that read nothing."""
    readings = {}
    for time_format in formats:
        reading = _read_format(values, time_format, csv)
        if reading is not None:
            readings[time_format.pattern] = reading
    return readings


def list_forms(values: pa.ChunkedArray) -> frozenset[str]:
    """The forms of texts with digits as 9 and letters as a: `99/99/9999`. At most MOST_FORMS of them."""
    forms = pc.replace_substring_regex(_replace_digits(values), r"\pL", "a").unique().to_pylist()
    return frozenset(sorted(forms)[:MOST_FORMS])


def _replace_digits(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.replace_substring_regex(values, r"\d", "9")


def _derive_formats(values: pa.ChunkedArray) -> list[TimeFormat]:
    """The formats of a batch: ISO 8601, and what the form of its texts suggests."""
    texts = values.unique()
    # Month names stay, because only they distinguish %b from %B.
    forms = _replace_digits(texts).unique().to_pylist()
    if len(forms) > MOST_FORMS * 8:
        return []
    # 1s instead of 9s, because a form must be readable, and a month 99 is not.
    formats = dict.fromkeys(
        time_format for form in sorted(forms) for time_format in derive_formats(form.replace("9", "1"))
    )
    return [TimeFormat(ISO), *list(formats)[:MOST_FORMATS]] if formats else []


def _read_format(values: pa.ChunkedArray, time_format: TimeFormat, csv: Csv) -> TimeReading | None:
    column = make_time_column(time_format.pattern)
    if column is None:
        return None
    try:
        stamps = cast_column("", values, column, Dialect(csv)).values
    except Refused:
        return None  # the file's type can never become a time
    valid = stamps.filter(pc.is_valid(stamps))
    if not len(valid):
        return None
    # Arrow writes fractions after the seconds.
    ends = pc.min_max(pc.utf8_slice_codeunits(pc.strftime(valid, "%Y-%m-%d %H:%M:%S"), 0, 19)).as_py()
    steps = np.diff(valid.to_numpy().astype(np.int64))
    return TimeReading(
        format=time_format,
        matches=len(valid),
        first=ends["min"],
        last=ends["max"],
        ascents=int((steps > 0).sum()),
        descents=int((steps < 0).sum()),
        offsets=_list_offsets(values.filter(pc.is_valid(stamps)), valid),
    )


def _list_offsets(texts: pa.ChunkedArray, stamps: pa.ChunkedArray) -> frozenset[tuple[str, str]]:
    if not pa.types.is_string(texts.type):
        return frozenset()
    offsets = pc.struct_field(pc.extract_regex(texts, _OFFSET), "offset")
    is_zoned = pc.fill_null(pc.not_equal(offsets, ""), False)
    if not pc.any(is_zoned).as_py():
        return frozenset()
    months = pc.strftime(stamps.filter(is_zoned), "%Y-%m")
    pairs = pa.table([offsets.filter(is_zoned), months], names=["offset", "month"])
    distinct = pairs.group_by(["offset", "month"]).aggregate([]).to_pydict()
    return frozenset(zip(distinct["offset"], distinct["month"], strict=True))


def merge_readings(a: Readings, b: Readings) -> dict[str, TimeReading]:
    """The readings of two batches of one column together."""
    merged = dict(a)
    for pattern, reading in b.items():
        merged[pattern] = _merge(merged[pattern], reading) if pattern in merged else reading
    return merged


def _merge(a: TimeReading, b: TimeReading) -> TimeReading:
    return TimeReading(
        format=a.format,
        matches=a.matches + b.matches,
        first=min(a.first, b.first),
        last=max(a.last, b.last),
        ascents=a.ascents + b.ascents,
        descents=a.descents + b.descents,
        offsets=a.offsets | b.offsets,
    )


def choose_times(readings: Readings, present: int, preferred: DayOrder = "") -> ColumnTimes | None:
    """The formats that read the most values, in one order of day and month. None if nothing reads a value.

    A day above 12 decides the order. Without one, the order is `preferred`, else the one in which the
    table is sorted by this time.
    """
    orders: tuple[DayOrder, ...] = ("day first", "month first")
    choices = {order: _combine(readings, order, present) for order in orders}
    day, month = choices["day first"], choices["month first"]
    if day is None or month is None:
        return day or month
    if day.matches != month.matches:
        return max(day, month, key=lambda times: times.matches)
    if day.patterns == month.patterns:
        return day._replace(order="")
    if preferred:
        return choices[preferred]
    is_sorted = [_is_sorted(readings, choice) for choice in (day, month)]
    if is_sorted[0] != is_sorted[1]:
        return day if is_sorted[0] else month
    return day._replace(is_ambiguous=True)


def _combine(readings: Readings, order: DayOrder, present: int) -> ColumnTimes | None:
    """The fewest formats of one order that read every value that any of them reads."""
    fitting = [reading for reading in readings.values() if reading.format.order in ("", order)]
    # ISO 8601 first among equals, then patterns by name, so that the choice does not depend on batches.
    fitting.sort(
        key=lambda reading: (-reading.matches, reading.format.pattern != ISO, reading.format.pattern)
    )
    if not fitting:
        return None
    selected = [fitting[0]]
    for reading in fitting[1:]:
        # Formats of different forms read different values, so their counts add up.
        if sum(member.matches for member in selected) + reading.matches <= present:
            selected.append(reading)
    return ColumnTimes(
        patterns=tuple(reading.format.pattern for reading in selected),
        matches=min(present, sum(reading.matches for reading in selected)),
        first=min(reading.first for reading in selected),
        last=max(reading.last for reading in selected),
        order=order if any(reading.format.order for reading in selected) else "",
        is_ambiguous=False,
        offsets=frozenset().union(*(reading.offsets for reading in selected)),
    )


def _is_sorted(readings: Readings, times: ColumnTimes) -> bool:
    reading = readings[times.patterns[0]]
    return reading.ascents + reading.descents >= 5 and reading.sortedness >= SORTED


def describe_form(form: str) -> str:
    """A form as it may appear in a message: at most 30 characters.

    >>> describe_form("99/99/9999")
    "'99/99/9999'"
    """
    return repr(re.sub(r"[^\x20-\x7e]", "?", form)[:30])
