"""`init` declares the article where lines of an order would otherwise seem to be delivered twice."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from segmentation.proposing.proposal import propose
from tests.exports import make_orders
from tests.made_tables import write_table


def make_lines(articles: list[str]) -> pd.DataFrame:
    """The orders with as many lines each as there are articles, of one amount each."""
    orders = make_orders()
    lines = orders.loc[orders.index.repeat(len(articles))].reset_index(drop=True)
    ids = [f"K{customer:03}" for customer in lines["customer"]]
    table = {"order_no": lines["order"] + 5000, "customer_no": ids, "ordered_at": lines["time"]}
    return pd.DataFrame(table).assign(amount=5.0, article=articles * len(orders))


@pytest.mark.parametrize(
    ("articles", "is_declared"), [(["tea", "cup"], True), (["tea", "tea"], False), (["tea"], False)]
)
def test_a_column_is_declared_if_it_tells_lines_apart(
    tmp_path: Path, articles: list[str], is_declared: bool
) -> None:
    """Lines of different articles need the article declared. Equal lines, and single ones, do not."""
    path = write_table(tmp_path / "orders.csv", dict(make_lines(articles)))
    columns: dict[str, Any] = yaml.safe_load(propose(str(path), "orders", None).text)["rows"]["columns"]
    assert ("article" in columns) is is_declared
