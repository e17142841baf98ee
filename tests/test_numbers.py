"""Numbers as people write them: read in declared forms, and recognised in others."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.columns import Column, ColumnType
from config.sources import Csv
from segmentation.rows.casting.number_estimates import lenient_number, looks_like_number
from segmentation.rows.casting.text_columns import Dialect, cast_column

COMMA = {"thousands": ","}
POINT = {"thousands": ".", "decimal": ",", "delimiter": ";"}
BLANK = {"thousands": " ", "decimal": ",", "delimiter": ";"}
MONEY = {"currency_marks": ["$", "EUR", "%"], "negative": ["trailing", "parentheses"]}


def read(text: str, csv: dict[str, object], kind: ColumnType = "float") -> object:
    """What one text is read as, with neighbours so that the fast path cannot read all."""
    texts = pa.chunked_array([pa.array(["1", text, "no number"])])
    return cast_column("c", texts, Column(type=kind), Dialect(Csv.model_validate(csv))).values[1].as_py()


@pytest.mark.parametrize(
    ("text", "csv", "expected"),
    [
        ("3,204.00", {}, None),
        ("3,204.00", COMMA, 3204.0),
        ("-1,234,567.5", COMMA, -1234567.5),
        ("1234567.5", COMMA, 1234567.5),
        ("12,34,567.5", COMMA, 1234567.5),
        ("1,23,4.5", COMMA, None),
        ("1,234,56", COMMA, None),
        ("0,123", COMMA, None),
        (",123", COMMA, None),
        ("1.234,5", POINT, 1234.5),
        ("1.234", POINT, 1234.0),
        ("1.5", POINT, None),
        ("1,5", POINT, 1.5),
        ("1.5", {"decimal": ",", "delimiter": ";"}, None),
        ("1.234,5", {"decimal": ",", "delimiter": ";"}, None),
        ("1 234,5", BLANK, 1234.5),
        ("1\u00a0234,5", BLANK, 1234.5),
        ("1\u202f234\u202f567", BLANK, 1234567.0),
        ("1 23,5", BLANK, None),
        ("1'234.50", {"thousands": "'"}, 1234.5),
        ("1’234.50", {"thousands": "'"}, 1234.5),
        ("$5", MONEY, 5.0),
        ("-$5.25", MONEY, -5.25),
        ("$-5.25", MONEY, -5.25),
        ("5.25 EUR", MONEY, 5.25),
        ("EUR\u00a05.25", MONEY, 5.25),
        ("5.25-", MONEY, -5.25),
        ("5.25- EUR", MONEY, -5.25),
        ("5.25 EUR-", MONEY, -5.25),
        ("(5.25)", MONEY, -5.25),
        ("($5.25)", MONEY, -5.25),
        ("12.5%", MONEY, 12.5),
        ("£5", MONEY, None),
        ("$5 EUR", MONEY, None),
        ("-5-", MONEY, None),
        ("(-5)", MONEY, None),
        ("(5", MONEY, None),
        ("$", MONEY, None),
        ("5.25-", {}, None),
        ("(5.25)", {}, None),
        ("\u22125.25", {}, -5.25),
        ("\u00a05.25 ", {}, 5.25),
        (" 1e3 ", {}, 1000.0),
        (" -inf", {}, float("-inf")),
        ("$3,204.00", {**MONEY, **COMMA}, 3204.0),
    ],
)
def test_a_number_is_read_in_the_declared_form_only(
    text: str, csv: dict[str, object], expected: float | None
) -> None:
    """Marks are read where they are declared and well placed; otherwise the value is unreadable."""
    assert read(text, csv) == expected


@pytest.mark.parametrize(
    ("text", "csv", "expected"),
    [("3.0", {}, 3), ("3,00", POINT, 3), ("3.000", POINT, 3000), ("3.5", {}, None), ("1,234", COMMA, 1234)],
)
def test_whole_numbers_may_be_written_with_a_zero_fraction(
    text: str, csv: dict[str, object], expected: int | None
) -> None:
    """A spreadsheet saves 3 as 3.0, which is the same number."""
    assert read(text, csv, "int") == expected


WRITTEN = [
    "1",
    "-5",
    "007",
    "+7",
    "3.0",
    "-4.00",
    "3.5",
    "0x10",
    "1E3",
    " 2 ",
    "nan",
    "-inf",
    "-0",
    ".5",
    "5.",
]
WRITTEN += ["9" * 18, "9" * 19, "-9223372036854775808", "1,5", "1,234", "$5", "(7)", "n/a", "", "１", "8\n"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(WRITTEN), min_size=2, max_size=8),
    st.sampled_from(["int", "float"]),
    st.sampled_from([{}, COMMA, POINT, MONEY]),
)
def test_a_number_is_read_as_if_it_were_alone(
    texts: list[str], kind: ColumnType, csv: dict[str, object]
) -> None:
    """Neighbours decide how fast a value is read, and not what it means."""
    column, dialect = Column(type=kind), Dialect(Csv.model_validate(csv))
    alone = [cast_column("c", pa.chunked_array([[text]]), column, dialect) for text in texts]
    together = cast_column("c", pa.chunked_array([texts]), column, dialect)
    assert together.values.to_pylist() == [cast.values[0].as_py() for cast in alone]
    fraction = "c is a whole number written with a fraction, such as 3.0"
    counted = [bool(cast.oddities[fraction][0]) if fraction in cast.oddities else False for cast in alone]
    assert together.oddities.get(fraction, np.zeros(len(texts), bool)).tolist() == counted


def test_whole_numbers_with_a_fraction_are_counted() -> None:
    """The values that were read are counted apart from the fractions that were refused."""
    texts = pa.chunked_array([pa.array(["1", "3.0", "4.0", "4.5", None])])
    column = cast_column("c", texts, Column(type="int"), Dialect(Csv()))
    assert {sentence: mask.tolist() for sentence, mask in column.oddities.items()} == {
        "c is a whole number written with a fraction, such as 3.0": [
            False,
            True,
            True,
            False,
            False,
        ],
        "c is unreadable but looks like a number with a fraction; declare type: float": [
            *[False, False, False, True, False]
        ],
    }


@given(st.lists(st.decimals(-(10**9), 10**9, places=2, allow_nan=False), min_size=1, max_size=10))
def test_grouped_numbers_are_the_plain_ones(values: list[object]) -> None:
    """Python's own grouping, in three styles, is read as the same floats as the plain text."""
    plain = [float(f"{value:.2f}") for value in values]
    grouped = [f"{value:,.2f}" for value in values]
    swapped = [text.translate(str.maketrans(",.", ".,")) for text in grouped]
    accounts = [f"({text[1:]})" if text.startswith("-") else text for text in grouped]
    for texts, csv in (
        (grouped, Csv(thousands=",")),
        (swapped, Csv(thousands=".", decimal=",", delimiter=";")),
        (accounts, Csv(thousands=",", negative=("parentheses",))),
    ):
        column = cast_column("c", pa.chunked_array([pa.array(texts)]), Column(type="float"), Dialect(csv))
        assert column.values.to_pylist() == plain
        assert column.unreadable is None


@pytest.mark.parametrize(
    ("text", "number", "key"),
    [
        ("3,204.00", 3204.0, "a comma between thousands; declare source.csv.thousands"),
        ("1.234,50", 1234.5, "a point between thousands; declare source.csv.thousands"),
        ("1 234", 1234.0, "a blank between thousands; declare source.csv.thousands"),
        ("12,50", 12.5, "a decimal comma; declare source.csv.decimal"),
        ("€1,234.50", 1234.5, "a currency mark; declare source.csv.currency_marks"),
        ("12.50 USD", 12.5, "a currency mark; declare source.csv.currency_marks"),
        ("5%", 5.0, "a percent sign; declare source.csv.currency_marks: ['%']"),
        ("12.50-", -12.5, "a trailing minus; declare source.csv.negative"),
        ("(1,234)", -1234.0, "parentheses for a minus; declare source.csv.negative"),
    ],
)
def test_an_unreadable_number_names_the_key_that_would_read_it(text: str, number: float, key: str) -> None:
    """Values in a form that is not declared are counted, estimated and named by their form."""
    texts = pa.chunked_array([pa.array([text, "1", "n/a", "2024-05-15"])])
    column = cast_column("total", texts, Column(type="float"), Dialect(Csv()))
    assert [values.sum() for values in column.oddities.values()] == [1]
    assert list(column.oddities) == [f"total is unreadable but looks like a number with {key}"]
    assert looks_like_number(texts).tolist() == [True, True, False, False]
    assert np.array_equal(lenient_number(texts), [number, 1.0, np.nan, np.nan], equal_nan=True)


@pytest.mark.parametrize(
    ("texts", "csv", "count"),
    [
        (["5", "1.234", "870", "2.500", "12", "-7.000"], {}, 3),
        (["5", "1,234", "870", "2,500", "12", "7,000"], {"decimal": ",", "delimiter": ";"}, 3),
        (["5", "1.234", "870", "2.5", "12", "7.000"], {}, 0),
        (["5", "1.234", "1870", "2.500", "12", "7.000"], {}, 0),
        (["5.000", "1.234", "0.870", "2.500", "12.000", "7.000"], {}, 0),
        (["0", "0.125", "0.250", "1", "1", "0.375"], {}, 0),
    ],
)
def test_decimal_marks_that_may_be_of_thousands_are_counted(
    texts: list[str], csv: dict[str, object], count: int
) -> None:
    """1.234 next to 870 may be 1234: such values are counted, and read as they are declared."""
    values = pa.chunked_array([pa.array(texts)])
    column = cast_column("total", values, Column(type="float"), Dialect(Csv.model_validate(csv)))
    assert [mask.sum() for mask in column.oddities.values()] == ([count] if count else [])
    assert all("as in 1.234 for 1234" in text for text in column.oddities)
    assert column.unreadable is None


@pytest.mark.parametrize(
    ("csv", "message"),
    [
        ({"thousands": "."}, "decimal mark"),
        ({"thousands": "5"}, "digit"),
        ({"thousands": ",,"}, "at most 1 character"),
        ({"currency_marks": ["-"]}, "signs"),
        ({"negative": ["red"]}, "parentheses"),
    ],
)
def test_marks_that_would_read_a_number_in_two_ways_are_refused(csv: dict[str, object], message: str) -> None:
    """The definition is refused, and the message says what a mark may be."""
    with pytest.raises(ValueError, match=message):
        Csv.model_validate(csv)
