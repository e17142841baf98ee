"""A database column's Python values as an Arrow array: typed where all fit, text where some do not.

A cell that does not fit is quarantined later, by the casts that read text files too. A type that can never
become the declared one is refused by the column's name. staged_table.py writes the arrays.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

import pyarrow as pa

from config.columns import Column
from segmentation.errors import Refused

NAIVE, AWARE = pa.timestamp("us"), pa.timestamp("us", "UTC")
STAGED_TYPES = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "timestamp": NAIVE}
_PLAIN_TYPES: dict[str, set[type]] = {
    "int": {int},
    "float": {float},
    "bool": {bool},
    "text": {str},
    "category": {str},
}
_LARGEST_EXACT = 2**53
_LARGEST_FLOAT = Decimal(2) ** 1024
_EPOCH = date(1970, 1, 1).toordinal()


class Unbounded(str):
    """The text of a time that Python cannot hold: infinity, a year before 1 or after 9999."""

    __slots__ = ()


def convert_cells(name: str, values: Sequence[object], column: Column) -> pa.Array:
    """The values of one column of a batch. Refused if one of them has a type that never fits."""
    kinds = set(map(type, values)) - {type(None)}
    if column.type == "timestamp":
        return _convert_times(name, values, column)
    # Arrow would cut 1.5 to 1 and take True for 1.0, so the types decide and not its errors.
    if kinds <= _PLAIN_TYPES[column.type]:
        with suppress(OverflowError):
            return pa.array(values, STAGED_TYPES.get(column.type, pa.string()))
    if kinds == {Decimal} and column.type == "float":
        return pa.array([None if value is None else float(value) for value in values], pa.float64())  # type: ignore[arg-type]
    if kinds & {bytes, memoryview}:
        return _convert_bytes(name, values, column)
    if column.type in ("text", "category"):
        return pa.array([_to_label(name, value, column) for value in values], pa.string())
    cells = [None if value is None else _convert_cell(name, value, column) for value in values]
    # All of the batch as text: an Arrow column has one type.
    if any(isinstance(cell, str) for cell in cells):
        return pa.array([None if value is None else _write(value) for value in values], pa.string())
    return pa.array(cells, STAGED_TYPES[column.type])


def _convert_cell(name: str, value: object, column: Column) -> int | float | bool | str:
    """A value in the declared type, or as text where it does not fit."""
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    if column.type == "bool" and isinstance(value, (bool, int, float, Decimal)):
        return bool(value) if value in (0, 1) else _write(value)
    if not is_number and not isinstance(value, str):
        raise _refuse(name, value, column)
    number = Decimal(value) if is_number else Decimal("NaN")  # type: ignore[arg-type]
    if column.type == "float" and is_number:
        # Text where it is beyond the largest float: reading it says so.
        return float(number) if not number.is_finite() or abs(number) < _LARGEST_FLOAT else _write(value)
    is_whole = number.is_finite() and -(2**63) <= number < 2**63 and number == number.to_integral_value()
    return int(number) if column.type == "int" and is_whole else _write(value)


def _refuse(name: str, value: object, column: Column, problem: str = "") -> Refused:
    return Refused(
        "wrong-type",
        f"column {name} is {type(value).__name__} in the database{problem}; the contract says {column.type}",
    )


def _write(value: object) -> str:
    """A value as the text that a text file would hold."""
    if isinstance(value, bool):
        return str(value).lower()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _convert_bytes(name: str, values: Sequence[object], column: Column) -> pa.Array:
    """Bytes as they are: whether they are text in UTF-8 is found out when they are read."""
    if not all(value is None or isinstance(value, (bytes, memoryview)) for value in values):
        raise _refuse(name, b"", column, " in some rows")
    return pa.array([None if value is None else bytes(value) for value in values], pa.binary())  # type: ignore[call-overload]


def _to_label(name: str, value: object, column: Column) -> str | None:
    """An id or a code as text. Numbers must be whole, because 1.5 and 1.50 would be two ids."""
    # Only NaN differs from itself, and as an id it means a missing one.
    if value is None or value != value:
        return None
    if isinstance(value, (str, int, UUID)):
        return _write(value)
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return str(int(value))
    if isinstance(value, float) and abs(value) < _LARGEST_EXACT and value == int(value):
        return str(int(value))
    problem = ", with fractions or beyond 2^53" if isinstance(value, (float, Decimal)) else ""
    raise _refuse(name, value, column, problem)


def _convert_times(name: str, values: Sequence[object], column: Column) -> pa.Array:
    """Dates and timestamps as timestamps; texts and numbers as text, to be read in the declared format."""
    present = [value for value in values if value is not None]
    kinds = set(map(type, present))
    if kinds & {date, datetime, Unbounded}:
        if kinds - {date, datetime, Unbounded}:
            raise _refuse(name, present[0], column, " in some rows")
        is_aware = any(isinstance(value, datetime) and value.tzinfo is not None for value in present)
        kind = AWARE if is_aware else NAIVE
        if kinds == {datetime}:
            return pa.array(values, kind)
        # Arrow cannot mix dates, timestamps and times that Python cannot hold.
        micros = [None if value is None else _count_micros(value) for value in values]
        return pa.array(micros, pa.int64()).cast(kind)
    for value in present:
        if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
            raise _refuse(name, value, column)
        if not isinstance(value, str) and column.format is None:
            raise _refuse(name, value, column, ": declare its format, such as epoch-seconds")
    return pa.array([None if value is None else _write(value) for value in values], pa.string())


def _count_micros(value: object) -> int:
    """Microseconds since 1970; beyond all years for a time that Python cannot hold."""
    if isinstance(value, datetime):
        offset = value.utcoffset()
        seconds = (value.toordinal() - _EPOCH) * 86_400 + value.hour * 3600 + value.minute * 60 + value.second
        return seconds * 1_000_000 + value.microsecond - (int(offset.total_seconds() * 1e6) if offset else 0)
    if isinstance(value, date):
        return (value.toordinal() - _EPOCH) * 86_400_000_000
    return -(2**63) + 1 if str(value).startswith("-") or str(value).endswith("BC") else 2**63 - 1
