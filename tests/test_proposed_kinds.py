"""Events that are more than orders: visits, cancellations, balances, two ids; what `init` makes of them."""

import numpy as np
import pandas as pd
import pytest
import yaml

from segmentation.errors import Refused
from tests.test_proposed_events import ProposeTable, make_table, propose_table, write_days

__all__ = ["propose_table"]  # a fixture, used by its name


def test_money_on_the_rows_of_visits_is_not_revenue(propose_table: ProposeTable) -> None:
    """Where views have the price too, only purchases count, which is doubted; elsewhere all rows count."""
    table = make_table(write_days("%Y-%m-%d"), ("session", "user_id", "event_time", "price"))
    table["event_type"] = np.resize(["view", "purchase", "cart", "view"], len(table))
    proposal = propose_table(table)
    content = yaml.safe_load(proposal.text)
    assert content["rows"]["where"] == [
        {"column": "event_type", "isin": ["purchase"], "reason": "no purchase"}
    ]
    assert "whether to count only rows" in proposal.findings.lines[3]
    table.loc[table["event_type"] != "purchase", "price"] = np.nan
    assert "where" not in yaml.safe_load(propose_table(table).text)["rows"]


def test_orders_that_came_to_nothing_are_doubted(propose_table: ProposeTable) -> None:
    """Cancelled and refunded orders count until a rule is added, and the last line says so."""
    table = make_table(write_days("%Y-%m-%d"))
    table["Status"] = np.resize(["wc-completed", "wc-refunded", "wc-cancelled"], len(table))
    expected = 'what to do with rows whose "Status" is wc-cancelled or wc-refunded: they count'
    assert expected in propose_table(table).findings.lines[3]


def test_states_of_accounts_become_means(propose_table: ProposeTable) -> None:
    """One row a month for everybody: dates and counts tell nobody apart, so the balance's mean must."""
    months = pd.date_range("2024-01-31", periods=12, freq="ME")
    table = pd.DataFrame({"customer_id": np.repeat(np.arange(50), 12), "month_end": np.tile(months, 50)})
    with pytest.raises(Refused, match=r"no-features: .*as many rows as the others and the same last day"):
        propose_table(table)
    table["balance"] = np.random.default_rng(3).gamma(2, 900, len(table)).round(2)
    content = yaml.safe_load(propose_table(table).text)
    assert content["summary"]["features"] == {"mean balance": {"op": "mean", "column": "balance"}}
    assert content["rows"]["columns"]["balance"] == {"type": "float"}
    for pattern in ("%Y-%m", "%Y%m", "%m/%Y"):
        table["month"] = np.tile(months.strftime(pattern), 50)
        with pytest.raises(Refused, match=r'event-time: .*"month" holds months without a day'):
            propose_table(table.drop(columns="month_end"))


def test_orders_of_which_every_customer_has_one_are_doubted(propose_table: ProposeTable) -> None:
    """Customers whose id never repeats may be orders, which the last line says."""
    table = make_table(write_days("%Y-%m-%d"), ("order_id", "customer_id", "ordered_at", "amount"))
    table["customer_id"], table["order_id"] = np.arange(len(table)), np.arange(len(table)) + 7000
    expected = 'whether a row is a customer or an order, as "order_id" numbers the rows'
    assert expected in propose_table(table).findings.lines[3]


def test_no_night_warns_of_columns_that_are_left_out(propose_table: ProposeTable) -> None:
    """A column without a name, or called customer_id without being the id, is listed, too."""
    table = make_table(write_days("%Y-%m-%d"), ("", "customer_unique_id", "ordered_at", "amount"))
    table["customer_id"] = "x"
    assert yaml.safe_load(propose_table(table).text)["rows"]["ignore"] == ["", "customer_id"]


def test_order_numbers_are_no_customers(propose_table: ProposeTable) -> None:
    """A transaction's number is not a customer's id, though nothing else is unique."""
    table = make_table(write_days("%Y-%m-%d"), ("trans_num", "cc_num", "trans_date", "amt"))
    table["trans_num"] = [f"t{number:05}" for number in range(len(table))]
    assert yaml.safe_load(propose_table(table).text)["rows"]["id"] == "cc_num"
    assert yaml.safe_load(propose_table(table.drop(columns="cc_num")).text)["rows"]["id"] is None


def test_buyers_whose_times_cannot_be_read_are_not_taken_for_customers(propose_table: ProposeTable) -> None:
    """E-mail addresses that repeat are customers of events, and the refusal names the times."""
    table = make_table("around noon on day 5", ("no", "Buyer Email", "Sale Date", "Total Price"))
    table["Buyer Email"] += "@example.com"
    with pytest.raises(Refused, match=r'event-time: .*"Sale Date" holds texts'):
        propose_table(table)


def test_whole_floats_are_ids(propose_table: ProposeTable) -> None:
    """Parquet files of pandas have float ids as soon as one is missing."""
    table = make_table(write_days("%Y-%m-%d"))
    table["customer_no"] = table["customer_no"].str[1:].astype(float)
    table.loc[table.index[:5], "customer_no"] = np.nan
    content = yaml.safe_load(propose_table(table, "orders.parquet").text)
    assert (content["rows"]["grain"], content["rows"]["id"]) == ("event", "customer_no")


def test_small_whole_amounts_next_to_a_price_are_pieces(propose_table: ProposeTable) -> None:
    """The sum of pieces is not revenue: they are multiplied by the price, which is doubted."""
    table = make_table(write_days("%Y-%m-%d"), ("order_no", "customer_no", "day", "SALES_PRICE"))
    table["AMOUNT"] = np.resize([1, 2, 5], len(table))
    proposal = propose_table(table)
    revenue = yaml.safe_load(proposal.text)["summary"]["features"]["revenue"]
    assert revenue == {"op": "sum", "expression": "AMOUNT * SALES_PRICE"}
    assert 'whether "AMOUNT" counts pieces' in proposal.findings.lines[3]


def test_of_two_ids_of_customers_the_unique_one_is_taken(propose_table: ProposeTable) -> None:
    """A shop that gives each order its own customer_id has a customer_unique_id that repeats."""
    table = make_table(write_days("%Y-%m-%d"), ("order_id", "customer_unique_id", "bought", "amount"))
    table.insert(0, "customer_id", [f"{order:032x}" for order in range(len(table))])
    content = yaml.safe_load(propose_table(table).text)
    assert (content["rows"]["grain"], content["rows"]["id"]) == ("event", "customer_unique_id")
