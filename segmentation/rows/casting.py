"""Casting columns from text, or from a file's types, to the declared types. Nothing is guessed.

Values that cannot be read become null and are marked. Reading rows belongs in
segmentation/rows/reading.py, judging values in schemas/contract.py.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from config.sources import Csv
from segmentation.errors import Refused

ARROW_TYPES = {
    "int": pa.int64(),
    "float": pa.float64(),
    "text": pa.string(),
    "category": pa.string(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us"),
}
# Offsets are looked for after the day, where a minus sign can mean nothing else.
_OFFSET = r"^.{8}.*([Zz]|[+-]\d{2}(:?\d{2})?)\s*$"
_DAY = r"^\s*\d"
_FLOAT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_INT = r"^[+-]?0*\d{1,19}$"
_TRUE, _FALSE = pa.array(["true", "1"]), pa.array(["false", "0"])


class Dialect(NamedTuple):
    """How text is written, and the time zone that timestamps are converted to."""

    csv: Csv
    timezone: str = "UTC"


class CastColumn(NamedTuple):
    """A column in its declared type, null where missing or unreadable.

    `unreadable` marks the values that could not be read: bool (n,), or None without any. `oddities`
    marks values that were read but are suspicious, by the end of the sentence that warns of them.
    """

    values: pa.ChunkedArray
    unreadable: np.ndarray | None
    oddities: Mapping[str, np.ndarray] = MappingProxyType({})


def cast_column(name: str, values: pa.ChunkedArray, column: Column, dialect: Dialect) -> CastColumn:
    """Cast one column to its declared type.

    Refused if the file's type can never become the declared one, for example ids stored as
    floating-point numbers. Timestamps become local times of the dialect's zone: those with an offset
    are converted, those without are taken to be local already.
    """
    kind = values.type
    # Categories written by pandas arrive as dictionaries.
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _cast_text(values.cast(pa.string()), column, dialect)
    if pa.types.is_timestamp(kind) and kind.tz is not None and column.type == "timestamp":
        return CastColumn(_to_arrow(_to_local(values.to_pandas(), dialect.timezone)), None)
    return _cast_typed(name, values, column)


def _cast_typed(name: str, values: pa.ChunkedArray, column: Column) -> CastColumn:
    kind, target = values.type, ARROW_TYPES[column.type]
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    is_castable = {
        "int": pa.types.is_integer(kind) or pa.types.is_floating(kind),
        "float": is_number,
        # Never floating point: next to a null, pandas stores long ids as floats, which rounds them.
        "text": pa.types.is_integer(kind),
        "category": pa.types.is_integer(kind) or pa.types.is_boolean(kind),
        "bool": pa.types.is_boolean(kind),
        "timestamp": pa.types.is_timestamp(kind) or pa.types.is_date(kind),
    }[column.type]
    if not is_castable and not pa.types.is_null(kind):
        raise Refused("wrong-type", f"column {name} is {kind} in the file; the contract says {column.type}")
    if column.type == "int" and pa.types.is_floating(kind):
        return _keep_whole(values)
    # With safe=False, as below, larger values would wrap around to negative numbers.
    if pa.types.is_uint64(kind) and column.type == "int":
        fits_int64 = pc.less_equal(values, pa.scalar(np.iinfo(np.int64).max, pa.uint64()))
        return CastColumn(pc.if_else(fits_int64, values, None).cast(target), _mask(pc.invert(fits_int64)))
    # safe=False: nanoseconds are cut to microseconds, and decimals rounded to float64.
    return CastColumn(pc.cast(values, target, safe=False), None)


def _keep_whole(values: pa.ChunkedArray) -> CastColumn:
    """Whole numbers of a float column as int64. Fractions are unreadable."""
    # 2^63 itself is a float64, but one more than the largest int64.
    is_whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**63))
    return CastColumn(pc.if_else(is_whole, values, None).cast(pa.int64()), _mask(pc.invert(is_whole)))


def _cast_text(values: pa.ChunkedArray, column: Column, dialect: Dialect) -> CastColumn:
    csv = dialect.csv
    # Empty text is a value of text columns and of categories that are not nullable.
    if column.type == "text" or (column.type == "category" and not column.nullable):
        return CastColumn(values, None)
    if csv.null_values == ("",):
        missing = pc.equal(values, "")
    else:
        missing = pc.is_in(values, pa.array(csv.null_values, pa.string()))
    if pc.any(missing).as_py():
        values = pc.if_else(missing, None, values)
    if column.type == "category":
        return CastColumn(values, None)
    if column.type == "bool":
        return _cast_bool(values)
    if column.type == "timestamp":
        stamps = _to_arrow(_parse_timestamps(values, column.format, dialect.timezone))
        return CastColumn(stamps, _mask(pc.and_(pc.is_null(stamps), pc.is_valid(values))))
    if csv.decimal == "," and column.type == "float":
        # With a decimal comma, 1.234 may be 1234 or 1.234, so every text with a point is unreadable.
        values = pc.if_else(pc.match_substring(values, "."), "?", values)
        values = pc.replace_substring(values, ",", ".")
    return _cast_number(values, column.type)


def _cast_number(values: pa.ChunkedArray, kind: str) -> CastColumn:
    """Numbers in plain ASCII digits: +5 is a number, 0x10 is not. Arrow sees both differently."""
    target = ARROW_TYPES[kind]
    try:
        if kind == "float" or not pc.any(pc.match_substring(values, "x", ignore_case=True)).as_py():
            numbers = pc.cast(values, target)
            # Arrow reads the text "nan" as a number, and pandas would treat it as missing.
            if kind != "float" or not pc.any(pc.is_nan(numbers)).as_py():
                return CastColumn(numbers, None)
    except pa.ArrowInvalid:
        pass  # at least one value is not a number; find out which below
    is_readable = pc.match_substring_regex(values, _INT if kind == "int" else _FLOAT)
    is_infinite = pc.is_in(
        pc.utf8_lower(values), pa.array(["inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"])
    )
    if kind == "float":
        is_readable = pc.or_(is_readable, is_infinite)
    if kind == "int":
        # The size of a non-number is null. Without Kleene logic that null would count as readable.
        is_readable = pc.and_kleene(is_readable, _fits_int64(pc.if_else(is_readable, values, None)))
    digits = pc.replace_substring_regex(pc.if_else(is_readable, values, None), r"^\+", "")
    return CastColumn(pc.cast(digits, target), _mask(pc.invert(is_readable)))


def _fits_int64(digits: pa.ChunkedArray) -> pa.ChunkedArray:
    """Do these whole numbers fit into int64? They are texts of at most 19 digits after leading zeros."""
    significant = pc.utf8_ltrim(digits, "+-0")
    limit = pc.if_else(pc.starts_with(digits, "-"), str(2**63), str(2**63 - 1))
    return pc.or_(pc.less(pc.utf8_length(significant), 19), pc.less_equal(significant, limit))


def _cast_bool(values: pa.ChunkedArray) -> CastColumn:
    lower = pc.utf8_lower(values)
    is_true, is_false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    is_boolean = pc.or_(is_true, is_false)
    is_unreadable = pc.and_(pc.invert(is_boolean), pc.is_valid(values))
    return CastColumn(pc.if_else(is_boolean, is_true, None), _mask(is_unreadable))


def _parse_timestamps(values: pa.ChunkedArray, pattern: str | None, timezone: str) -> pd.Series:
    """Local times from text, NaT where unreadable. Words that pandas knows, such as "now", are unreadable."""
    # "now" and "today" would make the result depend on when the run happens.
    texts = pc.if_else(pc.match_substring_regex(values, _DAY), values, None).to_pandas()
    if pattern is not None:
        is_zoned = "%z" in pattern
        stamps = pd.to_datetime(texts, errors="coerce", format=pattern, utc=is_zoned)
        return _to_local(stamps, timezone) if is_zoned else pd.Series(stamps)
    stamps = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
    wall_clock: pd.Series = stamps.dt.tz_localize(None)
    is_zoned_text = pc.fill_null(pc.match_substring_regex(values, _OFFSET), False).to_numpy()
    return wall_clock.mask(is_zoned_text, _to_local(stamps, timezone)) if is_zoned_text.any() else wall_clock


def _to_local(stamps: pd.Series, timezone: str) -> pd.Series:
    """Instants as naive local times of the zone."""
    local: pd.Series = stamps.dt.tz_convert(timezone).dt.tz_localize(None)
    return local


def _to_arrow(stamps: pd.Series) -> pa.ChunkedArray:
    # from_pandas turns NaT into null.
    return pa.chunked_array([pa.array(stamps, pa.timestamp("us"), from_pandas=True)])


def _mask(flags: pa.ChunkedArray) -> np.ndarray | None:
    """The flags as a bool array, null counting as False. None if no flag is set."""
    mask = pc.fill_null(flags, False).to_numpy()
    return mask if mask.any() else None
