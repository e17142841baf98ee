"""Refused rows with a large share of an amount's value hold the night, although they are few."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from config.definition import Definition
from schemas.rows import Ingested
from schemas.verdicts import Check
from segmentation.checks.refusals import check_refused_value
from tasks.ingest import ingest
from tests.conftest import DEFINITION
from tests.daily_orders import DAYS, ROWS, cancelled, no_ids, order, read, write_days
from tests.event_inputs import define, make_night


def judge_value(rows: Ingested, definition: Definition) -> Check:
    """The check of amounts."""
    return check_refused_value(rows.breakdown, rows.balance, definition.checks.max_quarantined)


LARGE = {
    "thousands": '"3,204.50"',
    "currency": "$3204.50",
    "both": '"EUR 3.204,50"',
    "blank": "3 204.50",
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_a_few_large_values_are_most_of_the_revenue(tmp_path: Path, text: str) -> None:
    """5 % of the rows hold over 80 % of the value, as pandas computes it from the true amounts."""

    def line(day: date, i: int) -> str:
        return order(day, i).replace("3204.5", text)

    rows, definition = read(write_days(tmp_path / "days", dict.fromkeys(DAYS, line)))
    check = judge_value(rows, definition)
    pieces, price = pd.Series(range(ROWS)) % 3 + 1, pd.Series(range(ROWS)) + 0.5
    price[38:] = 3204.5
    share = (pieces * price)[38:].sum() / (pieces * price).sum()
    assert rows.balance.quarantined / rows.balance.read == 0.05
    assert (check.required, check.passed) == (True, False)
    assert f"about {share:.1%} of the value of revenue is in refused rows, which are 5.0% of" in check.finding
    assert f"Refused values that look like numbers: {2 * len(DAYS)};" in check.finding


def test_values_of_rows_refused_for_another_column_are_lost_too(tmp_path: Path) -> None:
    """Large orders whose number of pieces is unreadable take their price with it."""

    def line(day: date, i: int) -> str:
        return order(day, i) if i < 38 else f"c{i},i{i},{day} 10:{i:02d}:00,{i % 3 + 1} pcs,3204.5"

    rows, definition = read(write_days(tmp_path / "days", dict.fromkeys(DAYS[:9], line)))
    assert rows.breakdown.amounts[0].refused_rows == 18
    # "3 pcs" is not a number in any form: it counts as the mean of the pieces that could be read.
    table = pd.DataFrame({"pieces": pd.Series(range(ROWS)) % 3 + 1, "price": pd.Series(range(ROWS)) + 0.5})
    table.loc[38:, "price"] = 3204.5
    used = pd.concat([table] * (len(DAYS) - 9) + [table[:38]] * 9)
    lost = 18 * used["pieces"].mean() * 3204.5
    share = lost / (lost + (used["pieces"] * used["price"]).sum())
    check = judge_value(rows, definition)
    assert not check.passed and f"about {share:.1%} of the value of revenue" in check.finding


@pytest.mark.parametrize(
    ("price", "pieces"),
    [("99999999", "1"), ("-5000", "1"), ("3204.5", "0"), ("n/a", "1"), ("2026-01-05", "1"), ("12:30", "1")],
)
def test_what_is_no_lost_value_does_not_hold_the_night(tmp_path: Path, price: str, pieces: str) -> None:
    """Absurd values count as the bound; returned goods, nothing sold and texts count as nothing."""

    def line(day: date, i: int) -> str:
        return order(day, i) if i else f"c{i},i{i},{day} 10:{i:02d}:00,{pieces},{price}"

    rows = define().model_dump(mode="json")["rows"]
    rows["columns"]["price"]["le"] = 5000
    read_rows, definition = read(write_days(tmp_path / "days", {DAYS[0]: line}), rows=rows)
    assert read_rows.balance.quarantined == 1
    assert judge_value(read_rows, definition).passed


def test_guests_and_filtered_rows_are_no_lost_value(tmp_path: Path) -> None:
    """Large orders of nobody, or cancelled ones, do not count."""

    def line(day: date, i: int) -> str:
        return (
            order(day, i)
            if i < 38
            else no_ids(day, i).replace("1.5", "9999")
            if i == 38
            else cancelled(day, i)
        )

    rows, definition = read(write_days(tmp_path / "days", dict.fromkeys(DAYS, line)))
    assert rows.balance.quarantined == 2 * len(DAYS)
    assert rows.breakdown.amounts == () and judge_value(rows, definition).passed


@pytest.mark.parametrize("money", [{"value": "spend"}, {}])
def test_amounts_of_customers_are_weighed(tmp_path: Path, money: dict[str, str]) -> None:
    """3 of 100 customers with `$9,000` hold 90 % of the value, whether or not spend is known to be money."""
    lines = [f'{i},"$9,000",1' if i < 3 else f"{i},30,1" for i in range(100)]
    path = tmp_path / "customers.csv"
    path.write_text("\n".join(["id,spend,orders", *lines]) + "\n")
    definition = Definition.model_validate({**DEFINITION, **money})
    rows = ingest(make_night(path, definition))
    check = judge_value(rows, definition)
    assert not check.passed
    assert f"about {27000 / (27000 + 97 * 30):.1%} of the value of spend" in check.finding


def test_a_totals_row_is_no_lost_value(tmp_path: Path) -> None:
    """The sum below a table is refused, and holds no value that a customer misses."""

    def line(day: date, i: int) -> str:
        return order(day, i) if i else f"Total,,{day},{9000},{9000.0}"

    rows, definition = read(write_days(tmp_path / "days", dict.fromkeys(DAYS[:3], line)))
    assert rows.balance.reasons == {"id: totals row": 3}
    assert judge_value(rows, definition).passed
