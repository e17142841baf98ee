"""Orders however they are written: `init` sees who, when, how much and in which window, or asks.

The orders are always the same ones, so that every form must give the same definition but for the form.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from config.definition_files import parse_definition
from config.rfm import RfmColumns
from segmentation.errors import Refused
from segmentation.proposing.findings import Proposal
from segmentation.proposing.proposal import propose
from tests.exports import make_orders
from tests.made_tables import write_table

ORDERS = make_orders()
AS_OF = "2024-06-11"  # the day after the last order


def make_table(
    times: Any, names: tuple[str, ...] = ("order_no", "customer_no", "ordered_at", "amount")
) -> Any:
    """The orders' lines with four columns, of which the times are given as they are to be written."""
    ids = [f"K{customer:03}" for customer in ORDERS["customer"]]
    return pd.DataFrame(dict(zip(names, (ORDERS["order"] + 5000, ids, times, ORDERS["amount"]), strict=True)))


def write_days(pattern: str) -> pd.Series:
    """The orders' times as text."""
    texts: pd.Series = ORDERS["time"].dt.strftime(pattern)
    return texts


@pytest.fixture
def propose_table(tmp_path: Path) -> Callable[..., Proposal]:
    """Write a table, and propose a definition for it."""

    def call(table: Any, name: str = "orders.csv", **dialect: Any) -> Proposal:
        return propose(str(write_table(tmp_path / name, table, **dialect)), "orders", None)

    return call


ProposeTable = Callable[..., Proposal]
NANOSECONDS = ORDERS["time"].astype("datetime64[ns]").astype("int64")


@pytest.mark.parametrize(
    ("times", "declared", "timezone"),
    [
        (write_days("%Y-%m-%d"), None, "UTC"),
        (write_days("%d/%m/%Y"), "%d/%m/%Y", "UTC"),
        (write_days("%m/%d/%Y %I:%M %p"), "%m/%d/%Y %I:%M %p", "UTC"),
        (write_days("%d.%m.%y"), "%d.%m.%y", "UTC"),
        (write_days("%d-%b-%Y"), "%d-%b-%Y", "UTC"),
        (write_days("%b-%d-%y"), "%b-%d-%y", "UTC"),
        (write_days("[%d/%b/%Y:%H:%M:%S +0100]"), "[%d/%b/%Y:%H:%M:%S %z]", "Etc/GMT-1"),
        (write_days("%B %d, %Y"), "%b %d, %Y", "UTC"),
        (write_days("%Y年%m月%d日"), "%Y年%m月%d日", "UTC"),
        (write_days("%Y%m%d"), "%Y%m%d", "UTC"),
        (write_days("%Y-%m-%d %H:%M:%S UTC"), None, "UTC"),
        (write_days("%Y-%m-%d %H:%M:%S +0200"), None, "Etc/GMT-2"),
        (write_days("%d/%m/%Y %H:%M:%S -0330"), "%d/%m/%Y %H:%M:%S %z", "UTC"),
        (NANOSECONDS // 10**9, "epoch-seconds", "UTC"),
        (NANOSECONDS // 10**6, "epoch-milliseconds", "UTC"),
        (NANOSECONDS // 10**3, "epoch-microseconds", "UTC"),
    ],
)
def test_times_are_read_in_the_form_they_have(
    times: pd.Series, declared: str | None, timezone: str, propose_table: ProposeTable
) -> None:
    """The format is declared, ISO 8601 without one, and the time zone is that of the offset."""
    proposal = propose_table(make_table(times))
    content = yaml.safe_load(proposal.text)
    assert (content["rows"]["grain"], content["rows"]["time"]) == ("event", "ordered_at")
    assert content["rows"]["columns"]["ordered_at"].get("format") == declared
    assert (content["timezone"], proposal.as_of) == (timezone, AS_OF)
    assert content["summary"]["features"]["orders"] == {"op": "count_distinct", "column": "order_no"}


def test_offsets_that_change_name_their_zone(propose_table: ProposeTable) -> None:
    """-0500 in winter and -0400 in summer are New York."""
    local = ORDERS["time"].dt.tz_localize("America/New_York", ambiguous=True, nonexistent="shift_forward")
    proposal = propose_table(make_table(local.dt.strftime("%Y-%m-%d %H:%M:%S %z")))
    assert yaml.safe_load(proposal.text)["timezone"] == "America/New_York"


def test_a_second_column_decides_between_day_and_month(propose_table: ProposeTable) -> None:
    """Where all days are below 13, the ship date's days decide, then the order of rows, then the user."""
    early = ORDERS[ORDERS["time"].dt.day <= 12].index
    table = make_table(write_days("%d/%m/%Y")).loc[early].sample(frac=1, random_state=1)
    with pytest.raises(Refused, match="--dates day-first or --dates month-first"):
        propose_table(table)
    shipped = (ORDERS["time"] + pd.Timedelta(days=9)).dt.strftime("%d/%m/%Y")
    for clear_table in (table.assign(shipped=shipped), table.sort_index()):
        rows = yaml.safe_load(propose_table(clear_table).text)["rows"]
        assert rows["columns"]["ordered_at"]["format"] == "%d/%m/%Y"


@pytest.mark.parametrize(
    ("names", "encoding"),
    [
        (("注文番号", "顧客番号", "注文日", "金額"), "cp932"),
        (("订单号", "客户编号", "下单时间", "金额"), "gbk"),
        (("주문번호", "고객번호", "주문일자", "금액"), "cp949"),
        (("Bestellnummer", "Kundennummer", "Bestelldatum", "Gesamtbetrag für alles"), "latin-1"),
        (("注文番号", "顧客番号", "注文日", "金額"), "utf-16"),
        (("注文番号", "顧客番号", "注文日", "金額"), "utf-16-le"),
    ],
)
def test_headers_in_any_script_and_encoding_are_understood(
    names: tuple[str, ...], encoding: str, propose_table: ProposeTable
) -> None:
    """Customer, time, order and money are recognised in the header's language."""
    content = yaml.safe_load(propose_table(make_table(write_days("%Y/%m/%d"), names), encoding=encoding).text)
    assert content["source"]["csv"]["encoding"] == encoding
    assert (content["rows"]["id"], content["rows"]["time"]) == (names[1], names[2])
    assert content["summary"]["features"]["orders"]["column"] == names[0]
    assert content["summary"]["features"]["revenue"]["column"] == names[3]


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ([f"${value:,.2f}" for value in ORDERS["amount"] * 30], {"thousands": ",", "currency_marks": ["$"]}),
        ([f"\\{value:.0f}" for value in ORDERS["amount"]], {"currency_marks": ["\\"]}),
        ([f"{value:.2f} EUR" for value in ORDERS["amount"]], {"currency_marks": ["EUR"]}),
        ([f"({value:.2f})" if value < 9 else f"{value:.2f}" for value in ORDERS["amount"]],
         {"negative": ["minus", "parentheses"]}),
    ],
)  # fmt: skip
def test_numbers_with_marks_are_declared(
    amount: list[str], expected: dict[str, Any], propose_table: ProposeTable
) -> None:
    """Thousands, currency signs and parentheses are declared, so that no amount is refused."""
    content = yaml.safe_load(propose_table(make_table(write_days("%Y-%m-%d")).assign(amount=amount)).text)
    assert content["source"]["csv"] == expected
    assert content["checks"] == {"max_quarantined": 0.05}


def test_money_without_a_name_is_recognised_by_its_cents_and_doubted(propose_table: ProposeTable) -> None:
    """A number with two decimals is money; without any number no revenue is proposed, and both are said."""
    table = make_table(write_days("%Y-%m-%d")).rename(columns={"amount": "x1"})
    assert "two decimals" in propose_table(table).findings.lines[3]
    proposal = propose_table(table.drop(columns="x1"))
    assert list(yaml.safe_load(proposal.text)["summary"]["features"]) == ["recency_days", "orders"]
    assert "no column holds" in proposal.findings.lines[1] and "money" in proposal.findings.lines[3]


def test_amounts_in_several_currencies_are_not_added_up(propose_table: ProposeTable) -> None:
    """Rows in the commonest currency are used, which is said at the end."""
    currency = np.where(ORDERS["order"] % 5 == 0, "USD", "EUR")
    proposal = propose_table(make_table(write_days("%Y-%m-%d")).assign(Currency=currency))
    content = yaml.safe_load(proposal.text)
    assert content["rows"]["where"] == [{"column": "Currency", "isin": ["EUR"], "reason": "another currency"}]
    assert content["summary"]["features"]["revenue"]["unit"] == "EUR"
    assert "other currencies than EUR" in proposal.findings.lines[3]


def test_rfm_scores_are_proposed_as_a_comment(propose_table: ProposeTable) -> None:
    """The line is valid once its # is removed; without money nothing is proposed."""
    table = make_table(write_days("%Y-%m-%d"))
    text = propose_table(table).text
    definition = parse_definition(text.replace("# rfm: ", "rfm: "), "orders.yaml")
    assert definition.rfm == RfmColumns(recency="recency_days", frequency="orders", monetary="revenue")
    assert "rfm" not in yaml.safe_load(text)
    assert "# rfm:" not in propose_table(table.drop(columns="amount")).text


def test_the_window_grows_until_it_covers_most_customers(propose_table: ProposeTable) -> None:
    """If seven of ten customers left long ago, a year would cover three of ten: the window is longer."""
    late = pd.to_timedelta(np.where(ORDERS["customer"] % 10 < 7, 900, 0), unit="D")
    proposal = propose_table(make_table((ORDERS["time"] - late).dt.strftime("%Y-%m-%d")))
    assert yaml.safe_load(proposal.text)["summary"]["window_days"] == 1095
    assert "because 365 days cover less than half: 100 %" in proposal.findings.lines[2]


@pytest.mark.parametrize(
    ("folder", "days_late", "declared"),
    [
        pytest.param("%Y-%m-%d", 0, {"date_in_name": "%Y-%m-%d"}, marks=pytest.mark.slow),
        ("orders-%Y-%m", 0, {"date_in_name": "%Y-%m"}),
        ("%Y/%m/%d", 0, {"date_in_name": "%Y/%m/%d"}),
        ("%Y-%m-%d", 1, {"date_in_name": "%Y-%m-%d", "days_before": 1}),
    ],
)
def test_dated_files_are_declared_with_the_days_they_hold(
    folder: str, days_late: int, declared: dict[str, Any], tmp_path: Path
) -> None:
    """Days, months, folders of days, and files dated by their export."""
    names = (ORDERS["time"] + pd.Timedelta(days=days_late)).dt.strftime(folder)
    for name, lines in make_table(write_days("%Y-%m-%d %H:%M:%S")).groupby(names):
        (tmp_path / f"{name}.csv").parent.mkdir(parents=True, exist_ok=True)
        lines.to_csv(tmp_path / f"{name}.csv", index=False)
    proposal = propose(str(tmp_path), "orders", None)
    source = yaml.safe_load(proposal.text)["source"]
    assert {key: value for key, value in source.items() if key != "path"} == declared
    assert (proposal.as_of, proposal.table_size[:8]) == (AS_OF, "652 rows")
