"""Reading times: texts in declared forms, epochs and a file's own timestamps, as local times.

The forms themselves are in config/time_formats.py. Times with an offset, in a form that names UTC, and epochs
are converted to the definition's zone. Others are local already and stay as they are written, also where
daylight saving time skips or repeats an hour.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from config.time_formats import EPOCHS, ISO, TimeForm, compile_form
from segmentation.rows.casting.time_parts import (
    DAY,
    compute_clock,
    compute_days,
    compute_offset,
    extract_parts,
)

MICROSECONDS = pa.timestamp("us")
# Years 1 to 9999, the only ones that Python's dates and the outputs can hold.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
_PLAIN_LOCAL = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?$"
_PLAIN = re.compile(_PLAIN_LOCAL[:-1] + r"(?P<offset>Z|[+-]\d{2}:?\d{2})?$")
# One bad value costs its slice the fast path, and not the whole batch.
_SLICE_ROWS = 8192
_UNREAD_FORMS = {
    r"^\d{1,2}[/.-]\d{1,2}[/.-](\d{4}|\d{2})\b": "a day such as 31/12/2024",
    r"(?i)^\d.*\d\s*[ap]\.?m\.?$": "a time with AM or PM",
    r"(?i)^(\d{1,2}|[a-z]{3,9})[ .,/-]+([a-z]{3,9}|\d{1,2})[ .,/-]+\d{2,4}\b": "a date with a month's name",
    r"^\d{10}(\.\d+)?$": "epoch seconds",
    r"^\d{13}$": "epoch milliseconds",
    r"^\d{16}$": "epoch microseconds",
}


class Times(NamedTuple):
    """Times of a column: microseconds of local time since 1970, int64 (n,), and two masks, bool (n,).

    `is_read` is False where a value is missing or unreadable; `is_cut` where digits beyond microseconds
    were cut.
    """

    micros: np.ndarray
    is_read: np.ndarray
    is_cut: np.ndarray

    def to_arrow(self) -> pa.ChunkedArray:
        """The times as Arrow timestamps, null where unread."""
        stamps = self.micros.view("datetime64[us]")
        return pa.chunked_array([pa.array(stamps, MICROSECONDS, mask=~self.is_read)])


def parse_times(texts: pa.ChunkedArray, formats: Sequence[str], timezone: str) -> Times:
    """Read texts, each in the first of the formats that fits it. Blanks around a text mean nothing."""
    forms = [form for text_format in formats for form in compile_form(text_format)]
    whole = texts.combine_chunks()
    times = _read_nothing(len(whole))
    if formats[0] == ISO:
        starts = range(0, len(whole), _SLICE_ROWS)
        times = _join([_read_plain(whole.slice(start, _SLICE_ROWS), timezone) for start in starts])
    times = _read_rest(times, whole, forms, timezone)
    # Year 0, and offsets that lead out of the years that exist: the contract refuses such years anyway.
    return times._replace(micros=np.clip(times.micros, _FIRST, _LAST))


def convert_epochs(numbers: pa.ChunkedArray, text_format: str, timezone: str) -> Times:
    """Read whole or floating-point numbers that count since 1970-01-01 00:00 UTC."""
    unit = EPOCHS[text_format]
    is_float = pa.types.is_floating(numbers.type)
    counts = pc.fill_null(numbers, 0).to_numpy()
    counts = counts.astype(np.float64 if is_float else counts.dtype)
    is_read = pc.is_valid(numbers).to_numpy() & (counts >= _FIRST // unit) & (counts <= _LAST // unit)
    counts = np.where(is_read, counts, 0)
    # Rounded, because the product may be a fraction below its microsecond.
    micros = np.rint(counts * unit) if is_float else counts.astype(np.int64) * unit
    local = _to_local(micros.astype(np.int64), timezone)
    return Times(local, is_read, np.zeros(len(local), bool))


def convert_stamps(stamps: pa.ChunkedArray, timezone: str) -> Times:
    """A file's dates or timestamps of any unit. Those with a zone are instants, whatever the zone is."""
    kind = stamps.type
    is_stamp = pa.types.is_timestamp(kind)
    whole = pc.cast(stamps, pa.int64()) if is_stamp or pa.types.is_date64(kind) else stamps.cast(pa.int32())
    counts = pc.fill_null(whole, 0).to_numpy().astype(np.int64)
    is_cut = np.zeros(len(counts), bool)
    if is_stamp and kind.unit == "ns":
        # Rounded down, like the text of the same time whose digits are cut.
        unit, nanos, counts = 1, counts, counts // 1000
        is_cut = counts * 1000 != nanos
    else:
        unit = _UNITS[kind.unit] if is_stamp else 1_000 if pa.types.is_date64(kind) else DAY
    is_read = pc.is_valid(stamps).to_numpy() & (counts >= _FIRST // unit) & (counts <= _LAST // unit)
    micros = counts if is_read.all() else np.where(is_read, counts, 0)
    micros = micros if unit == 1 else micros * unit
    is_zoned = is_stamp and kind.tz is not None
    return Times(_to_local(micros, timezone) if is_zoned else micros, is_read, is_cut & is_read)


def has_only_years(stamps: pa.ChunkedArray) -> bool:
    """Are all of these microseconds within the years 1 to 9999?"""
    ends = pc.min_max(stamps.cast(pa.int64())).as_py()
    return ends["min"] is None or bool(ends["min"] >= _FIRST and ends["max"] <= _LAST)


def list_unread_forms(texts: pa.ChunkedArray) -> dict[str, np.ndarray]:
    """Which unreadable texts look like times in a form that can be declared: bool (n,) by kind of form."""
    masks = {}
    unseen = np.ones(len(texts), bool)
    for regex, kind in _UNREAD_FORMS.items():
        mask = pc.fill_null(pc.match_substring_regex(texts, regex), False).to_numpy() & unseen
        unseen &= ~mask
        if mask.any():
            masks[kind] = mask
    return masks


def _read_plain(texts: pa.Array, timezone: str) -> Times:
    """Plain ISO 8601 by Arrow, which is many times faster than a regular expression. The rest is unread."""
    first = pc.first(texts).as_py()
    if first is None or not (match := _PLAIN.match(first)):
        return _read_nothing(len(texts))
    is_zoned = bool(match["offset"])
    times = _cast_plain(texts, is_zoned, timezone)
    if times is None and not is_zoned:
        # A cast is all or nothing, and a failing one is slow.
        plain = pc.if_else(pc.match_substring_regex(texts, _PLAIN_LOCAL), texts, None)
        times = _cast_plain(plain, is_zoned, timezone)
    return times or _read_nothing(len(texts))


def _cast_plain(texts: pa.Array, is_zoned: bool, timezone: str) -> Times | None:
    try:
        stamps = pc.cast(texts, pa.timestamp("us", "UTC" if is_zoned else None))
    except pa.ArrowInvalid:
        return None
    micros = pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    is_read = pc.is_valid(stamps).to_numpy(zero_copy_only=False)
    return Times(_to_local(micros, timezone) if is_zoned else micros, is_read, np.zeros(len(micros), bool))


def _read_nothing(length: int) -> Times:
    return Times(np.zeros(length, np.int64), np.zeros(length, bool), np.zeros(length, bool))


def _read_rest(times: Times, texts: pa.Array, forms: Sequence[TimeForm], timezone: str) -> Times:
    """The times with texts that are unread so far, each read by the first form that fits it."""
    is_valid = pc.is_valid(texts).to_numpy(zero_copy_only=False)
    for form in forms:
        waiting = np.flatnonzero(is_valid & ~times.is_read)
        if not len(waiting):
            break
        leftovers = pc.utf8_trim_whitespace(texts.take(pa.array(waiting)))
        reading = (_read_epoch_texts if form.epoch else _read_form)(leftovers, form, timezone)
        for whole, part in zip(times, reading, strict=True):
            whole[waiting] = part
    return times


def _read_epoch_texts(texts: pa.Array, form: TimeForm, timezone: str) -> Times:
    parts = extract_parts(texts, form)
    counts, unit = parts.numbers("count"), form.epoch
    millionths = parts.fractions()
    is_read = parts.is_match & (counts <= _LAST // unit)
    micros = np.where(is_read, counts, 0) * unit + millionths * unit // 1_000_000
    micros = np.where(parts.are("minus", "-"), -micros, micros)
    is_read &= micros >= _FIRST
    is_cut = parts.has_cut_digits() | (millionths * unit % 1_000_000 != 0)
    return Times(_to_local(np.where(is_read, micros, 0), timezone), is_read, is_cut & is_read)


def _read_form(texts: pa.Array, form: TimeForm, timezone: str) -> Times:
    parts = extract_parts(texts, form)
    day, is_day = compute_days(parts)
    clock, is_clock = compute_clock(parts)
    offset, is_zoned = compute_offset(parts)
    is_read = parts.is_match & is_day & is_clock & (np.abs(offset) < DAY)
    micros = np.where(is_read, day * DAY + clock - offset, 0)
    # Only where a text has an offset, or the form says UTC, is anything converted.
    is_zoned |= form.is_utc
    if is_zoned.any():
        micros = np.where(is_zoned, _to_local(micros, timezone), micros)
    return Times(micros, is_read, parts.has_cut_digits() & is_read)


def _to_local(micros: np.ndarray, timezone: str) -> np.ndarray:
    """Instants as local times of the zone: microseconds, int64 (n,)."""
    if timezone == "UTC":
        return micros
    # Python cannot convert the first and the last days that it has, such as 9999-12-31 for "never": they
    # are shifted as the nearest day that it can.
    inside = np.clip(micros, _FIRST + 2 * DAY, _LAST - 2 * DAY)
    instants = pd.DatetimeIndex(inside.view("datetime64[us]")).tz_localize("UTC")
    local = instants.tz_convert(timezone).tz_localize(None).to_numpy().view(np.int64)
    shifted: np.ndarray = np.clip(local + (micros - inside), _FIRST, _LAST)
    return shifted


def _join(readings: Sequence[Times]) -> Times:
    """The readings of consecutive slices as one."""
    if not readings:
        return _read_nothing(0)
    return Times(*(np.concatenate(arrays) for arrays in zip(*readings, strict=True)))
