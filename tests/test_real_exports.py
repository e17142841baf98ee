"""Exports in the shape that shops really write: `init`, then `run`, gives the numbers that pandas gives."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from segmentation.proposing.proposal import make_name, propose
from tests.exports import make_orders, make_shopify, make_superstore, make_woocommerce, summarise
from tests.made_tables import write_table
from tests.nights import run_definition

CASES = ("order-total-per-line", "shopify-times")


class Result(NamedTuple):
    """What a proposal gave: customers with their numbers, and the four lines at its end."""

    customers: pd.DataFrame
    lines: tuple[str, ...]


RunProposal = Callable[..., Result]


@pytest.fixture
def run_proposal(tmp_path: Path) -> RunProposal:
    """Propose a definition, run it unchanged as of the proposed date, and read the customers."""

    def call(path: Path, as_of: str | None = None) -> Result:
        name = make_name(str(path))
        proposal = propose(str(path), name, None)
        (tmp_path / f"{name}.yaml").write_text(proposal.text, encoding="utf-8")
        day = date.fromisoformat(as_of or str(proposal.as_of))
        store = tmp_path / "store"
        assert run_definition(tmp_path / f"{name}.yaml", day, store).outcome == "published"
        table = pd.read_parquet(store / name / "published" / f"as_of={day}" / "segments.parquet")
        columns = ["customer_id", "recency_days", "orders", "revenue"]
        return Result(table[columns].sort_values("customer_id", ignore_index=True), proposal.findings.lines)

    return call


def compare(customers: pd.DataFrame, answer: pd.DataFrame) -> None:
    """The numbers of every customer are the same, and no customer is missing."""
    pd.testing.assert_frame_equal(customers, answer, check_dtype=False, check_exact=False, rtol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_a_case_gives_its_answer(case: str, shared_data: Path, run_proposal: RunProposal) -> None:
    """The shared cases without a definition give expected.csv."""
    folder = shared_data.parent / "cases" / case
    if not folder.is_dir():
        pytest.skip(f"real data is not here: the case {case}")
    (table,) = (path for path in folder.glob("*.csv") if path.name != "expected.csv")
    customers = run_proposal(table, "2024-06-16").customers
    compare(customers, pd.read_csv(folder / "expected.csv").sort_values("customer_id", ignore_index=True))


@pytest.mark.parametrize("pattern", ["%d/%m/%Y", pytest.param("%m/%d/%Y", marks=pytest.mark.slow)])
def test_a_superstore_export_runs_as_proposed(
    pattern: str, tmp_path: Path, run_proposal: RunProposal
) -> None:
    """Dates with the day or the month first, in cp1252: sales are summed per line, orders are distinct."""
    orders = make_orders()
    path = write_table(tmp_path / "superstore.csv", make_superstore(orders, pattern), encoding="cp1252")
    result = run_proposal(path)
    ids = pd.Series([f"AB-{10_000 + customer}" for customer in orders["customer"]])
    as_of = str(orders["time"].max().normalize() + pd.Timedelta(days=1))[:10]
    compare(result.customers, summarise(orders, ids, orders["amount"], as_of))
    assert '"Sales", summed' in result.lines[1]


def test_a_shopify_export_runs_as_proposed(tmp_path: Path, run_proposal: RunProposal) -> None:
    """Totals on an order's first line count once, and days are those of the shop's own offset."""
    orders = make_orders()
    result = run_proposal(write_table(tmp_path / "orders-export.csv", make_shopify(orders)))
    ids = pd.Series([f"c{customer:03}@example.com" for customer in orders["customer"]])
    as_of = str(orders["time"].max().normalize() + pd.Timedelta(days=1))[:10]
    compare(result.customers, summarise(orders, ids, orders["total"].where(orders["is_first"]), as_of))
    assert '"Total", counted once per "Name"' in result.lines[1]


@pytest.mark.parametrize("guests", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_woocommerce_export_runs_as_proposed(
    guests: bool, tmp_path: Path, run_proposal: RunProposal
) -> None:
    """The order's total is repeated on its lines and counts once; guests are told apart by their e-mail."""
    orders = make_orders()
    result = run_proposal(write_table(tmp_path / "woo.csv", make_woocommerce(orders, guests)))
    emails = pd.Series([f"c{customer:03}@example.com" for customer in orders["customer"]])
    ids = emails if guests else (20 + orders["customer"]).astype(str)
    as_of = str(orders["time"].max().normalize() + pd.Timedelta(days=1))[:10]
    compare(result.customers, summarise(orders, ids, orders["total"].where(orders["is_first"]), as_of))


def describe(frame: dict[str, Any], path: Path) -> tuple[str, ...]:
    """The four lines that a proposal for this table ends with."""
    return propose(str(write_table(path, frame)), "table", None).findings.lines


def test_the_four_lines_name_id_time_money_and_window(tmp_path: Path) -> None:
    """Each line says what was taken, with the share of customers, and none has a customer's value."""
    lines = describe(make_woocommerce(make_orders()), tmp_path / "woo.csv")
    assert lines == (
        'Id and time: "customer_id"; "order_date", as ISO 8601',
        'Money:       "order_total", counted once per "order_id"',
        "Window:      365 days before 2024-06-11: 100 % of 40 customers",
        "Not sure:    nothing, but review it anyway",
    )
