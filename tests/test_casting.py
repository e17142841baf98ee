"""Casting text and file types to declared types: what is read and what is unreadable."""

from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest

from config.columns import Column, ColumnType
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.casting import Dialect, cast_column

CSV = Csv()


def cast(values: pa.Array, kind: ColumnType, csv: Csv = CSV) -> tuple[list[object], list[int]]:
    """The cast values, and the positions of unreadable ones."""
    column = cast_column("c", pa.chunked_array([values]), Column(type=kind), Dialect(csv))
    unreadable = [] if column.unreadable is None else np.flatnonzero(column.unreadable).tolist()
    return column.values.to_pylist(), unreadable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        (str(2**63 - 1), 2**63 - 1),
        (str(-(2**63)), -(2**63)),
        ("000000000000000000000012", 12),
        (str(2**63), None),
        (str(-(2**63) - 1), None),
        ("99999999999999999999", None),
        ("7.0", None),
        ("1e3", None),
        ("0x10", None),
        ("1,234", None),
        ("1_0", None),
        (" 7", None),
        ("７", None),
        ("٣", None),
        ("n/a", None),
        ("-", None),
    ],
)
@pytest.mark.parametrize("neighbour", ["1", "no number"])
def test_whole_numbers(text: str, expected: int | None, neighbour: str) -> None:
    """Whole numbers in ASCII digits are read exactly, whatever the other values of the batch."""
    values, unreadable = cast(pa.array([text, neighbour]), "int")
    assert values[0] == expected
    assert (0 in unreadable) == (expected is None)
    assert (1 in unreadable) == (neighbour != "1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.5", 1.5),
        ("-.5", -0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("+2E-2", 0.02),
        ("inf", float("inf")),
        ("1e999", float("inf")),
        ("1,5", None),
        ("€5", None),
        ("5%", None),
        ("0x1p3", None),
        ("1.5.2", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("neighbour", ["1", "no number"])
def test_numbers(text: str, expected: float | None, neighbour: str) -> None:
    """Decimal numbers are read as in Python. Empty text is missing, not unreadable."""
    values, unreadable = cast(pa.array([text, neighbour]), "float")
    assert values[0] == expected
    assert (0 in unreadable) == (expected is None and text != "")


def test_decimal_comma() -> None:
    """With a decimal comma, a point is neither a decimal mark nor a thousands separator."""
    csv = Csv(delimiter=";", decimal=",")
    assert cast(pa.array(["1,5", "1.5", "2", "1.234,5"]), "float", csv) == ([1.5, None, 2.0, None], [1, 3])


def test_null_values_are_the_declared_ones() -> None:
    """Only declared texts mean missing; NA is unreadable unless it is declared."""
    assert cast(pa.array(["", "NA", "1"]), "int") == ([None, None, 1], [1])
    assert cast(pa.array(["", "NA", "1"]), "int", Csv(null_values=("NA",))) == ([None, None, 1], [0])


def test_text_is_never_touched() -> None:
    """Ids keep zeros, spaces and the letters NA, and are never null."""
    texts = ["007", " 7 ", "NA", "", "null", "1e5"]
    assert cast(pa.array(texts), "text") == (texts, [])
    assert cast(pa.array(texts), "category") == (texts, [])


def test_booleans() -> None:
    """true, false, 1 and 0 are read in any case; yes is unreadable."""
    result = cast(pa.array(["TRUE", "false", "1", "0", "yes", ""]), "bool")
    assert result == ([True, False, True, False, None, None], [4])


def test_timestamps_are_iso() -> None:
    """ISO dates and instants are read and converted to UTC; 01/02/2026 is unreadable."""
    values, unreadable = cast(
        pa.array(["2026-01-31", "2026-01-31T12:00:00+02:00", "01/02/2026", "2026-02-30", ""]), "timestamp"
    )
    assert values == [datetime(2026, 1, 31), datetime(2026, 1, 31, 10), None, None, None]
    assert unreadable == [2, 3]


def test_empty_columns_get_the_declared_type() -> None:
    """An empty column has its declared type."""
    for kind, expected in (("int", pa.int64()), ("float", pa.float64()), ("bool", pa.bool_())):
        values, mask = cast_column(
            "c", pa.chunked_array([[]], pa.string()), Column.model_validate({"type": kind}), Dialect(CSV)
        )
        assert (values.type, len(values), mask) == (expected, 0, None)


def test_whole_floats_of_a_file_are_integers() -> None:
    """A float column declared int keeps whole numbers; halves, NaN and infinity are unreadable."""
    result = cast(pa.array([1.0, 2.5, None, float("nan"), float("inf"), -3.0, 2.0**63]), "int")
    assert result == ([1, None, None, None, None, -3, None], [1, 3, 4, 6])


def test_unsigned_numbers_beyond_int64_are_unreadable() -> None:
    """uint64 values are read if they fit into int64."""
    result = cast(pa.array([1, 2**63 - 1, 2**63], pa.uint64()), "int")
    assert result == ([1, 2**63 - 1, None], [2])


def test_dictionaries_are_unpacked() -> None:
    """A dictionary column is cast by its values."""
    assert cast(pa.array(["1", "2", "1"]).dictionary_encode(), "int") == ([1, 2, 1], [])


def test_null_column_is_all_missing() -> None:
    """A column of type null is missing everywhere and has no unreadable values."""
    assert cast(pa.nulls(2), "float") == ([None, None], [])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1.5]), "text"),
        (pa.array([True]), "int"),
        (pa.array([1]), "bool"),
        (pa.array([1]), "timestamp"),
        (pa.array([[1]]), "float"),
    ],
)
def test_types_that_cannot_become_the_declared_one_are_refused(values: pa.Array, kind: ColumnType) -> None:
    """A file type that never fits, such as floating-point ids, is refused with the column's name."""
    with pytest.raises(Refused, match="column c is") as refusal:
        cast(values, kind)
    assert refusal.value.code == "wrong-type"
