"""Refused rows as JSON: the same bytes as json.dumps of each row, whatever is in it."""

import json
from datetime import date
from decimal import Decimal

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from segmentation.rows.judging.json_records import encode_records

TEXTS = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1), st.text(st.characters(exclude_categories=["Cs"])))
@settings(max_examples=50, deadline=None)
def test_texts_are_escaped_as_json_does(rows: list[tuple[str | None, str | None]], name: str) -> None:
    """Quotes, control characters and line separators, in values and in columns' names."""
    names = [name, f"{name}2"]
    table = pa.table([pa.array(values, pa.string()) for values in zip(*rows, strict=True)], names=names)
    expected = [json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in rows]
    assert encode_records(table).to_pylist() == expected


def test_typed_values_are_written_as_json_does() -> None:
    """Numbers, dates, decimals, truth values and lists, and missing ones of each."""
    columns = {
        "i": [1, None, -(2**63)],
        "f": [0.1, None, float("nan")],
        "b": [True, None, False],
        "d": [date(2026, 1, 31), None, date(1, 1, 1)],
        "m": [Decimal("1.50"), None, Decimal("-0.05")],
        "l": [["a\0", "b"], None, []],
    }
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    expected = [json.dumps(row, ensure_ascii=False, default=str) for row in rows]
    assert encode_records(pa.table(columns)).to_pylist() == expected
