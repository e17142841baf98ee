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
from segmentation.keys import hash_texts, mix
from segmentation.proposing.sketches import Distinct, sketch
from segmentation.rows.casting import Dialect, cast_column

MOST_LISTED_LEVELS = 20
LONGEST_LEVEL = 40
PREFIX = 64  # characters of a text that are hashed
# What exports write for a missing number.
MISSING_MARKS = (
    *(" ", "?", "-", "--", ".", "NA", "N/A", "n/a", "na", "#N/A", "<NA>", "NaN", "nan"),
    *("NULL", "Null", "null", "None", "none", "NONE", "\\N", "missing", "unknown"),
)
_NUMBER = Column(type="float", nullable=True)
_WHOLE = Column(type="int", nullable=True)
_STAMP = Column(type="timestamp", nullable=True)
_ISO = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_DAY = "(0?[1-9]|[12][0-9]|3[01])"
_OTHER_DATE = rf"^({_DAY}[./-]{_DAY}[./-](\d\d)?\d\d|\d{{4}}[./]{_DAY}[./]{_DAY})([ T]|$)"


class ColumnProfile(NamedTuple):
    """The counts of one column. Bounds cover finite numbers; times are texts, to the second."""

    kind: str  # the type in the file: text, int, float, bool, timestamp or other
    rows: int
    missing: int  # null or empty text
    marks: Counter[str]
    numbers: int
    whole: int
    negative: int
    low: float
    high: float
    stamps: int
    other_dates: int
    first: str
    last: str
    point_zeros: int  # texts such as 17850.0
    longest: int
    distinct: Distinct
    levels: frozenset[str] | None  # None: more than MOST_LEVELS, or a long one

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
    marked = values.filter(pc.is_in(values, pa.array(MISSING_MARKS)))
    marks = {pair["values"]: pair["counts"] for pair in marked.value_counts().to_pylist()}
    numbers = _try_cast(values, _NUMBER, probe)
    count, negative, low, high = _bounds(numbers)
    # Casting is the slow part: text without any number is not tried as whole numbers.
    whole = _count(pc.is_valid(_try_cast(values, _WHOLE, probe))) if count else 0
    texts = values.filter(pc.not_equal(values, ""))
    stamps = texts.filter(pc.match_substring_regex(texts, _ISO)) if count < len(texts) else texts[:0]
    ends = pc.min_max(pc.utf8_slice_codeunits(stamps, 0, 19)).as_py()
    distinct = sketch(hash_texts(pc.utf8_slice_codeunits(texts, 0, PREFIX).combine_chunks()))
    return ColumnProfile(
        kind="text",
        rows=len(values),
        missing=len(values) - len(texts),
        marks=Counter(marks),
        numbers=count,
        whole=whole,
        negative=negative,
        low=low,
        high=high,
        stamps=len(stamps),
        other_dates=_count(pc.match_substring_regex(texts, _OTHER_DATE)),
        first=ends["min"] or "",
        last=ends["max"] or "",
        point_zeros=_count(pc.match_substring_regex(texts, r"^\d+\.0$")),
        longest=pc.max(pc.utf8_length(values)).as_py() or 0,
        distinct=distinct,
        levels=_levels(texts, distinct),
    )


def _profile_typed(values: pa.ChunkedArray, csv: Csv) -> ColumnProfile:
    kind = _kind_of(values.type)
    typed = {"int": _WHOLE, "float": _NUMBER, "timestamp": _STAMP}.get(kind)
    if pa.types.is_null(values.type):
        values = values.cast(pa.float64())
    elif typed is not None:
        values = _try_cast(values, typed, csv)
    numbers = values.cast(pa.float64()) if kind in ("int", "float") else pa.chunked_array([], pa.float64())
    valid = values.filter(pc.is_valid(numbers if kind in ("int", "float") else values))
    if kind == "float":
        valid = valid.filter(pc.invert(pc.is_nan(valid)))
    count, negative, low, high = _bounds(numbers)
    is_stamp = kind == "timestamp"
    ends = pc.min_max(pc.strftime(valid, "%Y-%m-%d %H:%M:%S")).as_py() if is_stamp else {}
    keys = np.empty(0, np.uint64)
    if kind == "bool":
        keys = mix(valid.to_numpy().astype(np.uint64))
    elif kind != "other":
        # Hash the bits; adding 0 makes -0.0 and 0.0 the same value.
        numeric = (valid.cast(pa.int64()) if is_stamp else valid).to_numpy()
        keys = mix((numeric + numeric.dtype.type(0)).view(np.uint64))
    distinct = sketch(keys)
    return ColumnProfile(
        kind=kind,
        rows=len(values),
        missing=len(values) - len(valid),
        marks=Counter(),
        numbers=count,
        whole=count if kind == "int" else 0,
        negative=negative,
        low=low,
        high=high,
        stamps=len(valid) if is_stamp else 0,
        other_dates=0,
        first=ends.get("min") or "",
        last=ends.get("max") or "",
        point_zeros=0,
        longest=0,
        distinct=distinct,
        levels=_levels(valid.cast(pa.string()), distinct) if kind in ("int", "bool") else None,
    )


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
    """How many finite numbers there are, how many are negative, and their range (inf, -inf if none)."""

    numbers: int
    negative: int
    low: float
    high: float


def _bounds(numbers: pa.ChunkedArray) -> _Bounds:
    finite = numbers.filter(pc.fill_null(pc.is_finite(numbers), False)).to_numpy()
    low, high = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    return _Bounds(len(finite), int((finite < 0).sum()), float(low), float(high))


def _levels(texts: pa.ChunkedArray, distinct: Distinct) -> frozenset[str] | None:
    if len(distinct.keys) > MOST_LISTED_LEVELS:
        return None
    levels = frozenset(texts.unique().to_pylist())
    return levels if max(map(len, levels), default=0) <= LONGEST_LEVEL else None


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)
