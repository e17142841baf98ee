"""Each rule of the contract with a row that breaks it, and which reason comes first."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from config.columns import Rows
from schemas.contract import list_reasons, rows_schema


def contract(**columns: dict[str, Any]) -> Rows:
    """A contract with an id and these columns."""
    return Rows.model_validate({"id": "id", "columns": columns})


def reasons_of(
    rows: Rows, frame: dict[str, list[Any]], unreadable: dict[str, list[bool]] | None = None
) -> list[tuple[int, str, str]]:
    """(row, column, reason) for each reason found."""
    count = len(next(iter(frame.values())))
    batch = pd.DataFrame({"id": [f"c{i}" for i in range(count)], **frame})
    schema = rows_schema(rows)
    masks = {name: np.array(mask) for name, mask in (unreadable or {}).items()}
    found = list_reasons(batch[list(schema.columns)], schema, masks)
    return list(zip(found["row"].tolist(), found["column"].tolist(), found["reason"].tolist(), strict=True))


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
    """The row that breaks a rule is named with the rule in words, and no other row."""
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
    """An id that is missing, blank, too long, or damaged by a spreadsheet is refused."""
    found = reasons_of(contract(x={"type": "int"}), {"id": ["C1", value], "x": [1, 1]})
    assert found == [(1, "id", reason)]


@pytest.mark.parametrize("value", ["007", "x" * 256, "1e", "E5", "Jan-2", "客户", "NA", "-1", "a b"])
def test_ids_that_are_only_odd_are_kept(value: str) -> None:
    """Zeros in front, long, foreign and NA-like ids are ids."""
    assert reasons_of(contract(x={"type": "int"}), {"id": [value], "x": [1]}) == []


def test_nullable_columns_take_nulls_but_no_infinity() -> None:
    """A nullable column may miss a value; its other rules still hold."""
    rows = contract(x={"type": "float", "nullable": True, "ge": 0})
    assert reasons_of(rows, {"x": [None, -1.0, np.inf]}) == [(1, "x", "below 0"), (2, "x", "not finite")]


def test_primary_reason_follows_the_contracts_order() -> None:
    """A row's reasons come by the columns' order in the contract, then by the order of the rules."""
    rows = contract(b={"type": "float", "ge": 5, "isin": [7.0]}, a={"type": "int", "lt": 0})
    found = reasons_of(rows, {"b": [1.0, 7.0], "a": [3, 3], "id": ["", "ok"]})
    wanted = [
        (0, "id", "blank id"),
        (0, "b", "below 5"),
        (0, "b", "not an allowed value"),
        (0, "a", "not below 0"),
    ]
    assert found == [*wanted, (1, "a", "not below 0")]


def test_unreadable_comes_before_other_reasons_of_its_column() -> None:
    """A value that could not be cast is unreadable, not also missing."""
    rows = contract(a={"type": "int"}, b={"type": "int", "ge": 0})
    found = reasons_of(
        rows,
        {"a": [1, None, None], "b": [-1, None, 2]},
        {"a": [False, True, False], "b": [False, True, False]},
    )
    assert found == [(0, "b", "below 0"), (1, "a", "unreadable"), (1, "b", "unreadable"), (2, "a", "missing")]


def test_rows_that_keep_the_contract_have_no_reasons() -> None:
    """A batch without faults, and one without rows, gives an empty table with its columns."""
    rows = contract(x={"type": "int", "ge": 0})
    for values in ([1, 2], []):
        batch = pd.DataFrame(
            {"id": pd.Series([f"c{v}" for v in values], dtype="str"), "x": pd.Series(values, dtype="int64")}
        )
        found = list_reasons(batch, rows_schema(rows), {})
        assert found.empty
        assert list(found.columns) == ["row", "column", "reason", "full_reason"]


def test_reasons_never_hold_values() -> None:
    """Whatever is in a refused row, its reasons are words of the contract."""
    secrets = ["Ann Smith", "4111 1111 1111 1111", "x" * 300]
    rows = contract(c={"type": "category", "isin": ["a"]}, n={"type": "float", "le": 1})
    found = reasons_of(rows, {"id": ["x" * 300, "", "1E5"], "c": secrets, "n": [987654.0] * 3})
    said = " ".join(reason for _, _, reason in found)
    assert len(found) == 9
    assert not any(secret in said for secret in [*secrets, "987654", "1E5"])


def test_a_column_out_of_contract_is_a_defect_not_a_row() -> None:
    """A batch with another column than the contract's raises TypeError, which names no value."""
    schema = rows_schema(contract(x={"type": "int"}))
    with pytest.raises(TypeError, match="contract itself failed"):
        list_reasons(pd.DataFrame({"id": ["a"], "x": [1], "y": ["secret"]}), schema, {})
