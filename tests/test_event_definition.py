"""Each rule of a definition of events: a definition that breaks it is refused with the key and the rule."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from config.conditions import Condition
from config.definitions import explain, read_definition
from config.parameters import BUILT_IN, Segmentation
from tests.conftest import DEFINITION
from tests.event_inputs import EVENTS, define, with_features, with_rows

COLUMNS = EVENTS["rows"]["columns"]
IS_LARGE = {"column": "pieces", "ge": 10}


def one(**feature: Any) -> dict[str, Any]:
    """A definition with this one feature."""
    return {**EVENTS, **with_features({"x": feature})}


def rows(**changes: Any) -> dict[str, Any]:
    """A definition whose rows have these changes."""
    return {**EVENTS, "rows": with_rows(**changes)}


def ruled(**rule: Any) -> dict[str, Any]:
    """A definition with this one rule."""
    return rows(where=[{"reason": "odd", **rule}])


def timed(**column: Any) -> dict[str, Any]:
    """A definition whose time has this contract."""
    return rows(columns={**COLUMNS, "day": {"type": "timestamp", **column}})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (rows(id=None), "grain event needs an id"),
        (rows(time=None), "grain event needs time"),
        (rows(time="price"), "grain event needs time: a column of type timestamp"),
        (rows(time="nope"), "grain event needs time"),
        (timed(nullable=True), "that is not nullable"),
        (rows(on_duplicate="sum"), "on_duplicate goes with grain: customer"),
        (rows(columns={**COLUMNS, "Price": {"type": "int"}}), "differ in case only"),
        (rows(columns={**COLUMNS, "Customer_ID": {"type": "int"}}), "differ in case only"),
        ({**EVENTS, "summary": None}, "summary goes with rows.grain: event"),
        ({**DEFINITION, "summary": EVENTS["summary"]}, "summary goes with rows.grain: event"),
        ({**DEFINITION, "rows": {**DEFINITION["rows"], "time": "day"}}, "time goes with grain: event"),
        (
            {**DEFINITION, "rows": {**DEFINITION["rows"], "id": None, "id_suffix": ".0"}},
            "id_suffix goes with an id",
        ),
        (timed(format="%d/%m %H:%M"), "format needs year, month and day"),
        (timed(format="%d %b %Y"), "format may hold"),
        (timed(format="%Y-%m-%d %d"), "each once"),
        (
            rows(columns={**COLUMNS, "price": {"type": "float", "format": "%Y%m%d"}}),
            "format needs type timestamp",
        ),
        (ruled(column="nope", ge=1), "where tests nope"),
        (ruled(column="pieces"), "give exactly one test"),
        (ruled(column="pieces", ge=1, lt=5), "give exactly one test"),
        (ruled(column="pieces", starts_with="1"), "starts_with needs type text, not int"),
        (ruled(column="invoice", ge=1), "ge needs type int or float, not text"),
        (ruled(column="invoice", isin=[1]), "isin holds values that a column of type text never has"),
        (ruled(column="pieces", not_in=[True]), "not_in holds values that a column of type int never has"),
        (ruled(column="pieces", isin=[2**63]), "isin holds numbers beyond 64 bits"),
        (ruled(column="day", isin=["2026-01-01"]), "a column of type timestamp never has"),
        (ruled(column="pieces", isin=[]), "rows.where.0.isin"),
        (ruled(column="pieces", ge=1, reason="<b>"), "rows.where.0.reason"),
        (ruled(column="pieces", ge=1, reason="repeated header"), "already means something else"),
        (one(op="sum"), "op sum needs column or expression"),
        (one(op="sum", column="price", expression="price"), "op sum needs column or expression, one of them"),
        (one(op="sum", column="nope"), "summary.features.x: nope is not among rows.columns"),
        (one(op="sum", column="id"), "id is not among rows.columns"),
        (one(op="mean", column="invoice"), "invoice has type text; op mean needs int or float"),
        (one(op="sum", expression="price * invoice"), "invoice has type text"),
        (one(op="sum", expression="price * nope"), "nope is not among rows.columns"),
        (one(op="sum", expression="price *"), "summary.features.x.expression: the expression ends too early"),
        (one(op="count", expression="price"), "op count takes column, or nothing"),
        (one(op="count_distinct"), "op count_distinct needs column"),
        (one(op="days_since_last", column="day"), "op days_since_last takes the event's time"),
        (one(op="share"), "op share needs where"),
        (one(op="sum", column="price", where=IS_LARGE), "op sum needs column or expression"),
        (one(op="share", where={"column": "nope", "ge": 1}), "nope is not among rows.columns"),
        (one(op="share", where={"column": "invoice", "ge": 1}), "ge needs type int or float"),
        (one(op="eval"), "summary.features.x.op"),
        ({**EVENTS, **with_features({"<x>": {"op": "count"}})}, "feature names start with"),
        ({**EVENTS, **with_features({"margin": {"op": "count"}})}, "margin is used by the outputs"),
        ({**EVENTS, "summary": {**EVENTS["summary"], "window_days": 0}}, "summary.window_days"),
        ({**EVENTS, "features": ["price"]}, "feature price is not among summary.features"),
    ],
)
def test_each_rule_of_a_definition_of_events(content: dict[str, Any], said: str) -> None:
    """A definition that breaks a rule is refused, and the message names the key and the rule."""
    with pytest.raises(ValidationError) as error:
        Segmentation.model_validate(content)
    assert said in explain(error.value)


def test_customers_have_the_summarys_columns() -> None:
    """Counts and days are whole numbers, the rest are not; unit and description are carried over."""
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
    """The window's first day is window_days before as_of; customers have no window."""
    assert define().window(date(2026, 2, 1)) == (date(2026, 1, 1), date(2026, 2, 1))
    assert Segmentation.model_validate(DEFINITION).window(date(2026, 2, 1)) is None


def test_online_retail_is_shipped() -> None:
    """The shipped definition is of grain event, and its rules and features are read as written."""
    found = read_definition(Path(BUILT_IN) / "online-retail.yaml")
    assert found.features == ("recency_days", "orders", "revenue")
    assert found.rows.where[0].test == "not_starts_with"
    assert Condition(column="x", ge=0).test == "ge"
