"""One table of orders in every form that people keep it in: the same customers and the same features.

The right answer is computed by pandas from the table itself. The real inputs of ../shared/cases are here too.
"""

import lzma
from pathlib import Path
from typing import Any

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
from tests.table_forms import AS_OF, FORMS, ORDERS

WINDOW_DAYS = 60
CASES = SHARED.parent / "cases"
FEATURES = {
    "recency_days": {"op": "days_since_last"},
    "orders": {"op": "count_distinct", "column": "order_id"},
    "revenue": {"op": "sum", "expression": "quantity * unit_price"},
}


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


@pytest.mark.skipif(not CASES.is_dir(), reason=f"real data is not here: {CASES.name}")
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
    results = read_customers(customers)[list(expected.columns)].astype(expected.dtypes.to_dict())
    pd.testing.assert_frame_equal(results, expected, check_names=False, rtol=1e-9, check_like=True)
    if case == "seven-digit-seconds":
        assert any("digits beyond microseconds" in warning for warning in ingested.warnings)
