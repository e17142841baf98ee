"""Amounts in several currencies: refused with the column and the cure, or read where there is one."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.csv as pa_csv
import pytest

from config.definition import Definition
from schemas.rows import Customers
from segmentation.errors import Refused
from segmentation.rows.reading.currency_columns import choose_currency_column
from tests.event_inputs import (
    check_balance,
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    with_features,
    with_rows,
)

COLUMNS = with_rows()["columns"]
HEADER = "id,invoice,day,pieces,price,Currency"
REVENUE = {"revenue": {"op": "sum", "expression": "pieces * price"}}
DAY = "2026-01-05"
EUROS = [f"a,i1,{DAY},2,5,EUR", f"b,i2,{DAY},1,3,EUR"]
DOLLARS = [f"a,i3,{DAY},1,7,USD"]


def summarise_lines(
    folder: Path, lines: list[str], definition: Definition, column: str = "Currency", name: str = "a.csv"
) -> Customers:
    """The customers of a folder to which a file of these lines is added."""
    header = f"id,invoice,day,pieces,price,{column}\n"
    (folder / name).write_text(header + "".join(f"{line}\n" for line in lines))
    _, customers = ingest_and_summarise(make_night(folder, definition))
    check_balance(customers)
    return customers


def define_amounts(features: dict[str, Any] = REVENUE, **rows: Any) -> Definition:
    """A definition that adds up amounts, with changes of its rows."""
    return define(rows=with_rows(**rows), **with_features(features))


def declare_currency(currency: Any = "Currency", **column: Any) -> dict[str, Any]:
    """The columns of a definition in which price has this currency."""
    return {
        **COLUMNS,
        "price": {**COLUMNS["price"], "currency": currency},
        "Currency": {"type": "text", "nullable": True, **column},
    }


@pytest.mark.parametrize(
    "column",
    [
        *("Currency", "currency", "CURRENCY_CODE", "Currency Code", "curr", "devise", "Moneda", "Währung"),
        *("Waehrung", "valuta", "presentment_currency", "Order Currency"),
    ],
)
def test_a_column_that_says_currency_is_looked_at(tmp_path: Path, column: str) -> None:
    """Amounts in two currencies are refused although the definition does not name the column."""
    with pytest.raises(Refused, match=f"across 2 currencies of column {column}: EUR, USD") as error:
        summarise_lines(tmp_path, [*EUROS, *DOLLARS], define_amounts(), column)
    assert error.value.code == "currencies"
    assert f"{{column: {column}, isin: [EUR]" in error.value.message


@pytest.mark.parametrize("kind", ["text", "category"])
@pytest.mark.parametrize("currency", ["Currency", None])
def test_a_declared_currency_is_looked_at(tmp_path: Path, kind: str, currency: str | None) -> None:
    """Two currencies are refused where an amount names the column, and where its name says what it is."""
    definition = define_amounts(columns=declare_currency(currency, type=kind))
    with pytest.raises(Refused, match="price would be added up across 2 currencies"):
        summarise_lines(tmp_path, [*EUROS, *DOLLARS], definition)


def test_an_ignored_column_is_looked_at_all_the_same(tmp_path: Path) -> None:
    """`currency: false` allows adding them up, and `ignore` alone does not."""
    with pytest.raises(Refused, match="2 currencies"):
        summarise_lines(tmp_path, [*EUROS, *DOLLARS], define_amounts(ignore=["Curr*"]))


def test_a_column_of_any_name_can_be_declared(tmp_path: Path) -> None:
    """The currency may be in a column whose name says nothing."""
    columns = {**declare_currency("geld"), "geld": {"type": "category"}}
    del columns["Currency"]
    with pytest.raises(Refused, match="of column geld"):
        summarise_lines(tmp_path, [*EUROS, *DOLLARS], define_amounts(columns=columns), "geld")


def test_a_rule_keeps_one_currency(tmp_path: Path) -> None:
    """With a rule on the currency, the others are quarantined and the sum is right."""
    rule = {"column": "Currency", "isin": ["EUR"], "reason": "other currency"}
    definition = define_amounts(columns=declare_currency(), where=[rule])
    customers = summarise_lines(tmp_path, [*EUROS, *DOLLARS], definition)
    assert read_customers(customers)["revenue"].to_dict() == {"a": 10, "b": 3}
    assert customers.balance.reasons == {"other currency": 1}


@pytest.mark.parametrize(
    ("lines", "definition"),
    [
        (EUROS, define_amounts()),
        ([*EUROS, f"a,i3,{DAY},1,7,eur "], define_amounts()),
        ([*EUROS, "a,i3,2025-01-05,1,7,USD"], define_amounts()),
        ([*EUROS, f"a,C3,{DAY},1,7,USD"], define_amounts(where=EUROS and with_rows()["where"])),
        ([*EUROS, f"a,i3,{DAY},1,0,USD"], define_amounts()),
        ([*EUROS, *DOLLARS], define_amounts({"orders": {"op": "count_distinct", "column": "invoice"}})),
        ([*EUROS, *DOLLARS], define_amounts({"pieces": {"op": "sum", "column": "pieces"}})),
        (
            [*EUROS, *DOLLARS],
            define_amounts(columns={**COLUMNS, "price": {"type": "float", "currency": False}}),
        ),
        ([*EUROS, *DOLLARS], define_amounts(columns=declare_currency(False))),
    ],
)
def test_one_currency_is_read(tmp_path: Path, lines: list[str], definition: Definition) -> None:
    """One currency among the rows used, amounts of 0, and features without money are read without a word."""
    customers = summarise_lines(tmp_path, lines, definition)
    assert not [warning for warning in customers.warnings if "currenc" in warning]


def test_blank_currencies_of_blank_amounts_are_fine(tmp_path: Path) -> None:
    """Total and currency on an order's first line only, as Shopify exports them, are read."""
    columns = declare_currency()
    columns["price"] = {"type": "float", "nullable": True, "currency": "Currency"}
    total = {"total": {"op": "sum", "column": "price", "once_per": "invoice"}}
    lines = [*EUROS, f"a,i1,{DAY},1,,", f"a,i1,{DAY},4,,"]
    customers = summarise_lines(tmp_path, lines, define_amounts(total, columns=columns))
    assert read_customers(customers)["total"].to_dict() == {"a": 5, "b": 3}
    assert customers.warnings == ()


def test_a_missing_currency_is_another_one_where_it_is_declared(tmp_path: Path) -> None:
    """Amounts without a currency are refused next to others if the definition names the column."""
    lines = [*EUROS, f"a,i3,{DAY},1,7,"]
    with pytest.raises(Refused, match="EUR, and none in 1 row"):
        summarise_lines(tmp_path, lines, define_amounts(columns=declare_currency()))
    customers = summarise_lines(tmp_path, lines, define_amounts())
    assert any("in 1 row, column Currency names no currency" in text for text in customers.warnings)


def test_some_files_may_lack_the_column(tmp_path: Path) -> None:
    """Older files without a currency are read; together with two currencies elsewhere they are refused."""
    (tmp_path / "0.csv").write_text(f"id,invoice,day,pieces,price\nc,i9,{DAY},1,4\n")
    customers = summarise_lines(tmp_path, EUROS, define_amounts())
    assert read_customers(customers)["revenue"].to_dict() == {"a": 10, "b": 3, "c": 4}
    with pytest.raises(Refused, match="2 currencies"):
        summarise_lines(tmp_path, DOLLARS, define_amounts(), name="b.csv")


def test_values_that_are_no_codes_are_not_named(tmp_path: Path) -> None:
    """A message names ISO codes only, never another value of the column."""
    lines = [f"a,i{n},{DAY},1,7,Karl {n}" for n in range(300)]
    with pytest.raises(Refused) as error:
        summarise_lines(tmp_path, lines, define_amounts())
    assert "KARL" not in error.value.message.upper()


def test_shops_own_currency_comes_before_the_customers() -> None:
    """Of several columns, the one without a qualifier is taken; rates and similar names are passed over."""
    assert choose_currency_column(["presentment_currency", "Currency"]) == "Currency"
    assert choose_currency_column(["ship_currency", "price_currency", "ccy"]) == "ccy"
    assert choose_currency_column(["total", "Price Currency", "currency_rate"]) == "Price Currency"
    assert choose_currency_column(["currency_rate", "Currency Rate", "current", "total"]) is None


def test_a_delta_tables_currency_is_looked_at(tmp_path: Path) -> None:
    """The column is staged with the contract's, and checked like that of a file."""
    deltalake = pytest.importorskip("deltalake", reason="the extra delta is not installed")
    (tmp_path / "a.csv").write_text(f"{HEADER}\n" + "".join(f"{line}\n" for line in [*EUROS, *DOLLARS]))
    deltalake.write_deltalake(str(tmp_path / "events"), pa_csv.read_csv(tmp_path / "a.csv"))
    with pytest.raises(Refused, match="2 currencies of column Currency"):
        ingest_and_summarise(make_night(tmp_path / "events", define_amounts()))


def test_a_querys_currency_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A statement that selects the column is checked like a file that has it."""
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE events (id, invoice, day, pieces, price, Currency)")
        rows = [line.split(",") for line in [*EUROS, *DOLLARS]]
        typed = [(*row[:3], int(row[3]), float(row[4]), row[5]) for row in rows]
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", typed)
        database.commit()
    monkeypatch.setenv("RESEGMENT_CONNECTION_SHOP", f"sqlite:///{tmp_path / 'shop.db'}")
    source = {"connection": "shop", "sql": "SELECT * FROM events ORDER BY id, invoice"}
    night = make_night(tmp_path / "x", define(source=source, **with_features(REVENUE)))
    with pytest.raises(Refused, match="2 currencies of column Currency"):
        ingest_and_summarise(night.model_copy(update={"source": None}))
