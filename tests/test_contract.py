"""Every check of the contract with a row that breaks it, and the order of reasons."""

from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pandera
import pyarrow as pa
import pytest

from config.columns import Rows
from schemas.contract import list_refusals, rows_schema
from schemas.row_masks import compile_column
from segmentation.rows.casting.cast_column import ARROW_TYPES
from segmentation.rows.judging.refusing import sort_reasons


def contract(**columns: dict[str, Any]) -> Rows:
    """A contract with an id and these columns."""
    return Rows.model_validate({"id": "id", "columns": columns})


def reasons_of(
    rows: Rows, frame: dict[str, list[Any]], unreadable: dict[str, list[bool]] | None = None
) -> list[tuple[int, str, str]]:
    """(row, column, reason) of each refusal."""
    count = len(next(iter(frame.values())))
    frame = {"id": [f"c{i}" for i in range(count)], **frame}
    types = {name: ARROW_TYPES[column.type] for name, column in rows.columns.items()} | {"id": pa.string()}
    table = pa.table({name: pa.array(frame[name], kind, from_pandas=True) for name, kind in types.items()})
    masks = {name: np.array(mask) for name, mask in (unreadable or {}).items()}
    reasons = sort_reasons(list_refusals(table, rows_schema(rows), masks))
    refusals = [reasons.refusals[code] for code in reasons.codes]
    rows_of_reasons = np.repeat(reasons.positions, np.diff(reasons.starts)).tolist()
    return [
        (row, str(refusal.column), refusal.reason.removeprefix(f"{refusal.column}: "))
        for row, refusal in zip(rows_of_reasons, refusals, strict=True)
    ]


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        ({"type": "float", "ge": 0}, 0.0, -0.5, "below 0"),
        ({"type": "float", "gt": 0}, 0.1, 0.0, "not above 0"),
        ({"type": "int", "le": 10}, 10, 11, "above 10"),
        ({"type": "int", "lt": 10}, 9, 10, "not below 10"),
        ({"type": "int", "lt": 1234567}, 9, 1234567, "not below 1234567"),
        ({"type": "float"}, 1.0, np.inf, "not finite"),
        ({"type": "float"}, 1.0, -np.inf, "not finite"),
        ({"type": "float"}, 1.0, np.nan, "missing"),
        ({"type": "text"}, "x", "a\0b", "NUL character"),
        ({"type": "text"}, "x", None, "missing"),
        ({"type": "category", "isin": ["a", "b"]}, "a", "secret-value", "not an allowed value"),
        ({"type": "int", "isin": [1, 2]}, 1, 3, "not an allowed value"),
        ({"type": "timestamp"}, pd.Timestamp("2026-01-01"), pd.NaT, "missing"),
    ],
)
def test_each_rule_refuses_the_row_that_breaks_it(
    rule: dict[str, Any], good: object, bad: object, reason: str
) -> None:
    """Only the row that breaks a check is refused, with the check as reason."""
    assert reasons_of(contract(x=rule), {"x": [good, bad, good]}) == [(1, "x", reason)]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing"),
        ("", "blank id"),
        ("  ", "blank id"),
        ("a\0b", "NUL character"),
        ("x" * 257, "id longer than 256"),
        ("1E5", "id rewritten by a spreadsheet"),
        ("1.2e+10", "id rewritten by a spreadsheet"),
        ("2-Jan", "id rewritten by a spreadsheet"),
        ("12-Dec-24", "id rewritten by a spreadsheet"),
    ],
)
def test_each_rule_of_ids(value: str | None, reason: str) -> None:
    """Ids that are missing, blank, too long or rewritten by a spreadsheet are refused."""
    reasons = reasons_of(contract(x={"type": "int"}), {"id": ["C1", value], "x": [1, 1]})
    assert reasons == [(1, "id", reason)]


@pytest.mark.parametrize("value", ["007", "x" * 256, "1e", "E5", "Jan-2", "客户", "NA", "-1", "a b"])
def test_unusual_ids_are_accepted(value: str) -> None:
    """Ids with leading zeros, long, foreign and NA-like ids are accepted."""
    assert reasons_of(contract(x={"type": "int"}), {"id": [value], "x": [1]}) == []


def test_nullable_columns_take_nulls_but_no_infinity() -> None:
    """A nullable column may have missing values, but its other checks apply."""
    rows = contract(x={"type": "float", "nullable": True, "ge": 0})
    assert reasons_of(rows, {"x": [None, -1.0, np.inf]}) == [(1, "x", "below 0"), (2, "x", "not finite")]


def test_primary_reason_follows_the_contracts_order() -> None:
    """A row's reasons are in the contract's order of columns, then in the order of checks."""
    rows = contract(b={"type": "float", "ge": 5, "isin": [7.0]}, a={"type": "int", "lt": 0})
    reasons = reasons_of(rows, {"b": [1.0, 7.0], "a": [3, 3], "id": ["", "ok"]})
    expected = [
        (0, "id", "blank id"),
        (0, "b", "below 5"),
        (0, "b", "not an allowed value"),
        (0, "a", "not below 0"),
    ]
    assert reasons == [*expected, (1, "a", "not below 0")]


def test_unreadable_comes_before_other_reasons_of_its_column() -> None:
    """A value that could not be cast is only unreadable, not also missing."""
    rows = contract(a={"type": "int"}, b={"type": "int", "ge": 0})
    reasons = reasons_of(
        rows,
        {"a": [1, None, None], "b": [-1, None, 2]},
        {"a": [False, True, False], "b": [False, True, False]},
    )
    assert reasons == [
        (0, "b", "below 0"),
        (1, "a", "unreadable"),
        (1, "b", "unreadable"),
        (2, "a", "missing"),
    ]


def test_rows_that_keep_the_contract_have_no_reasons() -> None:
    """A valid batch, and an empty one, have no reason."""
    rows = contract(x={"type": "int", "ge": 0})
    assert reasons_of(rows, {"x": [1, 2]}) == reasons_of(rows, {"x": []}) == []


def test_reasons_never_contain_values() -> None:
    """Reasons contain only words of the contract, never values of the row."""
    secrets = ["Ann Smith", "4111 1111 1111 1111", "x" * 300]
    rows = contract(c={"type": "category", "isin": ["a"]}, n={"type": "float", "le": 1})
    reasons = reasons_of(rows, {"id": ["x" * 300, "", "1E5"], "c": secrets, "n": [987654.0] * 3})
    text = " ".join(reason for _, _, reason in reasons)
    assert len(reasons) == 9
    assert not any(secret in text for secret in [*secrets, "987654", "1E5"])


def test_a_check_without_a_mask_is_a_defect_not_a_row() -> None:
    """A check of pandera that cannot be compiled raises TypeError with its name."""
    column = pandera.Column(checks=pandera.Check.str_contains("x", name="has an x"))
    with pytest.raises(TypeError, match="check has an x has no mask"):
        list(compile_column(column))
