"""Definitions of grain event: one invalid definition per rule, refused with the key and the rule."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.conditions import ColumnCondition
from config.definition import BUILT_IN, Definition
from config.definition_files import describe_faults, read_definition
from tests.conftest import DEFINITION
from tests.event_inputs import EVENTS, define, with_features, with_rows

COLUMNS = EVENTS["rows"]["columns"]
IS_LARGE = {"column": "pieces", "ge": 10}


def with_feature(**feature: Any) -> dict[str, Any]:
    """A definition with this single feature."""
    return {**EVENTS, **with_features({"x": feature})}


def rows(**changes: Any) -> dict[str, Any]:
    """A definition whose rows have these changes."""
    return {**EVENTS, "rows": with_rows(**changes)}


def with_rule(**rule: Any) -> dict[str, Any]:
    """A definition with this single rule."""
    return rows(where=[{"reason": "odd", **rule}])


def with_time(**column: Any) -> dict[str, Any]:
    """A definition whose time column has this contract."""
    return rows(columns={**COLUMNS, "day": {"type": "timestamp", **column}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (rows(id=None), "grain event needs id"),
        (rows(time=None), "grain event needs time"),
        (rows(time="price"), "grain event needs time: a column of type timestamp"),
        (rows(time="nope"), "grain event needs time"),
        (with_time(nullable=True), "that is not nullable"),
        (rows(on_duplicate="last"), "on_duplicate needs key with grain: event"),
        (rows(key=["invoice"], on_duplicate="sum"), "on_duplicate sum needs grain: customer"),
        (rows(key=["nope"]), "key names nope"),
        (rows(key=["price"]), "key names price: expected a column that is neither nullable nor float"),
        (rows(key=[]), "rows.key"),
        (rows(order_by="day"), "order_by needs key"),
        (rows(key=["invoice"], order_by="day"), "order_by needs on_duplicate: first or last"),
        (rows(key=["invoice"], on_duplicate="last", order_by="invoice"), "order_by needs a column of type"),
        (rows(columns={**COLUMNS, "price": {"type": "float", "currency": "nope"}}), "currency of price"),
        (rows(columns={**COLUMNS, "invoice": {"type": "text", "currency": "id"}}), "currency needs type"),
        ({**DEFINITION, "rows": {**DEFINITION["rows"], "key": ["orders"]}}, "key needs grain: event"),
        (rows(columns={**COLUMNS, "Price": {"type": "int"}}), "must differ in more than case"),
        (rows(columns={**COLUMNS, "Customer_ID": {"type": "int"}}), "must differ in more than case"),
        ({**EVENTS, "summary": None}, "summary is needed with rows.grain: event"),
        ({**DEFINITION, "summary": EVENTS["summary"]}, "summary is needed with rows.grain: event"),
        ({**DEFINITION, "rows": {**DEFINITION["rows"], "time": "day"}}, "time needs grain: event"),
        (
            {**DEFINITION, "rows": {**DEFINITION["rows"], "id": None, "id_suffix": ".0"}},
            "id_suffix needs an id",
        ),
        (with_time(format="%d/%m %H:%M"), "format needs year, month and day"),
        (with_time(format="%d/%m/%Y %Q"), "format may contain"),
        (with_time(format="%Y-%m-%d %d"), "each once"),
        (
            rows(columns={**COLUMNS, "price": {"type": "float", "format": "%Y%m%d"}}),
            "format needs type timestamp",
        ),
        (with_rule(column="nope", ge=1), "where tests nope"),
        (with_rule(column="pieces"), "give exactly one test"),
        (with_rule(column="pieces", ge=1, lt=5), "give exactly one test"),
        (with_rule(column="pieces", starts_with="1"), "starts_with needs type text, not int"),
        (with_rule(column="invoice", ge=1), "ge needs type int or float, not text"),
        (with_rule(column="invoice", isin=[1]), "isin has values that a column of type text never has"),
        (with_rule(column="pieces", not_in=[True]), "not_in has values that a column of type int never has"),
        (with_rule(column="pieces", isin=[2**63]), "isin has numbers beyond 64 bits"),
        (with_rule(column="day", isin=["2026-01-01"]), "a column of type timestamp never has"),
        (with_rule(column="pieces", isin=[]), "rows.where.0.isin"),
        (with_rule(column="pieces", ge=1, reason="<b>"), "rows.where.0.reason"),
        (with_rule(column="pieces", ge=1, reason="repeated header"), "is reserved; choose another"),
        (with_feature(op="sum"), "op sum needs column or expression"),
        (
            with_feature(op="sum", column="price", expression="price"),
            "op sum needs column or expression, one of them",
        ),
        (with_feature(op="sum", column="nope"), "summary.features.x: nope is not in rows.columns"),
        (with_feature(op="sum", column="id"), "id is not in rows.columns"),
        (with_feature(op="mean", column="invoice"), "invoice has type text; op mean needs int or float"),
        (with_feature(op="sum", expression="price * invoice"), "invoice has type text"),
        (with_feature(op="sum", expression="price * nope"), "nope is not in rows.columns"),
        (
            with_feature(op="sum", expression="price *"),
            "summary.features.x.expression: the expression ends too early",
        ),
        (with_feature(op="count", expression="price"), "op count takes column, or nothing"),
        (with_feature(op="count_distinct"), "op count_distinct needs column"),
        (with_feature(op="days_since_last", column="day"), "op days_since_last uses the event's time"),
        (with_feature(op="share"), "op share needs where"),
        (with_feature(op="sum", column="price", where=IS_LARGE), "op sum needs column or expression"),
        (with_feature(op="share", where={"column": "nope", "ge": 1}), "nope is not in rows.columns"),
        (with_feature(op="share", where={"column": "invoice", "ge": 1}), "ge needs type int or float"),
        (with_feature(op="eval"), "summary.features.x.op"),
        (with_feature(), "give op, ratio or formula, exactly one of them"),
        (with_feature(op="count", formula="x"), "give op, ratio or formula, exactly one of them"),
        (with_feature(formula="x / 2", column="price"), "so column must be absent"),
        (with_feature(formula="x / 2"), "features go round in a circle: x needs x"),
        (with_feature(formula="2 / 3"), "features.x: formula names no feature"),
        (with_feature(formula="price / 2"), "features.x: price is not in summary.features"),
        (with_feature(formula="x +"), "summary.features.x.formula: the expression ends too early"),
        (with_feature(ratio=["x"]), "summary.features.x.ratio"),
        (with_feature(op="max", column="price", once_per="invoice"), "once_per needs op sum or mean"),
        (with_feature(op="sum", column="price", once_per="nope"), "nope is not in rows.columns"),
        (
            {
                **EVENTS,
                **with_features({"a": {"ratio": ["b", "c"]}, "b": {"formula": "a"}, "c": {"op": "count"}}),
            },
            "features go round in a circle: a needs b needs a",
        ),
        ({**EVENTS, **with_features({"<x>": {"op": "count"}})}, "feature names start"),
        ({**EVENTS, **with_features({"margin": {"op": "count"}})}, "margin is used by the outputs"),
        ({**EVENTS, "summary": {**EVENTS["summary"], "window_days": 0}}, "summary.window_days"),
        ({**EVENTS, "features": ["price"]}, "feature price is not in summary.features"),
    ],
)
def test_each_rule_of_a_definition_of_events(content: dict[str, Any], message: str) -> None:
    """A definition that breaks a rule is refused, and the message names the key and the rule."""
    with pytest.raises(ValidationError) as error:
        Definition.model_validate(content)
    assert message in describe_faults(error.value)


def test_summary_features_become_customer_columns() -> None:
    """Counts and days are int, other features float; unit and description are copied."""
    features = {
        "orders": {"op": "count_distinct", "column": "invoice", "description": "Orders."},
        "spent": {"op": "sum", "column": "pieces", "unit": "EUR"},
        "large": {"op": "share", "where": IS_LARGE},
        "since": {"op": "days_since_first"},
    }
    columns = define(**with_features(features)).customer_columns
    assert {name: column.type for name, column in columns.items()} == {
        **{"orders": "int", "spent": "float", "large": "float", "since": "int"}
    }
    assert (columns["orders"].description, columns["spent"].unit) == ("Orders.", "EUR")


def test_windows_end_before_as_of() -> None:
    """The window starts window_days before as_of; customer data has no window."""
    assert define().window(date(2026, 2, 1)) == (date(2026, 1, 1), date(2026, 2, 1))
    assert Definition.model_validate(DEFINITION).window(date(2026, 2, 1)) is None


def test_online_retail_is_shipped() -> None:
    """The shipped definition has grain event, with the rules and features in its file."""
    definition = read_definition(Path(BUILT_IN) / "online-retail.yaml")
    assert definition.features == ("recency_days", "orders", "revenue")
    assert definition.rows.where[0].test == "not_starts_with"
    assert ColumnCondition(column="x", ge=0).test == "ge"
