"""Exports of shops in the shape that their programs write, with made-up content, and the right answers.

The answers are computed with pandas from the columns as they were made, before they are written to a file.
"""

from typing import Any

import numpy as np
import pandas as pd

FIRST_DAY = pd.Timestamp("2024-01-03")


def make_orders(customers: int = 40, orders: int = 260, days: int = 160) -> pd.DataFrame:
    """Order lines of a made-up shop, sorted by time: one to four lines an order."""
    random = np.random.default_rng(18)
    placed = FIRST_DAY + pd.to_timedelta(np.sort(random.integers(0, days * 86_400, orders)), unit="s")
    owner = np.r_[np.arange(customers), random.integers(0, customers, orders - customers)]
    lines = random.integers(1, 5, orders)
    frame = pd.DataFrame(
        {
            "order": np.repeat(np.arange(orders), lines),
            "customer": np.repeat(owner, lines),
            "time": np.repeat(placed, lines),
            "quantity": random.integers(1, 9, lines.sum()),
            "price": (random.gamma(2, 12, lines.sum()) + 1).round(2),
        }
    )
    frame["amount"] = (frame["quantity"] * frame["price"]).round(2)
    frame["total"] = (frame.groupby("order")["amount"].transform("sum") + 4.9).round(2)
    frame["is_first"] = ~frame["order"].duplicated()
    return frame


def summarise(orders: pd.DataFrame, ids: pd.Series, revenue: pd.Series, as_of: str) -> pd.DataFrame:
    """Recency, distinct orders and revenue per customer of the year before as_of, sorted by id."""
    end = pd.Timestamp(as_of)
    frame = pd.DataFrame({"customer_id": ids, "order": orders["order"], "time": orders["time"]})
    frame["revenue"] = revenue.fillna(0)
    frame = frame[(frame["time"] < end) & (frame["time"] >= end - pd.Timedelta(days=365))]
    answer = frame.groupby("customer_id").agg(
        recency_days=("time", lambda times: (end - times.max().normalize()).days),
        orders=("order", "nunique"),
        revenue=("revenue", "sum"),
    )
    return answer.reset_index().sort_values("customer_id", ignore_index=True)


def make_superstore(orders: pd.DataFrame, pattern: str) -> dict[str, Any]:
    """Lines as the sample workbook of a business intelligence tool has them: no price, sales per line."""
    random = np.random.default_rng(2)
    count = len(orders)
    city = np.array(["Genève", "Zürich", "São Paulo", "Köln"])
    shipped = orders["time"] + pd.to_timedelta(random.integers(1, 6, count), unit="D")
    return {
        "Row ID": np.arange(1, count + 1),
        "Order ID": [f"CA-2024-{100_000 + order}" for order in orders["order"]],
        "Order Date": orders["time"].dt.strftime(pattern),
        "Ship Date": shipped.dt.strftime(pattern),
        "Customer ID": [f"AB-{10_000 + customer}" for customer in orders["customer"]],
        "Customer Name": [f"Zoë Nº {customer}" for customer in orders["customer"]],
        "Segment": random.choice(["Consumer", "Corporate", "Home Office"], count),
        "Country": "Switzerland",
        "City": random.choice(city, count),
        "Postal Code": random.integers(1000, 9999, count),
        "Product ID": [f"FUR-{number}" for number in random.integers(1000, 1100, count)],
        "Category": random.choice(["Furniture", "Technology", "Office Supplies"], count),
        "Sales": orders["amount"],
        "Quantity": orders["quantity"],
        "Discount": random.choice([0.0, 0.2, 0.45], count),
        "Profit": (orders["amount"] * random.normal(0.1, 0.3, count)).round(4),
    }


def make_shopify(orders: pd.DataFrame, offset: str = "-0400") -> dict[str, Any]:
    """An orders_export.csv: an order's status and totals are on its first line only."""
    first = orders["is_first"]
    stamp = orders["time"].dt.strftime("%Y-%m-%d %H:%M:%S ") + offset
    subtotal = (orders["total"] - 4.9).round(2)
    email = [f"c{customer:03}@example.com" for customer in orders["customer"]]

    def once(values: Any) -> pd.Series:
        return pd.Series(values, index=orders.index).where(first)

    return {
        "Name": [f"#{1001 + order}" for order in orders["order"]],
        "Email": email,
        "Financial Status": once("paid"),
        "Paid at": once(stamp),
        "Fulfillment Status": once("fulfilled"),
        "Accepts Marketing": once("yes"),
        "Currency": once("EUR"),
        "Subtotal": once(subtotal),
        "Shipping": once(4.9),
        "Taxes": once((orders["total"] * 0.19).round(2)),
        "Total": once(orders["total"]),
        "Discount Amount": once(0.0),
        "Created at": stamp,
        "Lineitem quantity": orders["quantity"],
        "Lineitem name": [f"Thing {number % 7}" for number in range(len(orders))],
        "Lineitem price": orders["price"],
        "Lineitem requires shipping": "true",
        "Billing Zip": once("'1234"),
        "Cancelled at": "",
        "Refunded Amount": once(0.0),
        "Outstanding Balance": once(0.0),
        "Id": once(5_000_000_000_000 + orders["order"]),
    }


def make_woocommerce(orders: pd.DataFrame, guests: bool = False) -> dict[str, Any]:
    """A plug-in's export: the order's total is repeated on each line. Guests have the customer id 0."""
    ids = 20 + orders["customer"]
    return {
        "order_id": 7000 + 3 * orders["order"],
        "order_number": 7000 + 3 * orders["order"],
        "order_date": orders["time"].dt.strftime("%Y-%m-%d %H:%M"),
        "status": "wc-completed",
        "customer_id": ids.where(orders["customer"] % 3 > 0, 0) if guests else ids,
        "customer_email": [f"c{customer:03}@example.com" for customer in orders["customer"]],
        "order_total": orders["total"],
        "shipping_total": 4.9,
        "item_name": [f"Thing {number % 7}" for number in range(len(orders))],
        "item_quantity": orders["quantity"],
        "item_total": orders["amount"],
    }
