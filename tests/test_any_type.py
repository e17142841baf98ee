"""Whatever type and value a column of a file has: it is cast to the declared type, or refused in words."""

import uuid

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from config.columns import Column
from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.casting.cast_column import ARROW_TYPES
from segmentation.rows.casting.text_columns import Dialect, cast_column, cast_id
from segmentation.rows.reading.raw_values import list_values, to_text

TEXTS = [
    *(
        "",
        "0",
        "-1",
        "1.5",
        "1,234",
        "3.0",
        "nan",
        "-inf",
        "1e400",
        "9" * 25,
        "0x10",
        "２",
        "١",
        "$5",
        "(5)",
        "5-",
    ),
    *("2024-05-15", "2024-02-30", "2024-05-15T09:16:16.123456789Z", "15/05/2024", "now", "infinity", "24:00"),
    *(
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1718000000",
        "20240515",
        "0000-00-00",
        "T",
        "Z",
    ),
    *(
        "\0",
        "a\0b",
        "\u202f5",
        '="007"',
        '="',
        '=""""',
        "t",
        "Y",
        "-" * 300,
        "a" * 1000,
        "é",
        " 7 ",
        "+02:00",
    ),
]
DIALECTS = [
    Csv(),
    Csv(thousands=",", null_values=("0", "")),
    Csv(decimal=",", delimiter=";", thousands="."),
    Csv(currency_marks=("$", "EUR"), negative=("trailing", "parentheses"), thousands=" "),
]
FORMATS = [None, "epoch-seconds", "epoch-microseconds", "%Y%m%d", ("iso", "%d/%m/%Y"), "%d %b %Y %I:%M %p %z"]
ZONES = (None, "UTC", "Mars/Olympus", "+05:30", "America/New_York")
STAMPS = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in ZONES]
WORDS = [
    *(pa.int8(), pa.int64(), pa.uint64(), pa.date32(), pa.date64(), pa.time32("s"), pa.time64("ns")),
    *(pa.duration("s"), *STAMPS),
]
DECIMALS = [pa.decimal128(38, 0), pa.decimal128(10, 2), pa.decimal128(38, 20), pa.decimal256(76, 10)]
NESTED = [
    pa.nulls(3),
    pa.array([[1], None]),
    pa.array([{"a": 1}]),
    pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
    pa.array([b"0123456789abcdef", None], pa.binary(16)),
    pa.ExtensionArray.from_storage(pa.uuid(), pa.array([uuid.UUID(int=5).bytes, None], pa.binary(16))),
    pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None])),
    pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0, None], pa.int8())),
    pc.run_end_encode(pa.array([1, 1, None])),
    pa.array(["1", "x", None]).dictionary_encode(),
    pa.array([None], pa.month_day_nano_interval()),
    *(pa.array([None], kind) for kind in (pa.decimal32(9, 2), pa.decimal64(18, 3), pa.decimal256(76, -5))),
    pa.DictionaryArray.from_arrays(pa.array([0, None]), pa.array([[1], None])),
    pa.RunEndEncodedArray.from_arrays(pa.array([1, 2]), pa.array(["x", None], pa.string_view())),
    pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, None])]),
    # The first and the last instants, which Python cannot convert to a zone.
    *(
        pa.array([-62_135_596_800_000_000, 253_402_300_799_999_999], pa.timestamp("us", z))
        for z in ("UTC", "-23:59")
    ),
]


def make_words(kind: pa.DataType, generator: np.random.Generator) -> pa.Array:
    """Any bits that the type can hold, the extreme ones among them."""
    width = kind.bit_width
    values = [0, 1, -1, 2 ** (width - 1) - 1, 1 - 2 ** (width - 1)]
    values += generator.integers(1 - 2 ** (width - 1), 2 ** (width - 1) - 1, 5).tolist()
    words = np.array(values, f"int{width}")
    return pa.concat_arrays([pa.array(words).view(kind), pa.nulls(1, kind)])


def list_columns() -> list[pa.Array]:
    """Columns of every type that Arrow has, texts of all kinds among them."""
    floats = [0.0, -0.0, 1.5, float("nan"), float("inf"), -3.0, None]
    columns = [make_words(kind, np.random.default_rng(7)) for kind in WORDS]
    columns += [pa.array(floats, kind) for kind in (pa.float16(), pa.float32(), pa.float64())]
    columns += [pa.array(["0", "7", None]).cast(kind) for kind in DECIMALS]
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary()):
        columns.append(pa.array([*TEXTS, None], kind))
    return [*columns, pa.array([b"\xff", b"", None]), pa.array([True, None]), *NESTED]


@pytest.mark.parametrize("column", list_columns(), ids=lambda column: str(column.type))
def test_any_column_is_cast_or_refused(column: pa.Array) -> None:
    """No type, value, slice or dialect ends in another error, and masks are as long as the column."""
    for number, kind in enumerate(ARROW_TYPES):
        for array in (column, column[1:], column[:0]):
            chunks = pa.chunked_array([array, array] if number % 2 else [array])
            for text_format in FORMATS if kind == "timestamp" else (None,):
                contract = Column.model_validate({"type": kind, "format": text_format})
                check_cast(chunks, contract, DIALECTS[number % len(DIALECTS)])
        check_cast(pa.chunked_array([], column.type), Column.model_validate({"type": kind}), Csv())
    assert len(list_values(pa.chunked_array([column]))) == len(to_text(pa.chunked_array([column])))


def check_cast(values: pa.ChunkedArray, column: Column, csv: Csv) -> None:
    """Cast the values as a column and, if it is text, as ids."""
    dialect = Dialect(csv, "UTC" if csv.thousands else "Asia/Kolkata")
    try:
        casts = [cast_column("c", values, column, dialect)]
        casts += [cast_id("c", values, dialect)] if column.type == "text" else []
    except Refused as refusal:
        assert refusal.code == "wrong-type"
        return
    for cast in casts:
        assert cast.values.type == ARROW_TYPES[column.type]
        masks = [*cast.oddities.values(), *([] if cast.unreadable is None else [cast.unreadable])]
        assert {len(cast.values), *map(len, masks)} == {len(values)}
        cast.values.to_pylist()
