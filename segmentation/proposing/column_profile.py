"""The profile of one column in one batch: counts, bounds and a sketch, for text and for Parquet types.

Merging batches and reading files belong in segmentation/proposing/profiling.py. What a column is used for
is decided in segmentation/proposing/roles.py.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from config.sources import Csv
from config.time_formats import ISO
from segmentation.keys import hash_texts, mix
from segmentation.proposing.sketches import Distinct, sketch
from segmentation.proposing.time_formats import TimeFormat, list_epochs
from segmentation.proposing.time_readings import TimeReading, list_forms, read_formats, read_times
from segmentation.rows.casting.text_columns import Dialect, cast_column

MOST_LISTED_LEVELS = 20
LONGEST_LEVEL = 40
LARGEST_CENTS = 1e9  # beyond, the rounding of float64 hides whether there are two decimals
PREFIX = 64  # characters of a text that are hashed
# What exports write for a missing number.
MISSING_MARKS = (
    *(" ", "?", "-", "--", ".", "NA", "N/A", "n/a", "na", "#N/A", "<NA>", "NaN", "nan"),
    *("NULL", "Null", "null", "None", "none", "NONE", "\\N", "missing", "unknown"),
)
_NUMBER = Column(type="float", nullable=True)
_WHOLE = Column(type="int", nullable=True)
_STAMP = Column(type="timestamp", nullable=True)
_ISO_FORMAT = TimeFormat(ISO)
_COMPACT_DAY = TimeFormat("%Y%m%d")
# Two digits after the mark, as amounts of money are written.
_CENTS = r"^\(?[+-]?[^\d.,]{0,4}\d[\d.,' ]*[.,]\d\d[^\d.,]{0,4}\)?$"
_EMAIL = r"^[^@\s]+@[^@\s]+\.[^@\s]+$"
# What exports write for a customer who is not known.
PLACEHOLDERS = ("0", "0.0", "-1", "-", "guest", "Guest", "GUEST", "anonymous", "Anonymous")


class ColumnProfile(NamedTuple):
    """The counts of one column. Bounds cover finite numbers."""

    kind: str  # the type in the file: text, int, float, bool, timestamp or other
    rows: int
    missing: int  # null or empty text
    marks: Counter[str]
    numbers: int
    whole: int
    negative: int
    positive: int
    low: float
    high: float
    cents: int  # numbers with two decimals
    point_zeros: int  # texts such as 17850.0
    emails: int
    placeholders: Counter[str]
    longest: int
    distinct: Distinct
    levels: frozenset[str] | None  # None: more than MOST_LISTED_LEVELS, or a long one
    times: dict[str, TimeReading]
    forms: frozenset[str]  # of texts that are not numbers: digits as 9, letters as a

    @property
    def present(self) -> int:
        """The number of values that are neither missing nor a mark for missing."""
        return self.rows - self.missing - self.marks.total()


def profile_column(values: pa.ChunkedArray, csv: Csv) -> ColumnProfile:
    """The profile of one column in one batch."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return _profile_text(values.cast(pa.string()), csv)
    return _profile_typed(values, csv)


def _profile_text(values: pa.ChunkedArray, csv: Csv) -> ColumnProfile:
    values = pc.fill_null(values, "")
    # Marks count as missing here, so that the numbers next to them can be read.
    probe = csv.model_copy(update={"null_values": ("", *MISSING_MARKS)})
    is_mark = pc.is_in(values, pa.array(MISSING_MARKS))
    numbers = _try_cast(values, _NUMBER, probe)
    count, negative, positive, low, high = _bounds(numbers)
    # Casting is the slow part: text without any number is not tried as whole numbers.
    whole = _count(pc.is_valid(_try_cast(values, _WHOLE, probe))) if count else 0
    is_text = pc.not_equal(values, "")
    texts, present = values.filter(is_text), values.filter(pc.and_not(is_text, is_mark))
    times = _read_text_times(present, count, (low, high), csv)
    distinct = sketch(hash_texts(pc.utf8_slice_codeunits(texts, 0, PREFIX).combine_chunks()))
    is_number = pc.is_valid(numbers)
    odd = values.filter(pc.and_not(pc.and_not(is_text, is_mark), is_number))
    return ColumnProfile(
        kind="text",
        rows=len(values),
        missing=len(values) - len(texts),
        marks=_count_values(values.filter(is_mark)),
        numbers=count,
        whole=whole,
        negative=negative,
        positive=positive,
        low=low,
        high=high,
        cents=_count_matches(texts, _CENTS),
        point_zeros=_count_matches(texts, r"^\d+\.0$"),
        emails=_count_matches(texts, _EMAIL),
        placeholders=_count_values(texts.filter(pc.is_in(texts, pa.array(PLACEHOLDERS)))),
        longest=pc.max(pc.utf8_length(values)).as_py() or 0,
        distinct=distinct,
        levels=_levels(texts, distinct),
        times=times,
        forms=list_forms(odd),
    )


def _read_text_times(
    texts: pa.ChunkedArray, numbers: int, bounds: tuple[float, float], csv: Csv
) -> dict[str, TimeReading]:
    if numbers < len(texts):
        return read_times(texts, csv)
    # Numbers are times if they are long enough to be one: 20240612, or seconds since 1970.
    return read_formats(texts, _list_number_formats(*bounds), csv) if len(texts) else {}


def _list_number_formats(low: float, high: float) -> list[TimeFormat]:
    is_compact = 19_000_101 <= low <= high <= 21_001_231
    return [_COMPACT_DAY] if is_compact else list_epochs(low, high)


def _count_values(values: pa.ChunkedArray) -> Counter[str]:
    return Counter({pair["values"]: pair["counts"] for pair in values.value_counts().to_pylist()})


def _profile_typed(values: pa.ChunkedArray, csv: Csv) -> ColumnProfile:
    kind = _kind_of(values.type)
    typed = {"int": _WHOLE, "float": _NUMBER, "timestamp": _STAMP}.get(kind)
    original = values
    if pa.types.is_null(values.type):
        values = values.cast(pa.float64())
    elif typed is not None:
        values = _try_cast(values, typed, csv)
    is_number = kind in ("int", "float")
    # Not exact beyond 2^53, where bounds and signs still are near enough.
    numbers = values.cast(pa.float64(), safe=False) if is_number else pa.chunked_array([], pa.float64())
    valid = values.filter(pc.is_valid(numbers if is_number else values))
    if kind == "float":
        valid = valid.filter(pc.invert(pc.is_nan(valid)))
    count, negative, positive, low, high = _bounds(numbers)
    distinct = sketch(_hash_typed(valid, kind))
    return ColumnProfile(
        kind=kind,
        rows=len(values),
        missing=len(values) - len(valid),
        marks=Counter(),
        numbers=count,
        whole=count if kind == "int" else _count(pc.equal(pc.floor(valid), valid)) if is_number else 0,
        negative=negative,
        positive=positive,
        low=low,
        high=high,
        cents=_count_cents(valid) if kind == "float" else 0,
        point_zeros=0,
        emails=0,
        placeholders=Counter({"0": _count(pc.equal(valid, 0))}) if kind == "int" else Counter(),
        longest=0,
        distinct=distinct,
        levels=_levels(valid.cast(pa.string()), distinct) if kind in ("int", "bool") else None,
        times=_read_typed_times(original, kind, (low, high), csv),
        forms=frozenset(),
    )


def _read_typed_times(
    values: pa.ChunkedArray, kind: str, bounds: tuple[float, float], csv: Csv
) -> dict[str, TimeReading]:
    if kind == "timestamp":
        return read_formats(values, [_ISO_FORMAT], csv)
    return read_formats(values, _list_number_formats(*bounds), csv) if kind == "int" else {}


def _hash_typed(valid: pa.ChunkedArray, kind: str) -> np.ndarray:
    """Hashes of the values' bits, uint64 (n,). Empty for kinds that are not profiled."""
    if kind == "other":
        return np.empty(0, np.uint64)
    if kind == "bool":
        return mix(valid.to_numpy().astype(np.uint64))
    numeric = (valid.cast(pa.int64()) if kind == "timestamp" else valid).to_numpy()
    # Adding 0 makes -0.0 and 0.0 the same value.
    return mix((numeric + numeric.dtype.type(0)).view(np.uint64))


def _count_cents(numbers: pa.ChunkedArray) -> int:
    """How many numbers have exactly one or two decimals, as amounts in a binary file do."""
    finite = numbers.to_numpy()
    finite = finite[np.abs(finite) < LARGEST_CENTS]
    return int(((np.abs(finite * 100 - np.round(finite * 100)) < 1e-6) & (finite != np.floor(finite))).sum())


def _try_cast(values: pa.ChunkedArray, column: Column, csv: Csv) -> pa.ChunkedArray:
    """The values as a run would read them, null where missing or unreadable."""
    return cast_column("", values, column, Dialect(csv)).values


def _kind_of(kind: pa.DataType) -> str:
    type_tests = {
        "int": (pa.types.is_integer,),
        "float": (pa.types.is_floating, pa.types.is_decimal, pa.types.is_null),
        "bool": (pa.types.is_boolean,),
        "timestamp": (pa.types.is_timestamp, pa.types.is_date),
    }
    return next((name for name, tests in type_tests.items() if any(test(kind) for test in tests)), "other")


class _Bounds(NamedTuple):
    """How many finite numbers there are, below and above 0, and their range (inf, -inf if none)."""

    numbers: int
    negative: int
    positive: int
    low: float
    high: float


def _bounds(numbers: pa.ChunkedArray) -> _Bounds:
    finite = numbers.filter(pc.fill_null(pc.is_finite(numbers), False)).to_numpy()
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    return _Bounds(len(finite), int((finite < 0).sum()), int((finite > 0).sum()), float(low), float(high))


def _levels(texts: pa.ChunkedArray, distinct: Distinct) -> frozenset[str] | None:
    if len(distinct.keys) > MOST_LISTED_LEVELS:
        return None
    levels = frozenset(texts.unique().to_pylist())
    return levels if max(map(len, levels), default=0) <= LONGEST_LEVEL else None


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)


def _count_matches(texts: pa.ChunkedArray, pattern: str) -> int:
    return _count(pc.match_substring_regex(texts, pattern))
