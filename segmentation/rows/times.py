"""Reading times: texts in declared forms, epochs and a file's own timestamps, as local times.

The forms themselves are in config/time_formats.py. Times with an offset, in a form that names UTC, and epochs
are converted to the definition's zone. Others are local already and stay as they are written, also where
daylight saving time skips or repeats an hour.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from config.time_formats import EPOCHS, ISO, TimeForm, compile_form
from segmentation.rows.time_parts import DAY, compute_clock, compute_days, compute_offset, extract_parts

MICROSECONDS = pa.timestamp("us")
# Years 1 to 9999, the only ones that Python's dates and the outputs can hold.
_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}
# One bad value costs its slice the fast path, and not the whole batch.
_SLICE_ROWS = 8192
_UNREAD_FORMS = {
    r"^\d{1,2}[/.-]\d{1,2}[/.-](\d{4}|\d{2})\b": "days such as 31/12/2024",
    r"(?i)^\d.*\d\s*[ap]\.?m\.?$": "times with AM or PM",
    r"(?i)^(\d{1,2}|[a-z]{3,9})[ .,/-]+([a-z]{3,9}|\d{1,2})[ .,/-]+\d{2,4}\b": "dates with a month's name",
    r"^\d{10}(\.\d+)?$": "seconds of an epoch",
    r"^\d{13}$": "milliseconds of an epoch",
    r"^\d{16}$": "microseconds of an epoch",
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


def read_times(texts: pa.ChunkedArray, formats: Sequence[str], timezone: str) -> Times:
    """Read texts, each in the first of the formats that fits it. Blanks around a text mean nothing."""
    forms = [form for text_format in formats for form in compile_form(text_format)]
    readings = []
    for start in range(0, len(texts), _SLICE_ROWS):
        part = texts.slice(start, _SLICE_ROWS).combine_chunks()
        reading = _cast_iso(part, timezone) if formats[0] == ISO else None
        readings.append(_read_forms(part, forms, timezone) if reading is None else reading)
    return _join(readings)


def read_epochs(numbers: pa.ChunkedArray, text_format: str, timezone: str) -> Times:
    """Read whole or floating-point numbers that count since 1970-01-01 00:00 UTC."""
    unit = EPOCHS[text_format]
    is_float = pa.types.is_floating(numbers.type)
    counts = pc.fill_null(numbers, 0).to_numpy()
    counts = counts.astype(np.float64 if is_float else counts.dtype)
    is_read = pc.is_valid(numbers).to_numpy() & (counts >= _FIRST // unit) & (counts <= _LAST // unit)
    counts = np.where(is_read, counts, 0)
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
        unit, is_cut, counts = 1, counts % 1000 != 0, counts // 1000
    else:
        unit = _UNITS[kind.unit] if is_stamp else 1_000 if pa.types.is_date64(kind) else DAY
    is_read = pc.is_valid(stamps).to_numpy() & (counts >= _FIRST // unit) & (counts <= _LAST // unit)
    micros = np.where(is_read, counts, 0) * unit
    is_zoned = is_stamp and kind.tz is not None
    return Times(_to_local(micros, timezone) if is_zoned else micros, is_read, is_cut & is_read)


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


def _cast_iso(texts: pa.Array, timezone: str) -> Times | None:
    """ISO 8601 by Arrow, which is many times faster than a regular expression. None unless it reads all."""
    for kind in (MICROSECONDS, pa.timestamp("us", "UTC")):
        try:
            stamps = pc.cast(texts, kind)
        except pa.ArrowInvalid:
            continue  # with an offset where none was expected, or the reverse, or unreadable
        micros = pc.fill_null(stamps.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        is_read = pc.is_valid(stamps).to_numpy(zero_copy_only=False)
        if kind.tz is not None:
            micros = _to_local(micros, timezone)
        return Times(micros, is_read, np.zeros(len(micros), bool))
    return None


def _read_forms(texts: pa.Array, forms: Sequence[TimeForm], timezone: str) -> Times:
    """Texts that are read by the first form that fits each of them."""
    trimmed = pc.utf8_trim_whitespace(texts)
    times = Times(np.zeros(len(texts), np.int64), np.zeros(len(texts), bool), np.zeros(len(texts), bool))
    for form in forms:
        waiting = np.flatnonzero(~times.is_read)
        rest = trimmed.take(pa.array(waiting)) if len(waiting) < len(texts) else trimmed
        reading = (_read_epoch_texts if form.epoch else _read_form)(rest, form, timezone)
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
    is_zoned |= form.is_utc
    if is_zoned.any():
        micros = np.where(is_zoned, _to_local(micros, timezone), micros)
    return Times(micros, is_read, parts.has_cut_digits() & is_read)


def _to_local(micros: np.ndarray, timezone: str) -> np.ndarray:
    """Instants as local times of the zone: microseconds, int64 (n,)."""
    if timezone == "UTC":
        return micros
    instants = pd.DatetimeIndex(micros.view("datetime64[us]")).tz_localize("UTC")
    local = instants.tz_convert(timezone).tz_localize(None).to_numpy().view(np.int64)
    # The offset may lead out of the years that exist.
    return np.clip(local, _FIRST, _LAST)


def _join(readings: Sequence[Times]) -> Times:
    """The readings of consecutive slices as one."""
    if not readings:
        return Times(np.empty(0, np.int64), np.empty(0, bool), np.empty(0, bool))
    return Times(*(np.concatenate(arrays) for arrays in zip(*readings, strict=True)))
