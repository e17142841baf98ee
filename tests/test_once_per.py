"""Values that count once per order, and features made of other features, against pandas."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.event_inputs import (
    aggregate,
    check_balance,
    define,
    ingest_and_summarise,
    make_events,
    make_night,
    read_customers,
    read_refused,
    with_features,
    with_rows,
    write_events,
)

DAY = "2026-01-05"
TOTAL = {"op": "sum", "column": "price", "once_per": "invoice"}
# As Shopify exports: the total is on an order's first line only.
NULLABLE_PRICE = {**with_rows()["columns"], "price": {"type": "float", "nullable": True}}


def summarise_lines(folder: Path, lines: list[str], features: dict[str, Any], **columns: Any) -> Any:
    """The customers of these lines of `id,invoice,day,pieces,price`, with these features."""
    rows = with_rows(columns={**NULLABLE_PRICE, **columns})
    definition = define(rows=rows, **with_features(features))
    return ingest_and_summarise(make_night(write_events(folder / "events.csv", lines), definition))[1]


@pytest.mark.parametrize("repeats", ["all lines", "the first line", "some lines"])
def test_an_orders_value_counts_once(tmp_path: Path, repeats: str) -> None:
    """Sum and mean of the order's total equal those of a table with one row per order."""
    events = make_events(8000, 300)
    keys = ["customer_id", "invoice"]
    events["price"] = events.groupby(keys)["price"].transform("first")
    orders = events.drop_duplicates(keys).groupby("customer_id")["price"]
    line = events.groupby(keys).cumcount()
    if repeats == "the first line":
        events["price"] = events["price"].where(line == 0)
    if repeats == "some lines":
        events["price"] = events["price"].where(line % 3 == 0)
    features = {"total": TOTAL, "mean": {**TOTAL, "op": "mean"}, "lines": {"op": "count"}}
    definition = define(rows=with_rows(columns=NULLABLE_PRICE), **with_features(features))
    shuffled = events.sample(frac=1, random_state=1)
    table = aggregate(tmp_path, [shuffled[:3000], shuffled[3000:]], definition).to_pandas()
    table = table.set_index("customer_id")
    assert table["total"].equals(orders.agg(math.fsum).reindex(table.index).rename("total"))
    assert table["mean"].equals((orders.agg(math.fsum) / orders.size()).reindex(table.index).rename("mean"))
    assert table["lines"].sum() == len(events)


def test_a_line_without_an_order_counts_by_itself(tmp_path: Path) -> None:
    """Lines with a missing or an empty order id are not joined to one order."""
    lines = [f"a,i1,{DAY},1,5", f"a,i1,{DAY},1,5", f"a,,{DAY},1,7", f"a,,{DAY},1,7", f"b,i1,{DAY},1,5"]
    for column in ({"type": "text", "nullable": True}, {"type": "category", "nullable": True}):
        customers = summarise_lines(tmp_path, lines, {"total": TOTAL}, invoice=column)
        assert read_customers(customers)["total"].to_dict() == {"a": 19, "b": 5}


def test_whole_numbers_and_expressions_count_once_too(tmp_path: Path) -> None:
    """once_per works for whole numbers, exactly beyond 2^53, and for expressions."""
    large = 2**53 + 1
    lines = [f"a,i1,{DAY},{large},2", f"a,i1,{DAY},{large},2", f"a,i2,{DAY},{large},2"]
    features = {
        "whole": {"op": "sum", "column": "pieces", "once_per": "invoice"},
        "product": {"op": "sum", "expression": "price * 3", "once_per": "invoice"},
    }
    table = read_customers(summarise_lines(tmp_path, lines, features))
    assert table.to_dict("records") == [{"whole": float(2 * large), "product": 12}]


def test_contradicting_lines_are_quarantined(tmp_path: Path) -> None:
    """If an order has several values its lines are quarantined, and the reason names columns only."""
    lines = [
        f"a,i1,{DAY},1,31.25",
        f"a,i1,{DAY},2,31.25",
        f"a,i2,{DAY},1,8",
        f"a,i2,{DAY},1,9",
        f"a,i2,{DAY},1,",
        f"b,i2,{DAY},1,8",
        f"c,i3,{DAY},1,1",
        f"c,i3,{DAY},1,2",
    ]
    features = {"total": TOTAL, "mean": {**TOTAL, "op": "mean"}, "lines": {"op": "count"}}
    customers = summarise_lines(tmp_path, lines, features)
    check_balance(customers)
    assert read_customers(customers).to_dict("index") == {
        "a": {"total": 31.25, "mean": 31.25, "lines": 2},
        "b": {"total": 8, "mean": 8, "lines": 1},
    }
    reason = "price: several values in one invoice"
    assert customers.balance.reasons == customers.balance.mentions == {reason: 5}
    refused = read_refused(customers)
    assert refused["source_row"].tolist() == [3, 4, 5, 7, 8]
    assert set(refused["reasons"]) == {reason}


def test_two_contradictions_of_one_row_are_both_named(tmp_path: Path) -> None:
    """A row whose order contradicts itself in two columns is quarantined once, with both reasons."""
    lines = [f"a,i1,{DAY},1,5", f"a,i1,{DAY},2,6", f"b,i2,{DAY},1,5"]
    features = {"total": TOTAL, "pieces": {"op": "sum", "column": "pieces", "once_per": "invoice"}}
    customers = summarise_lines(tmp_path, lines, features)
    check_balance(customers)
    first, second = "price: several values in one invoice", "pieces: several values in one invoice"
    assert customers.balance.reasons == {first: 2}
    assert customers.balance.mentions == {first: 2, second: 2}


def test_features_are_made_of_features(tmp_path: Path) -> None:
    """Ratios and formulas follow pandas, in any order of definition, also over features not clustered."""
    events = make_events(5000, 200)
    features = {
        "half": {"formula": "basket / 2"},
        "basket": {"ratio": ["revenue", "orders"]},
        "mixed": {"formula": "(revenue - 2 * `most paid`) / (lines + 1)"},
        "revenue": {"op": "sum", "expression": "pieces * price"},
        "orders": {"op": "count_distinct", "column": "invoice"},
        "most paid": {"op": "max", "column": "price"},
        "lines": {"op": "count"},
    }
    summary = {"window_days": 31, "features": features}
    definition = define(summary=summary, features=["mixed", "half", "orders"])
    table = aggregate(tmp_path, [events], definition).to_pandas().set_index("customer_id")
    assert table.columns.tolist() == ["events", "mixed", "half", "orders"]
    groups = events.assign(revenue=events["pieces"] * events["price"]).groupby("customer_id")
    revenue, orders = groups["revenue"].agg(math.fsum), groups["invoice"].nunique()
    mixed = (revenue - 2 * groups["price"].max()) / (groups.size() + 1)
    assert np.array_equal(table["mixed"], mixed.reindex(table.index))
    assert np.array_equal(table["half"], (revenue / orders / 2).reindex(table.index))
    assert table["mixed"].dtype == table["half"].dtype == np.float64


def test_a_division_by_zero_is_a_missing_value(tmp_path: Path) -> None:
    """A customer whose formula divides by zero, overflows or lacks a part is quarantined with the reason."""
    features = {
        "each": {"ratio": ["spent", "priced"]},
        "spent": {"op": "sum", "column": "price"},
        "priced": {"op": "count", "column": "price"},
    }
    lines = [f"a,i1,{DAY},1,5", f"b,i1,{DAY},1,"]
    customers = summarise_lines(tmp_path, lines, features)
    check_balance(customers)
    assert read_customers(customers)["each"].to_dict() == {"a": 5}
    assert customers.balance.reasons == {"each: no value in the window": 1}
    huge = {"huge": {"formula": "spent * 1e308 * 1e308"}, "spent": features["spent"]}
    assert read_customers(summarise_lines(tmp_path, lines, huge))["spent"].to_dict() == {"b": 0}


def test_a_long_chain_of_formulas_is_computed(tmp_path: Path) -> None:
    """Each of 150 formulas uses the one before."""
    features: dict[str, Any] = {"f0": {"op": "count"}}
    features |= {f"f{i}": {"formula": f"f{i - 1} + 1"} for i in range(1, 151)}
    definition = define(summary={"window_days": 31, "features": features}, features=["f150"])
    table = aggregate(tmp_path, [make_events(10, 1)], definition)
    assert table["f150"].to_pylist() == [160]


def test_order_values_do_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    """Sums once per order have the same bytes whatever the order of rows and files."""
    events = make_events(6000, 100)
    keys = ["customer_id", "invoice"]
    events["price"] = events.groupby(keys)["price"].transform("first")
    definition = define(
        **with_features({"total": TOTAL, "each": {"ratio": ["total", "n"]}, "n": {"op": "count"}})
    )
    first = aggregate(tmp_path / "a", [events], definition)
    shuffled = events.sample(frac=1, random_state=2)
    second = aggregate(tmp_path / "b", [shuffled[4000:], shuffled[:4000]], definition)
    assert first.equals(second)
