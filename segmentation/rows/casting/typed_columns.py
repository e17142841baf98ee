"""Casting columns that have a type in their file, as Parquet's do, to the declared types.

A type that never fits is refused by the column's name; a value that does not fit is unreadable, as in a text
file. Texts are cast in text_columns.py.
"""

import uuid
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from config.sources import Csv
from config.time_formats import EPOCHS
from segmentation.errors import Refused
from segmentation.rows.casting.cast_column import ARROW_TYPES, CastColumn, Dialect, list_odd, to_mask
from segmentation.rows.casting.numbers import read_numbers
from segmentation.rows.casting.times import (
    MICROSECONDS,
    Times,
    convert_epochs,
    convert_stamps,
    has_only_years,
    parse_times,
)

# Beyond, neighbouring whole numbers are one floating-point number, so that ids may have been rounded.
_LARGEST_EXACT = 2.0**53
_LARGEST_POWER = 22  # of ten that is exact as a float


def unpack_column(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """The values without dictionaries, views and extension types; bytes as texts.

    The mask, bool (n,) or None, marks bytes that are not UTF-8 text. They become null.
    """
    kind = values.type
    if isinstance(kind, pa.BaseExtensionType):
        chunks = [chunk.storage for chunk in values.chunks]
        values = pa.chunked_array(chunks, kind.storage_type)
        if kind.extension_name == "arrow.uuid":
            texts = [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in values.to_pylist()]
            return pa.chunked_array([pa.array(texts, pa.string())]), None
        return unpack_column(values)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        try:
            decoded = _decode_repeats(values)
        except pa.ArrowNotImplementedError:
            return values, None  # of lists, for example: cast_typed refuses its type
        return unpack_column(decoded)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return values.cast(pa.string()), None
    is_bytes = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    if is_bytes or pa.types.is_fixed_size_binary(kind):
        return _decode(values)
    return values, None


def _decode_repeats(values: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = values.type
    if pa.types.is_dictionary(kind):
        return values.cast(kind.value_type)
    return pa.chunked_array([pc.run_end_decode(chunk) for chunk in values.chunks], kind.value_type)


def _decode(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    try:
        return values.cast(pa.binary()).cast(pa.string()), None
    except pa.ArrowInvalid:
        pass  # at least one value is not UTF-8; find out which below
    texts = [None if raw is None else _decode_text(raw) for raw in values.to_pylist()]
    decoded = pa.chunked_array([pa.array(texts, pa.string())])
    return decoded, to_mask(pc.and_(pc.is_null(decoded), pc.is_valid(values)))


def _decode_text(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def cast_typed(name: str, values: pa.ChunkedArray, column: Column, dialect: Dialect) -> CastColumn:
    """Cast a column that is not text in its file. Refused if its type never fits the declared one."""
    if pa.types.is_null(values.type):
        return CastColumn(values.cast(ARROW_TYPES[column.type]), None)
    if column.type == "timestamp":
        return _cast_times(name, values, column, dialect)
    if column.type == "category" and pa.types.is_boolean(values.type):
        return CastColumn(values.cast(pa.string()), None)
    casts: dict[str, Callable[[str, pa.ChunkedArray], CastColumn]] = {
        "int": _cast_int,
        "float": _cast_float,
        "bool": _cast_bool,
        "text": _cast_label,
        "category": _cast_label,
    }
    is_bool = pa.types.is_boolean(values.type) and column.type == "bool"
    if not is_bool and not _is_number(values.type):
        raise _refuse_type(name, values, column)
    return casts[column.type](name, values)


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _refuse_type(name: str, values: pa.ChunkedArray, column: Column, advice: str = "") -> Refused:
    return Refused(
        "wrong-type", f"column {name} is {values.type} in the file; the contract says {column.type}{advice}"
    )


def _keep(values: pa.ChunkedArray, is_readable: pa.ChunkedArray, target: pa.DataType) -> CastColumn:
    """The readable values in the target type; the others, where not null, are unreadable."""
    readable = pc.if_else(pc.fill_null(is_readable, False), values, None)
    return CastColumn(pc.cast(readable, target, safe=False), to_mask(pc.invert(is_readable)))


def _cast_int(name: str, values: pa.ChunkedArray) -> CastColumn:
    kind, target = values.type, pa.int64()
    if pa.types.is_uint64(kind):
        # With safe=False, larger values would wrap around to negative numbers.
        return _keep(values, pc.less_equal(values, pa.scalar(2**63 - 1, kind)), target)
    if pa.types.is_integer(kind):
        return CastColumn(values.cast(target), None)
    if pa.types.is_decimal(kind):
        numbers = read_numbers(values.cast(pa.string()), target, Csv()).values
        return CastColumn(numbers, to_mask(pc.and_(pc.is_null(numbers), pc.is_valid(values))))
    values = values.cast(pa.float64())
    # 2^63 itself is a float64, but one more than the largest int64.
    return _keep(
        values, pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**63)), target
    )


def _cast_float(name: str, values: pa.ChunkedArray) -> CastColumn:
    if pa.types.is_decimal(values.type):
        return CastColumn(_round_decimals(values), None)
    # safe=False: whole numbers beyond 2^53 are rounded.
    numbers = pc.cast(values, pa.float64(), safe=False)
    is_nan = pc.is_nan(numbers)
    if not pc.any(is_nan).as_py():
        return CastColumn(numbers, None)
    # NaN is a result that does not exist, not a missing value: the text nan is unreadable as well.
    return CastColumn(pc.if_else(is_nan, None, numbers), to_mask(is_nan))


def _round_decimals(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Decimals as the nearest floats. Arrow's cast is off by a bit: 0.0021 becomes 0.0021000000000000003."""
    scale = values.type.scale
    if pa.types.is_decimal128(values.type) and 0 <= scale <= _LARGEST_POWER:
        filled = pc.fill_null(values, 0).combine_chunks()
        words = np.frombuffer(filled.buffers()[1], np.int64)[2 * filled.offset :][: 2 * len(filled)]
        low, high = words[::2], words[1::2]
        if np.all((high == low >> 63) & (np.abs(low) < _LARGEST_EXACT)):
            # Both are exact, so the quotient is the nearest float to the decimal.
            numbers = pa.array(low / 10.0**scale, mask=pc.is_null(values).to_numpy())
            return pa.chunked_array([numbers])
    return read_numbers(values.cast(pa.string()), pa.float64(), Csv()).values


def _cast_bool(name: str, values: pa.ChunkedArray) -> CastColumn:
    if pa.types.is_boolean(values.type):
        return CastColumn(values, None)
    numbers = pc.cast(values, pa.float64(), safe=False)
    return _keep(pc.equal(numbers, 1.0), pc.or_(pc.equal(numbers, 0.0), pc.equal(numbers, 1.0)), pa.bool_())


def _cast_label(name: str, values: pa.ChunkedArray) -> CastColumn:
    """Numbers as text: ids and codes. Next to a null, pandas stores whole numbers as floats."""
    kind = values.type
    if pa.types.is_integer(kind):
        return CastColumn(values.cast(pa.string()), None)
    if pa.types.is_floating(kind):
        values = values.cast(pa.float64())
        values = pc.if_else(pc.is_nan(values), None, values)
        if not pc.all(pc.less(pc.abs(values), _LARGEST_EXACT)).as_py():
            raise _refuse_label(name, kind, "beyond 2^53, where ids may have been rounded")
        if not pc.all(pc.equal(pc.floor(values), values)).as_py():
            raise _refuse_label(name, kind, "with fractions")
        return CastColumn(values.cast(pa.int64()).cast(pa.string()), None)
    digits = values.cast(pa.string())
    if not pc.all(pc.match_substring_regex(digits, r"^-?\d+(\.0*)?$")).as_py():
        raise _refuse_label(name, kind, "with fractions")
    return CastColumn(pc.replace_substring_regex(digits, r"\.0*$", ""), None)


def _refuse_label(name: str, kind: pa.DataType, problem: str) -> Refused:
    return Refused(
        "wrong-type",
        f"column {name} is {kind} in the file and has numbers {problem}; the contract says text: write the "
        "column as text or as whole numbers",
    )


def _cast_times(name: str, values: pa.ChunkedArray, column: Column, dialect: Dialect) -> CastColumn:
    kind, formats = values.type, column.formats
    if kind == MICROSECONDS and has_only_years(values):
        return CastColumn(values, None)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        times = convert_stamps(values, dialect.timezone)
    elif not _is_number(kind) or column.format is None:
        advice = "; declare its format, such as epoch-seconds or %Y%m%d" if _is_number(kind) else ""
        raise _refuse_type(name, values, column, advice)
    else:
        times = _read_numbers_as_times(values, formats, dialect.timezone)
    unreadable = pc.is_valid(values).to_numpy() & ~times.is_read
    odd = {f"{name} has digits beyond microseconds, which were cut": times.is_cut}
    return CastColumn(times.to_arrow(), unreadable if unreadable.any() else None, list_odd(odd))


def _read_numbers_as_times(values: pa.ChunkedArray, formats: tuple[str, ...], timezone: str) -> Times:
    """Counts of an epoch, or numbers whose digits are a date, such as 20240515."""
    if not pa.types.is_decimal(values.type) and len(formats) == 1 and formats[0] in EPOCHS:
        return convert_epochs(values, formats[0], timezone)
    if pa.types.is_floating(values.type):
        values = _cast_int("", values).values
    return parse_times(values.cast(pa.string()), formats, timezone)
