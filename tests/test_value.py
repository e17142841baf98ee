"""What customers are worth: which feature is taken for it."""

from typing import Any

import pytest

from config.definitions import DefinitionError, parse_definition
from config.parameters import Segmentation
from segmentation.report.value import find_value


def make(units: dict[str, str], **changes: Any) -> Segmentation:
    """A definition of customers with float columns of these units."""
    columns = {name: {"type": "float", "unit": unit} for name, unit in units.items()}
    content = {"name": "demo", "source": {"path": "x.csv"}, "rows": {"id": "id", "columns": columns}}
    return Segmentation.model_validate({**content, "features": list(units), **changes})


def make_events(features: dict[str, Any]) -> Segmentation:
    """A definition of events with these features."""
    columns = {"at": {"type": "timestamp"}, "price": {"type": "float"}, "pieces": {"type": "int"}}
    rows = {"grain": "event", "id": "id", "time": "at", "columns": columns}
    summary = {"window_days": 30, "features": features}
    content = {"name": "demo", "source": {"path": "x.csv"}, "rows": rows, "summary": summary}
    return Segmentation.model_validate({**content, "features": list(features)})


def test_the_definition_decides() -> None:
    """What `value` names is taken, whatever its unit."""
    assert find_value(make({"a": "EUR", "b": ""}, value="b")) == "b"


def test_money_is_found_by_its_unit() -> None:
    """Of customers the first feature in a currency is taken; without one, none."""
    assert find_value(make({"a": "days", "b": "£", "c": "EUR"})) == "b"
    assert find_value(make({"a": "days", "b": ""})) is None


def test_of_events_only_sums_are_worth_something() -> None:
    """A mean in euros is passed over for a sum in euros, that for nothing; else the first sum is taken."""
    mean = {"op": "mean", "column": "price", "unit": "EUR"}
    pieces, money = {"op": "sum", "column": "pieces"}, {"op": "sum", "column": "price", "unit": "EUR"}
    assert find_value(make_events({"basket": mean, "pieces": pieces, "revenue": money})) == "revenue"
    assert find_value(make_events({"basket": mean, "pieces": pieces})) == "pieces"
    assert find_value(make_events({"basket": mean})) is None


@pytest.mark.parametrize(("named", "said"), [("c", "not a feature"), ("city", "no int or float")])
def test_a_value_that_is_no_number_is_refused(named: str, said: str) -> None:
    """`value` must name a feature, and a number."""
    text = (
        "{name: demo, source: {path: x.csv}, "
        "rows: {id: id, columns: {a: {type: float}, city: {type: category}}}, "
        f"features: [a, city], value: {named}}}"
    )
    with pytest.raises(DefinitionError, match=said):
        parse_definition(text, "demo.yaml")


def test_a_value_that_is_not_given_is_no_part_of_the_substance() -> None:
    """Editions keep their ids although the key is new; naming a value makes another edition."""
    assert "value" not in make({"a": "EUR"}).substance()
    assert make({"a": "EUR"}, value="a").substance()["value"] == "a"
