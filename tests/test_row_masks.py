"""The contract's masks against pandera itself: random contracts, random dirty batches, the same reasons."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandera.pandas as pandera
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandera.errors import SchemaErrors

from config.columns import Rows
from schemas import row_masks
from schemas.contract import BrokenRule, list_refusals, rows_schema
from segmentation.rows.casting.cast_column import ARROW_TYPES
from segmentation.rows.judging.refusing import SortedReasons, count_mentions, sort_reasons

TEXTS = [None, "", " ", "a", "A\u00a0", "a\0b", "a\nb", "\r", "1.0", "1E5", "2-Jan", "1.0\n", "Total", "007"]
TEXTS += [
    "x" * 256,
    "é" * 257,
    "客户",
    "\u2003",
    "12-Dec-24",
    "SUM",
    "0",
    "true",
    "b" * 300,
    "\x1f",
    "\u200b",
    "\x85",
    "１.0",
    "٣e5",
    "1E5\n\n",
]
TIMES = ["0001-01-01", "1899-12-31T23:59:59.999999", "1900", "2025-02-28", "2200-12-31T23:59", "2201", "9999"]
NUMBERS = [0, 1, -1, 2, 2.5, 5]
# Whole numbers beyond 2^53 are left out: next to a null, pandas has them as rounded floats.
VALUES: dict[str, list[Any]] = {
    "int": [None, -(2**53), -1, 0, 1, 2, 5, 2**53],
    "float": [None, -np.inf, -1.0, -0.0, 0.0, 1.0, 2.5, 5.0, 1e300, np.inf],
    "text": TEXTS,
    "category": TEXTS,
    "bool": [None, True, False],
    "timestamp": [None, *(np.datetime64(time, "us") for time in TIMES)],
}
ALLOWED = st.lists(st.sampled_from([*NUMBERS, True, "a", "1.0", "007", "0"]), min_size=1, max_size=4)
RULES = ["sent back", "test order"]


@st.composite
def draw_columns(draw: st.DrawFn) -> dict[str, dict[str, Any]]:
    """Columns of a contract, with every kind of check."""
    columns = {}
    for name in draw(st.permutations(["id", "a", "b", "c"])):
        kind = "text" if name == "id" else draw(st.sampled_from(sorted(VALUES)))
        column: dict[str, Any] = {"type": kind, "nullable": draw(st.booleans())}
        if kind in ("int", "float"):
            bounds = draw(st.sets(st.sampled_from(["ge", "gt", "le", "lt"])))
            column |= {bound: draw(st.sampled_from(NUMBERS)) for bound in sorted(bounds)}
        if kind in ("text", "category") and draw(st.booleans()):
            column["pattern"] = draw(st.sampled_from([r"\d+", "a|b", "(?s).*", "(?i)total", r"\p{L}*"]))
        if draw(st.booleans()):
            column["isin"] = draw(ALLOWED)
        columns[name] = column
    return columns


def draw_mask(data: st.DataObject, count: int) -> np.ndarray:
    """Some of the rows, bool (n,)."""
    return np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)), bool)


def list_by_pandera(table: pa.Table, rows: Rows) -> Iterator[tuple[int, str, int, str]]:
    """What pandera refuses: row, column, number of the check, reason."""
    schema = rows_schema(rows)
    try:
        schema.validate(table.to_pandas(), lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        for row, column, number in zip(cases["index"], cases["column"], cases["check_number"], strict=True):
            if number is None or np.isnan(number):
                yield int(row), column, -1, "missing"
            else:
                yield int(row), column, int(number), str(schema.columns[column].checks[int(number)].name)


def list_expected(
    table: pa.Table, rows: Rows, unreadable: dict[str, np.ndarray], broken: list[BrokenRule]
) -> list[tuple[int, str, str]]:
    """Row, column and reason of each refusal in the order that quarantine has them."""
    names = list(rows_schema(rows).columns)
    places = {name: 2 + names.index(name) if name != rows.id else 0 for name in names}
    lines = [
        (row, places[column], number, column, f"{column}: {reason}")
        for row, column, number, reason in list_by_pandera(table, rows)
        if column not in unreadable or not unreadable[column][row]
    ]
    for name, mask in unreadable.items():
        lines += [(int(row), places[name], -1, name, f"{name}: unreadable") for row in np.flatnonzero(mask)]
    for number, rule in enumerate(broken):
        lines += [(int(row), 1, number, rule.column, rule.reason) for row in np.flatnonzero(rule.mask)]
    return [(row, column, reason) for row, _, _, column, reason in sorted(lines)]


def list_sorted(reasons: SortedReasons) -> list[tuple[int, str, str]]:
    """Row, column and reason of each refusal."""
    rows = np.repeat(reasons.positions, np.diff(reasons.starts)).tolist()
    refusals = [reasons.refusals[code] for code in reasons.codes]
    return [(row, str(r.column), r.reason) for row, r in zip(rows, refusals, strict=True)]


def check_masks(data: st.DataObject) -> None:
    """Compare the masks with pandera on a contract and a batch."""
    columns, count = data.draw(draw_columns()), data.draw(st.integers(0, 12))
    has_id = data.draw(st.booleans())
    rows = Rows.model_validate({"id": "id" if has_id else None, "columns": columns, "on_duplicate": "first"})
    unreadable, arrays = {}, {}
    for name in rows_schema(rows).columns:
        kind = columns[name]["type"]
        values = data.draw(st.lists(st.sampled_from(VALUES[kind]), min_size=count, max_size=count))
        if data.draw(st.booleans()):
            unreadable[name] = draw_mask(data, count)
            values = [None if lost else v for v, lost in zip(values, unreadable[name], strict=True)]
        arrays[name] = pa.chunked_array([pa.array(values, ARROW_TYPES[kind])])
    table = pa.table(arrays)
    broken = [
        BrokenRule("a", reason, draw_mask(data, count)) for reason in (*RULES, RULES[0])[: 1 + count % 3]
    ]
    expected = list_expected(table, rows, unreadable, broken)
    refusals = list_refusals(table, rows_schema(rows), unreadable, broken)
    reasons = sort_reasons(refusals)
    assert list_sorted(reasons) == expected
    assert reasons.positions.tolist() == sorted({row for row, _, _ in expected})
    pairs = {(row, reason) for row, _, reason in expected}
    assert dict(count_mentions(refusals)) == {
        reason: sum(reason == other for _, other in pairs) for _, reason in pairs
    }


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_masks_refuse_what_pandera_refuses(data: st.DataObject) -> None:
    """The same rows for the same reasons in the same order, with unreadable values and rules between them."""
    check_masks(data)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data())
def test_masks_refuse_what_pandera_refuses_in_many_contracts(data: st.DataObject) -> None:
    """As above, in enough contracts to have all values and checks together."""
    check_masks(data)


def test_large_whole_numbers_are_allowed_exactly() -> None:
    """Next to a missing value, too, where pandas has floats."""
    column = {"type": "int", "nullable": True, "isin": [2**53 + 1]}
    rows = Rows.model_validate({"id": "id", "columns": {"x": column}})
    table = pa.table({"id": ["a", "b", "c"], "x": [2**53, 2**53 + 1, None]})
    assert [refusal.rows.tolist() for refusal in list_refusals(table, rows_schema(rows), {})] == [[0]]


def test_pandera_would_notice_a_wrong_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle differs from a mask that finds nothing."""
    rows = Rows.model_validate({"id": "id", "columns": {"x": {"type": "float", "ge": 0}}})
    table = pa.table({"id": ["a", "b"], "x": [-1.0, 1.0]})
    name = pandera.Check.ge(0)._check_fn.__name__
    monkeypatch.setitem(row_masks._DETECTORS, name, lambda values, min_value: np.zeros(len(values), bool))
    assert list_refusals(table, rows_schema(rows), {}) == []
    assert list_expected(table, rows, {}, []) == [(0, "x", "x: below 0")]
