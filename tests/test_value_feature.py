"""The value feature: the definition's, or one inferred from the units."""

from typing import Any

import pytest

from config.definition import Definition
from config.definition_files import DefinitionError, parse_definition
from segmentation.report.words.value_feature import infer_value_feature


def make_definition(units: dict[str, str], **changes: Any) -> Definition:
    """A definition of customers with float columns of the given units."""
    columns = {name: {"type": "float", "unit": unit} for name, unit in units.items()}
    content = {"name": "demo", "source": {"path": "x.csv"}, "rows": {"id": "id", "columns": columns}}
    return Definition.model_validate({**content, "features": list(units), **changes})


def make_event_definition(features: dict[str, Any]) -> Definition:
    """A definition of events with the given features."""
    columns = {"at": {"type": "timestamp"}, "price": {"type": "float"}, "pieces": {"type": "int"}}
    rows = {"grain": "event", "id": "id", "time": "at", "columns": columns}
    summary = {"window_days": 30, "features": features}
    content = {"name": "demo", "source": {"path": "x.csv"}, "rows": rows, "summary": summary}
    return Definition.model_validate({**content, "features": list(features)})


def test_the_definition_decides() -> None:
    """`value` is used whatever its unit."""
    assert infer_value_feature(make_definition({"a": "EUR", "b": ""}, value="b")) == "b"


def test_money_is_recognised_by_its_unit() -> None:
    """Of customers, the first feature in a currency is chosen; without one, no feature is."""
    assert infer_value_feature(make_definition({"a": "days", "b": "£", "c": "EUR"})) == "b"
    assert infer_value_feature(make_definition({"a": "days", "b": ""})) is None


def test_of_events_only_a_sum_is_chosen() -> None:
    """A sum in euros comes first, then any sum; a mean in euros is never chosen."""
    mean = {"op": "mean", "column": "price", "unit": "EUR"}
    pieces, money = {"op": "sum", "column": "pieces"}, {"op": "sum", "column": "price", "unit": "EUR"}
    assert (
        infer_value_feature(make_event_definition({"basket": mean, "pieces": pieces, "revenue": money}))
        == "revenue"
    )
    assert infer_value_feature(make_event_definition({"basket": mean, "pieces": pieces})) == "pieces"
    assert infer_value_feature(make_event_definition({"basket": mean})) is None


@pytest.mark.parametrize(("value", "message"), [("c", "not a feature"), ("city", "not int or float")])
def test_a_value_that_is_not_a_number_is_refused(value: str, message: str) -> None:
    """`value` must name a numeric feature."""
    text = (
        "{name: demo, source: {path: x.csv}, "
        "rows: {id: id, columns: {a: {type: float}, city: {type: category}}}, "
        f"features: [a, city], value: {value}}}"
    )
    with pytest.raises(DefinitionError, match=message):
        parse_definition(text, "demo.yaml")


def test_a_definition_without_value_keeps_its_edition_ids() -> None:
    """The key `value` is part of the edition id only if it is set."""
    assert "value" not in make_definition({"a": "EUR"}).decisive_content()
    assert make_definition({"a": "EUR"}, value="a").decisive_content()["value"] == "a"


@pytest.mark.parametrize(
    "name",
    [
        "revenue", "total_revenue", "Sales", "amount_spent", "TotalSpend", "Monetary", "turnover",
        "CLV", "GMV",
        "Umsatz", "Jahresumsatz", "umsatz_12m", "chiffre_affaires", "CA", "montant_total", "dépenses",
        "ingresos",
        "ventas", "gasto_total", "fatturato", "importo", "omzet", "omsättning", "sprzedaż", "выручка",
        "売上金額", "销售额",
        "total_paid", "TotalCharges", "order value", "revenue_last_12_months", "sales 2025",
    ],
)  # fmt: skip
def test_value_is_recognised_by_its_name(name: str) -> None:
    """Revenue in many languages, without any unit, next to numbers without revenue."""
    definition = make_definition({"age": "", "orders": "", "recency_days": "days", name: ""})
    assert infer_value_feature(definition) == name


@pytest.mark.parametrize(
    "name",
    [
        "Annual Income (k$)", "average_basket", "avg_order_value", "unit price", "discount_amount", "balance",
        "credit_limit", "orders", "items", "Spending Score (1-100)", "Durchschnittsbon", "shipping_paid",
        "tax_total",
    ],
)  # fmt: skip
def test_what_is_not_summed_is_no_value(name: str) -> None:
    """Averages, prices, scores and customers' own money are not a value, even in a currency."""
    for unit in ("", "EUR"):
        assert infer_value_feature(make_definition({"age": "", name: unit})) is None


def test_the_best_of_several_candidates_is_chosen() -> None:
    """A name that says revenue and a currency count more than an amount or a currency alone."""
    assert infer_value_feature(make_definition({"amount": "EUR", "revenue": "EUR"})) == "revenue"
    assert infer_value_feature(make_definition({"MonthlyCharges": "", "TotalCharges": ""})) == "TotalCharges"
    assert infer_value_feature(make_definition({"fresh": "k€/year", "visits": ""})) == "fresh"


def test_a_label_counts_as_a_name() -> None:
    """A column m03 that the definition calls yearly revenue is the value."""
    columns = {"m01": {"type": "float"}, "m03": {"type": "float", "label": "yearly revenue"}}
    content = {"name": "demo", "source": {"path": "x.csv"}, "rows": {"id": "id", "columns": columns}}
    definition = Definition.model_validate({**content, "features": list(columns)})
    assert infer_value_feature(definition) == "m03"
