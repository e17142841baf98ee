"""Casting text and file types to declared types: what is read and what is unreadable."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.columns import Column, ColumnType
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.casting.text_columns import Dialect, cast_column, cast_id

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
        ("7.0", 7),
        ("7.5", None),
        ("1e3", None),
        ("0x10", None),
        ("1,234", None),
        ("1_0", None),
        (" 7", 7),
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


def test_null_values_are_the_declared_ones() -> None:
    """Only declared texts mean missing; NA is unreadable unless it is declared."""
    assert cast(pa.array(["", "NA", "1"]), "int") == ([None, None, 1], [1])
    assert cast(pa.array(["", "NA", "1"]), "int", Csv(null_values=("NA",))) == ([None, None, 1], [0])


def test_text_is_never_touched() -> None:
    """Texts keep zeros, spaces and the letters NA. Text that means a missing value is null."""
    texts = ["007", " 7 ", "NA", "null", "1e5"]
    assert cast(pa.array([*texts, ""]), "text") == ([*texts, None], [])
    assert cast(pa.array([*texts, ""]), "category") == ([*texts, None], [])
    assert cast(pa.array(["NA", ""]), "text", Csv(null_values=("NA",))) == ([None, ""], [])


def test_ids_that_mean_missing_are_blank() -> None:
    """A declared null value is a blank id; a null of a typed file stays null, which is another reason."""
    csv = Csv(null_values=("", "\\N"))
    ids = cast_id("id", pa.chunked_array([pa.array(["007", "", "\\N", None])]), Dialect(csv))
    assert ids.values.to_pylist() == ["007", "", "", None]


@pytest.mark.parametrize("kind", ["text", "int", "float", "timestamp"])
def test_formulas_of_excel_are_unwrapped_and_counted(kind: ColumnType) -> None:
    """A text such as ="007" is 007, in columns of every type, and a run says how many there were."""
    texts = pa.array(['="20240515"', "20240515", '="a ""b"""'])
    column = cast_column("c", pa.chunked_array([texts]), Column(type=kind), Dialect(CSV))
    values = column.values.to_pylist()
    assert values[0] == values[1] is not None
    assert values[2] == ('a "b"' if kind == "text" else None)
    counts = {sentence: mask.sum() for sentence, mask in column.oddities.items()}
    assert counts == {'c was a formula such as ="1", which was unwrapped': 2}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((text, True) for text in ("TRUE", "t", "Y", "yes", "1", "1.0")),
        *((text, False) for text in ("false", "F", "n", "No", "0", "0.0")),
        *((text, None) for text in ("maybe", "2", "on", "ja", " t")),
    ],
)
def test_booleans(text: str, expected: bool | None) -> None:
    """Common English booleans are read in any case; other words are unreadable."""
    assert cast(pa.array([text, ""]), "bool") == ([expected, None], [0] if expected is None else [])


def test_empty_columns_get_the_declared_type() -> None:
    """An empty column has its declared type."""
    for kind, expected in (("int", pa.int64()), ("float", pa.float64()), ("bool", pa.bool_())):
        values, mask, _ = cast_column(
            "c", pa.chunked_array([[]], pa.string()), Column.model_validate({"type": kind}), Dialect(CSV)
        )
        assert (values.type, len(values), mask) == (expected, 0, None)


def test_whole_floats_of_a_file_are_integers() -> None:
    """A float column declared int keeps whole numbers; halves, NaN, infinity and 1e20 are unreadable."""
    result = cast(pa.array([1.0, 2.5, None, float("nan"), float("inf"), -3.0, 2.0**63, 1e20]), "int")
    assert result == ([1, None, None, None, None, -3, None, None], [1, 3, 4, 6, 7])


def test_nan_is_unreadable_as_a_number() -> None:
    """NaN in a file does not mean a missing value, nor does the text NaN."""
    assert cast(pa.array([1.5, float("nan"), None]), "float") == ([1.5, None, None], [1])
    assert cast(pa.array(["1.5", "NaN", ""]), "float") == ([1.5, None, None], [1])


def test_unsigned_numbers_beyond_int64_are_unreadable() -> None:
    """uint64 values are read if they fit into int64."""
    result = cast(pa.array([1, 2**63 - 1, 2**63], pa.uint64()), "int")
    assert result == ([1, 2**63 - 1, None], [2])


def decimals(*values: str, precision: int = 38, scale: int = 0) -> pa.Array:
    """An array of decimal numbers."""
    return pa.array([Decimal(value) for value in values], pa.decimal128(precision, scale))


@pytest.mark.parametrize(
    ("values", "kind", "expected", "unreadable"),
    [
        (decimals("7", "9223372036854775808", "-3"), "int", [7, None, -3], [1]),
        (decimals("7.00", "7.25", scale=2), "int", [7, None], [1]),
        (decimals("7.25", "0.1", scale=2), "float", [7.25, 0.1], []),
        (decimals("123456789012345678901", "7"), "text", ["123456789012345678901", "7"], []),
        (decimals("17850.00", scale=2), "text", ["17850"], []),
        (pa.array([17850.0, None, float("nan"), -0.0]), "text", ["17850", None, None, "0"], []),
        (pa.array([2.0**53 - 1]), "text", ["9007199254740991"], []),
        (pa.array([1.5, 2.0, None], pa.float16()), "float", [1.5, 2.0, None], []),
        (pa.array([1.5, 2.0, None], pa.float16()), "int", [None, 2, None], [0]),
        (pa.array([0, 1, 2, None], pa.int8()), "bool", [False, True, None, None], [2]),
        (pa.array([0.0, 1.0, 0.5]), "bool", [False, True, None], [2]),
        (pa.array([b"007", b"\xff", None]), "text", ["007", None, None], [1]),
        (pa.array([b"1.5"], pa.large_binary()), "float", [1.5], []),
        (pa.array(["a", None], pa.large_string()), "text", ["a", None], []),
        (pa.array(["2024-05-15"], pa.string_view()), "timestamp", [datetime(2024, 5, 15)], []),
        (pa.array([17, 17]).dictionary_encode(), "text", ["17", "17"], []),
        (pa.array(["1", "2", "1"]).dictionary_encode(), "int", [1, 2, 1], []),
        (pc.run_end_encode(pa.array([5, 5, 6])), "int", [5, 5, 6], []),
        (pa.nulls(2), "float", [None, None], []),
        (pa.array([20240515, None]).cast(pa.int32()), "text", ["20240515", None], []),
    ],
)
def test_types_of_a_file_are_cast_value_by_value(
    values: pa.Array, kind: ColumnType, expected: list[object], unreadable: list[int]
) -> None:
    """Whatever a value is stored as, an equal value of the declared type is read; others are unreadable."""
    assert cast(values, kind) == (expected, unreadable)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1.5]), "text"),
        (pa.array([2.0**53]), "text"),
        (decimals("1.5", scale=1), "text"),
        (pa.array([True]), "int"),
        (pa.array([1]), "timestamp"),
        (pa.array([[1]]), "float"),
        (pa.array([timedelta(days=1)]), "timestamp"),
        (pa.array([time(9)]), "timestamp"),
    ],
)
def test_types_that_cannot_become_the_declared_one_are_refused(values: pa.Array, kind: ColumnType) -> None:
    """A file type that never fits, such as ids with fractions, is refused with the column's name."""
    with pytest.raises(Refused, match="column c is") as refusal:
        cast(values, kind)
    assert refusal.value.code == "wrong-type"


@given(st.lists(st.decimals(-(10**20), 10**20, places=4, allow_nan=False), min_size=1, max_size=20))
def test_decimals_are_the_numbers_that_their_texts_are(values: list[Decimal]) -> None:
    """A decimal column and its CSV text give the same floats, to the last bit."""
    from_file = cast(pa.array(values, pa.decimal128(38, 4)), "float")
    assert from_file == cast(pa.array([f"{value:.4f}" for value in values]), "float")


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        ([*(f"{n}" for n in range(1000, 1090)), *["1.23E+05"] * 10], 10),
        ([*(f"{n}" for n in range(1000, 1090)), *(f"{n}.0" for n in range(10))], 10),
        ([f"{n}.0" for n in range(100)], 0),
        ([*(f"SKU-{n}" for n in range(96)), *(f"{n}E5" for n in range(4))], 0),
    ],
)
def test_texts_that_a_spreadsheet_rewrote_are_counted(texts: list[str], count: int) -> None:
    """Rounded numbers of orders, and those that end in .0 where others do not, are counted and kept."""
    values = pa.chunked_array([pa.array(texts)])
    column = cast_column("order_id", values, Column(type="text"), Dialect(Csv()))
    assert column.values.to_pylist() == texts
    assert [mask.sum() for mask in column.oddities.values()] == ([count] if count else [])
    assert all("rewritten by a spreadsheet" in text for text in column.oddities)
