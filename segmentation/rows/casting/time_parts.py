"""From the parts of a written time to numbers: days, the time of day and the offset, for many texts at once.

The parts are the groups of a form's regular expression, from config/time_formats.py. Which form reads a text
is decided in times.py.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.time_formats import MONTHS, TimeForm

# In microseconds.
DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000


class TimeParts(NamedTuple):
    """The groups of a form's regular expression in n texts. A group that is not in the form is empty."""

    fields: pa.StructArray
    groups: frozenset[str]
    is_match: np.ndarray

    def texts(self, name: str) -> pa.Array:
        """One group's texts, empty where it matched nothing."""
        if name not in self.groups:
            return pa.array([""] * len(self.is_match), pa.string())
        return pc.fill_null(pc.struct_field(self.fields, name), "")

    def numbers(self, name: str) -> np.ndarray:
        """One group's numbers, int64 (n,), 0 where it matched nothing."""
        if name not in self.groups:
            return np.zeros(len(self.is_match), np.int64)
        texts = self.texts(name)
        return _to_numpy(pc.if_else(pc.equal(texts, ""), "0", texts).cast(pa.int64()))

    def are(self, name: str, text: str) -> np.ndarray:
        """Where a group matched this text, bool (n,)."""
        return _to_numpy(pc.equal(self.texts(name), text))

    def fractions(self) -> np.ndarray:
        """The fraction in millionths, int64 (n,)."""
        if "fraction" not in self.groups:
            return np.zeros(len(self.is_match), np.int64)
        return _to_numpy(pc.utf8_rpad(self.texts("fraction"), 6, "0").cast(pa.int64()))

    def has_cut_digits(self) -> np.ndarray:
        """Where the fraction has digits beyond the sixth that are not 0, bool (n,)."""
        if "cut" not in self.groups:
            return np.zeros(len(self.is_match), bool)
        return _to_numpy(pc.match_substring_regex(self.texts("cut"), "[1-9]"))


def _to_numpy(values: pa.Array) -> np.ndarray:
    array: np.ndarray = values.to_numpy(zero_copy_only=False)
    return array


def extract_parts(texts: pa.Array, form: TimeForm) -> TimeParts:
    """What the groups of a form match in each text."""
    fields = pc.extract_regex(texts, form.regex)
    return TimeParts(fields, form.groups, pc.is_valid(fields).to_numpy(zero_copy_only=False))


def compute_days(parts: TimeParts) -> tuple[np.ndarray, np.ndarray]:
    """Days since 1970-01-01, int64 (n,), and which of them exist, bool (n,)."""
    year, month, day = (parts.numbers(name) for name in ("year", "month", "day"))
    if "short_year" in parts.groups:
        # As in POSIX: 69 to 99 are of the last century.
        short = parts.numbers("short_year")
        year = short + np.where(short >= 69, 1900, 2000)
    if "month_name" in parts.groups:
        names = pc.utf8_lower(pc.utf8_slice_codeunits(parts.texts("month_name"), 0, 3))
        month = pc.fill_null(pc.index_in(names, pa.array(MONTHS)), -1).to_numpy().astype(np.int64) + 1
    if "day_of_year" in parts.groups:
        month, day = np.ones_like(year), parts.numbers("day_of_year")
    is_month = (month >= 1) & (month <= 12)
    # numpy's months know leap years: the next month's first day says how long this one is.
    start = (year - 1970) * 12 + np.where(is_month, month, 1) - 1
    first, end = (
        (start + months).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        for months in (0, 12 if "day_of_year" in parts.groups else 1)
    )
    return first + day - 1, is_month & (day >= 1) & (day <= end - first)


def compute_clock(parts: TimeParts) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds since midnight, int64 (n,), and which of them exist, bool (n,). 24:00 is midnight."""
    hour, minute, second = (parts.numbers(name) for name in ("hour", "minute", "second"))
    if "half" in parts.groups:
        is_hour = (hour >= 1) & (hour <= 12)
        is_pm = pc.starts_with(pc.utf8_lower(parts.texts("half")), "p").to_numpy(zero_copy_only=False)
        hour = hour % 12 + 12 * is_pm
    else:
        is_hour = hour <= 24
    clock = hour * HOUR + minute * MINUTE + second * SECOND + parts.fractions()
    # 24:00:01 is beyond the day, and leap seconds are not read.
    return clock, is_hour & (minute <= 59) & (second <= 59) & (clock <= DAY)


def compute_offset(parts: TimeParts) -> tuple[np.ndarray, np.ndarray]:
    """Microseconds that the written clock is ahead of UTC, int64 (n,), and which texts have an offset."""
    if "zone" not in parts.groups:
        return np.zeros(len(parts.is_match), np.int64), np.zeros(len(parts.is_match), bool)
    minutes = parts.numbers("offset_hour") * 60 + parts.numbers("offset_minute")
    is_zoned = ~(parts.are("zone", "") & parts.are("sign", ""))
    return np.where(parts.are("sign", "-"), -minutes, minutes) * MINUTE, is_zoned
