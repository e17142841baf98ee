"""From text, or a file's own types, to the declared types; what cannot be read is marked, never guessed.

Reading rows belongs in segmentation/rows/reading.py, judging values in schemas/contract.py.
"""

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
# Offsets stand after the day, where a minus sign has no other meaning.
_OFFSET = r"^.{8}.*([Zz]|[+-]\d{2}(:?\d{2})?)\s*$"
_DAY = r"^\s*\d"
_FLOAT = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_INT = r"^[+-]?0*\d{1,19}$"
_TRUE, _FALSE = pa.array(["true", "1"]), pa.array(["false", "0"])


class Dialect(NamedTuple):
    """How text is written, and the zone that timestamps are brought to."""

    csv: Csv
    timezone: str = "UTC"


def cast_column(
    name: str, values: pa.ChunkedArray, column: Column, dialect: Dialect
) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """The values in their declared type, null where missing or unreadable, and which were unreadable.

    The mask is bool (n,), or None where all could be read. Refused if the file's own type can
    never become the declared one, or holds ids as floating-point numbers. Timestamps are local, in
    the dialect's zone: those with a zone of their own are converted, those without are there already.
    """
    kind = values.type
    if pa.types.is_dictionary(kind):
        values = values.cast(kind.value_type)
        kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _cast_text(values.cast(pa.string()), column, dialect)
    if pa.types.is_timestamp(kind) and kind.tz is not None and column.type == "timestamp":
        return _to_arrow(_to_local(values.to_pandas(), dialect.timezone)), None
    return _cast_typed(name, values, column)


def _cast_typed(
    name: str, values: pa.ChunkedArray, column: Column
) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    kind, wanted = values.type, ARROW_TYPES[column.type]
    number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    fits = {
        "int": pa.types.is_integer(kind) or pa.types.is_floating(kind),
        "float": number,
        "text": pa.types.is_integer(kind),
        "category": pa.types.is_integer(kind) or pa.types.is_boolean(kind),
        "bool": pa.types.is_boolean(kind),
        "timestamp": pa.types.is_timestamp(kind) or pa.types.is_date(kind),
    }[column.type]
    if not fits and not pa.types.is_null(kind):
        raise Refused("wrong-type", f"column {name} is {kind} in the file; the contract says {column.type}")
    if column.type == "int" and pa.types.is_floating(kind):
        return _keep_whole(values)
    if pa.types.is_uint64(kind) and column.type == "int":
        fit = pc.less_equal(values, pa.scalar(np.iinfo(np.int64).max, pa.uint64()))
        return pc.if_else(fit, values, None).cast(wanted), _mask(pc.invert(fit))
    return pc.cast(values, wanted, safe=False), None


def _keep_whole(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """Whole numbers of a float column as int64; others are unreadable."""
    whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**63))
    return pc.if_else(whole, values, None).cast(pa.int64()), _mask(pc.invert(whole))


def _cast_text(
    values: pa.ChunkedArray, column: Column, dialect: Dialect
) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    csv = dialect.csv
    if column.type == "text" or (column.type == "category" and not column.nullable):
        return values, None
    if csv.null_values == ("",):
        missing = pc.equal(values, "")
    else:
        missing = pc.is_in(values, pa.array(csv.null_values, pa.string()))
    if pc.any(missing).as_py():
        values = pc.if_else(missing, None, values)
    if column.type == "category":
        return values, None
    if column.type == "bool":
        return _cast_bool(values)
    if column.type == "timestamp":
        stamps = _to_arrow(_parse_timestamps(values, column.format, dialect.timezone))
        return stamps, _mask(pc.and_(pc.is_null(stamps), pc.is_valid(values)))
    if csv.decimal == "," and column.type == "float":
        values = pc.if_else(pc.match_substring(values, "."), "?", values)
        values = pc.replace_substring(values, ",", ".")
    return _cast_number(values, column.type)


def _cast_number(values: pa.ChunkedArray, kind: str) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """Numbers in plain ASCII digits. Arrow reads 0x10 and +5 in its own ways; here 0x10 is no number."""
    wanted = ARROW_TYPES[kind]
    try:
        if kind == "float" or not pc.any(pc.match_substring(values, "x", ignore_case=True)).as_py():
            numbers = pc.cast(values, wanted)
            # Arrow reads the text nan, which pandas would take for a missing value.
            if kind != "float" or not pc.any(pc.is_nan(numbers)).as_py():
                return numbers, None
    except pa.ArrowInvalid:
        pass  # at least one value is no number: find out which
    readable = pc.match_substring_regex(values, _INT if kind == "int" else _FLOAT)
    special = pc.is_in(
        pc.utf8_lower(values), pa.array(["inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"])
    )
    if kind == "float":
        readable = pc.or_(readable, special)
    if kind == "int":
        # Kleene: what is no number has no size, and null would pass for readable
        readable = pc.and_kleene(readable, _fits_int64(pc.if_else(readable, values, None)))
    plain = pc.replace_substring_regex(pc.if_else(readable, values, None), r"^\+", "")
    return pc.cast(plain, wanted), _mask(pc.invert(readable))


def _fits_int64(digits: pa.ChunkedArray) -> pa.ChunkedArray:
    """Do these whole numbers, as text of at most 19 digits after leading zeros, fit into int64?"""
    bare = pc.utf8_ltrim(digits, "+-0")
    limit = pc.if_else(pc.starts_with(digits, "-"), str(2**63), str(2**63 - 1))
    return pc.or_(pc.less(pc.utf8_length(bare), 19), pc.less_equal(bare, limit))


def _cast_bool(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    lower = pc.utf8_lower(values)
    is_true, is_false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    known = pc.or_(is_true, is_false)
    unreadable = pc.and_(pc.invert(known), pc.is_valid(values))
    return pc.if_else(known, is_true, None), _mask(unreadable)


def _parse_timestamps(values: pa.ChunkedArray, pattern: str | None, timezone: str) -> pd.Series:
    """Local times from text, NaT where it cannot be read. Words such as now are no times."""
    texts = pc.if_else(pc.match_substring_regex(values, _DAY), values, None).to_pandas()
    if pattern is not None:
        is_zoned = "%z" in pattern
        parsed = pd.to_datetime(texts, errors="coerce", format=pattern, utc=is_zoned)
        return _to_local(parsed, timezone) if is_zoned else pd.Series(parsed)
    parsed = pd.to_datetime(texts, errors="coerce", format="ISO8601", utc=True)
    naive: pd.Series = parsed.dt.tz_localize(None)
    zoned = pc.fill_null(pc.match_substring_regex(values, _OFFSET), False).to_numpy()
    return naive.mask(zoned, _to_local(parsed, timezone)) if zoned.any() else naive


def _to_local(stamps: pd.Series, timezone: str) -> pd.Series:
    """Instants as local times of the zone, without it."""
    local: pd.Series = stamps.dt.tz_convert(timezone).dt.tz_localize(None)
    return local


def _to_arrow(stamps: pd.Series) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(stamps, pa.timestamp("us"), from_pandas=True)])


def _mask(flags: pa.ChunkedArray) -> np.ndarray | None:
    """A bool array of the flags that are set; null counts as not set; None if none is."""
    mask = pc.fill_null(flags, False).to_numpy()
    return mask if mask.any() else None
