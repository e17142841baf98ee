"""One table of orders in every form that people keep it in: the same customers and the same features.

The right answer is computed by pandas from the table itself. The real inputs of ../shared/cases are here too.
"""

import csv
import gzip
import json
import lzma
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from config.definition import Definition
from config.definition_files import read_definition
from config.settings import read_settings
from schemas.night import Night
from segmentation.errors import Refused
from tasks.runtime.connections import variable_name
from tests.conftest import SHARED
from tests.event_inputs import ingest_and_summarise, read_customers

AS_OF = date(2024, 6, 16)
FIRST = date(2024, 3, 25)
WINDOW_DAYS = 60
CASES = SHARED.parent / "cases"
FEATURES = {
    "recency_days": {"op": "days_since_last"},
    "orders": {"op": "count_distinct", "column": "order_id"},
    "revenue": {"op": "sum", "expression": "quantity * unit_price"},
}


def draw_orders() -> pd.DataFrame:
    """About 1,200 order lines of 40 customers over twelve weeks, in the order of their times."""
    rng = np.random.default_rng(11)
    days = (AS_OF - FIRST).days
    lines = []
    for order in range(500):
        customer = f"C{rng.integers(0, 40):03d}"
        at = pd.Timestamp(FIRST) + pd.Timedelta(seconds=int(rng.integers(0, days * 86_400)))
        lines += [
            (f"O{order:04d}", customer, at, int(rng.integers(1, 6)), round(float(rng.lognormal(3, 1)), 2))
            for _ in range(rng.integers(1, 5))
        ]
    names = ["order_id", "customer_id", "ordered_at", "quantity", "unit_price"]
    return pd.DataFrame(lines, columns=names).sort_values("ordered_at", kind="stable", ignore_index=True)


ORDERS = draw_orders()


def summarise_with_pandas(orders: pd.DataFrame) -> pd.DataFrame:
    """Recency, distinct orders and revenue of each customer in the window before AS_OF."""
    start, end = pd.Timestamp(AS_OF) - pd.Timedelta(days=WINDOW_DAYS), pd.Timestamp(AS_OF)
    inside = orders[orders["ordered_at"].between(start, end, inclusive="left")]
    inside = inside.assign(revenue=inside["quantity"] * inside["unit_price"])
    customers = inside.groupby("customer_id").agg(
        last=("ordered_at", "max"), orders=("order_id", "nunique"), revenue=("revenue", "sum")
    )
    recency = (end - customers.pop("last").dt.normalize()).dt.days
    return customers.assign(recency_days=recency)[["recency_days", "orders", "revenue"]]


def define(source: dict[str, Any]) -> Definition:
    """The definition of ORDERS, read from this source."""
    columns = {
        "order_id": {"type": "text"},
        "ordered_at": {"type": "timestamp"},
        "quantity": {"type": "int", "gt": 0},
        "unit_price": {"type": "float", "ge": 0, "unit": "EUR"},
    }
    rows = {"grain": "event", "id": "customer_id", "time": "ordered_at", "columns": columns}
    summary = {"window_days": WINDOW_DAYS, "features": FEATURES}
    content = {"name": "orders", "source": source, "rows": rows, "summary": summary}
    return Definition.model_validate({**content, "features": list(FEATURES)})


def make_night(definition: Definition, store: Path) -> Night:
    """A night of the definition as of AS_OF."""
    return Night(run_id="test-run", definition=definition, as_of=AS_OF, source=None, store=store, force=False)


def write_csv(orders: pd.DataFrame, path: Path, **options: Any) -> None:
    """Write order lines as CSV."""
    path.parent.mkdir(parents=True, exist_ok=True)
    orders.to_csv(path, index=False, **options)


def write_by_period(folder: Path, name: Callable[[date], str], shift: int = 0) -> None:
    """Write a CSV file per name: each line's name is that of its day, `shift` days later."""
    names = [name((at + timedelta(days=shift)).date()) for at in ORDERS["ordered_at"]]
    for file_name, orders in ORDERS.groupby(names):
        write_csv(orders, folder / str(file_name))


def make_csv(folder: Path) -> dict[str, Any]:
    """One CSV file."""
    write_csv(ORDERS, folder / "orders.csv")
    return {"path": str(folder / "orders.csv")}


def make_quoted_csv(folder: Path) -> dict[str, Any]:
    """One CSV file with every field in quotes and Windows line ends."""
    quoting = csv.QUOTE_ALL
    write_csv(ORDERS, folder / "orders.csv", quoting=quoting, lineterminator="\r\n")
    return {"path": str(folder / "orders.csv")}


def make_spreadsheet_csv(folder: Path) -> dict[str, Any]:
    """What a German spreadsheet saves: semicolons, decimal commas, a byte order mark."""
    write_csv(ORDERS, folder / "orders.csv", sep=";", decimal=",", encoding="utf-8-sig")
    return {"path": str(folder / "orders.csv"), "csv": {"delimiter": ";", "decimal": ","}}


def make_gzip(folder: Path) -> dict[str, Any]:
    """One gzipped CSV file."""
    write_csv(ORDERS, folder / "orders.csv.gz", compression="gzip")
    return {"path": str(folder / "orders.csv.gz")}


def make_bz2(folder: Path) -> dict[str, Any]:
    """One CSV file packed by bzip2."""
    write_csv(ORDERS, folder / "orders.csv.bz2", compression="bz2")
    return {"path": str(folder / "orders.csv.bz2")}


def make_tsv(folder: Path) -> dict[str, Any]:
    """One tab-separated file."""
    write_csv(ORDERS, folder / "orders.tsv", sep="\t")
    return {"path": str(folder / "orders.tsv")}


def make_json_lines(folder: Path) -> dict[str, Any]:
    """One JSON object per line, gzipped."""
    folder.mkdir(parents=True, exist_ok=True)
    with gzip.open(folder / "orders.jsonl.gz", "wt") as file:
        for line in ORDERS.assign(ordered_at=ORDERS["ordered_at"].astype(str)).to_dict("records"):
            file.write(json.dumps(line) + "\n")
    return {"path": str(folder / "orders.jsonl.gz")}


def make_parquet(folder: Path) -> dict[str, Any]:
    """One Parquet file."""
    folder.mkdir(parents=True, exist_ok=True)
    ORDERS.to_parquet(folder / "orders.parquet")
    return {"path": str(folder / "orders.parquet")}


def make_hive_folders(folder: Path) -> dict[str, Any]:
    """A folder per day, as Spark writes them, with its success marker."""
    write_by_period(folder, lambda day: f"dt={day}/part-0.csv")
    (folder / "_SUCCESS").touch()
    return {"path": str(folder), "date_in_name": "dt=%Y-%m-%d"}


def make_delta(folder: Path) -> dict[str, Any]:
    """A Delta table that was overwritten once: its old files are still in the folder."""
    deltalake = pytest.importorskip("deltalake")
    deltalake.write_deltalake(str(folder), ORDERS)
    deltalake.write_deltalake(str(folder), ORDERS, mode="overwrite")
    return {"path": str(folder)}


def make_daily(folder: Path) -> dict[str, Any]:
    """A CSV file per day, a hidden file and the leftovers of a Mac."""
    write_by_period(folder, lambda day: f"{day}.csv")
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "._2024-06-12.csv").write_bytes(b"\0")
    return {"path": str(folder), "date_in_name": "%Y-%m-%d"}


def make_day_folders(folder: Path) -> dict[str, Any]:
    """A folder per year and month, in it a file per day."""
    write_by_period(folder, lambda day: f"{day:%Y/%m/%d}.csv")
    return {"path": str(folder), "date_in_name": "%Y/%m/%d"}


def make_weekly(folder: Path) -> dict[str, Any]:
    """A CSV file per ISO week."""
    write_by_period(folder, lambda day: f"orders-{day:%G-W%V}.csv")
    return {"path": str(folder), "date_in_name": "%G-W%V"}


def make_monthly(folder: Path) -> dict[str, Any]:
    """A CSV file per month; the window begins within one."""
    write_by_period(folder, lambda day: f"orders-{day:%Y-%m}.csv")
    return {"path": str(folder), "date_in_name": "%Y-%m"}


def make_export_dated(folder: Path) -> dict[str, Any]:
    """A CSV file per day, dated by the day after, on which it was exported."""
    write_by_period(folder, lambda day: f"{day}.csv", shift=1)
    return {"path": str(folder), "date_in_name": "%Y-%m-%d", "days_before": 1}


FORMS = {
    function.__name__.removeprefix("make_"): function
    for function in (
        make_csv, make_quoted_csv, make_spreadsheet_csv, make_gzip, make_bz2, make_tsv, make_json_lines,
        make_parquet, make_hive_folders, make_delta, make_daily, make_day_folders, make_weekly,
        make_monthly, make_export_dated,
    )
}  # fmt: skip


def check_customers(customers: pd.DataFrame) -> None:
    """The customers are those that pandas finds in ORDERS, with equal features."""
    expected = summarise_with_pandas(ORDERS)
    customers = customers[list(FEATURES)].astype(expected.dtypes.to_dict())
    pd.testing.assert_frame_equal(customers, expected, check_names=False, rtol=1e-12, check_like=True)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_gives_the_same_customers(tmp_path: Path, form: str) -> None:
    """Customers, recency, orders and revenue equal those that pandas computes from the table."""
    definition = define(FORMS[form](tmp_path / "orders"))
    _, customers = ingest_and_summarise(make_night(definition, tmp_path / "store"))
    check_customers(read_customers(customers))
    assert customers.balance.quarantined == 0


def test_a_database_gives_the_same_customers(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table in PostgreSQL, read by one SELECT, gives the customers of its files."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS order_lines")
        connection.execute(
            "CREATE TABLE order_lines (place int, order_id text, customer_id text, ordered_at timestamp, "
            "quantity int, unit_price numeric(12, 2))"
        )
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO order_lines VALUES (%s, %s, %s, %s, %s, %s)",
                ORDERS.reset_index().to_numpy().tolist(),
            )
    monkeypatch.setenv(variable_name("warehouse"), postgres)
    read_settings.cache_clear()
    sql = "SELECT order_id, customer_id, ordered_at, quantity, unit_price FROM order_lines ORDER BY place"
    definition = define({"sql": sql, "connection": "warehouse"})
    _, customers = ingest_and_summarise(make_night(definition, tmp_path / "store"))
    check_customers(read_customers(customers))


def test_a_form_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A file in a form that is not read is named, with the forms that are."""
    tmp_path.joinpath("orders.csv.xz").write_bytes(lzma.compress(ORDERS.to_csv(index=False).encode()))
    with pytest.raises(Refused, match=r"orders\.csv\.xz"):
        ingest_and_summarise(
            make_night(define({"path": str(tmp_path / "orders.csv.xz")}), tmp_path / "store")
        )


def read_expected(case: str) -> pd.DataFrame:
    """The right answer of a case of ../shared/cases."""
    return pd.read_csv(CASES / case / "expected.csv").set_index("customer_id")


@pytest.mark.skipif(not CASES.is_dir(), reason=f"the real inputs are not here: {CASES.name} is missing")
@pytest.mark.parametrize("case", ["day-twice", "days-compressed", "monthly-files", "seven-digit-seconds"])
def test_a_real_input_is_right_or_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    """Each case of ../shared/cases gives the customers that it says are right, or names what is wrong."""
    monkeypatch.chdir(CASES)
    definition = read_definition(CASES / case / f"{case}.yaml")
    night = make_night(definition, tmp_path / "store")
    if case == "day-twice":
        with pytest.raises(Refused, match=r"2024-06-\d\d \(1\)\.csv"):
            ingest_and_summarise(night)
        return
    ingested, customers = ingest_and_summarise(night)
    expected = read_expected(case)
    found = read_customers(customers)[list(expected.columns)].astype(expected.dtypes.to_dict())
    pd.testing.assert_frame_equal(found, expected, check_names=False, rtol=1e-9, check_like=True)
    if case == "seven-digit-seconds":
        assert any("digits beyond microseconds" in warning for warning in ingested.warnings)
