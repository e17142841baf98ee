"""UCI Online Retail by day: every row accounted for, customers as in pandas, no look-ahead."""

import json
import shutil
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import yaml

from config.definition import BUILT_IN, Definition
from config.definition_files import read_definition
from flows.resegment import resegment
from schemas.night import Night, Published
from tests.event_inputs import check_balance, ingest_and_summarise, read_customers

DEFINITION = BUILT_IN / "online-retail.yaml"
AS_OF = date(2011, 12, 10)
ROWS, WITHOUT_CUSTOMER, CANCELLATIONS, CANCELLED_WITHOUT_CUSTOMER = 541_909, 135_080, 9_288, 383


@pytest.fixture
def days(shared_data: Path) -> Path:
    """The folder of daily files."""
    return shared_data / "online_retail_by_day"


def make_night(definition: Definition, source: Path, store: Path) -> Night:
    """A night of Online Retail."""
    return Night(
        run_id="test-run",
        definition=definition,
        as_of=AS_OF,
        source=str(source),
        store=store,
        force=False,
    )


def read_days(days: Path) -> pd.DataFrame:
    """All rows, read by pandas as text and then converted."""
    files = sorted(days.glob("*.csv"))
    rows = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False) for file in files])
    return rows.assign(
        Quantity=pd.to_numeric(rows["Quantity"]),
        UnitPrice=pd.to_numeric(rows["UnitPrice"]),
        InvoiceDate=pd.to_datetime(rows["InvoiceDate"]),
    ).reset_index(drop=True)


@pytest.mark.slow
def test_every_row_is_accounted_for(tmp_path: Path, days: Path) -> None:
    """The row balance shows 135,080 rows without a customer and 9,288 cancellations."""
    content = yaml.safe_load(DEFINITION.read_text())
    content["summary"]["window_days"] = 400
    definition = Definition.model_validate(content)
    rows, customers = ingest_and_summarise(make_night(definition, days, tmp_path))
    frame = read_days(days)
    no_customer, cancelled = frame["CustomerID"] == "", frame["InvoiceNo"].str.startswith("C")
    good = ~no_customer & ~cancelled & (frame["Quantity"] > 0) & (frame["UnitPrice"] > 0)
    check_balance(customers)
    assert customers.balance.read + customers.balance.outside == ROWS == len(frame)
    assert (customers.balance.outside, customers.balance.used) == (0, int(good.sum()))
    assert rows.balance.mentions["CustomerID: blank id"] == WITHOUT_CUSTOMER == int(no_customer.sum())
    assert rows.balance.mentions["cancellation"] == CANCELLATIONS == int(cancelled.sum())
    assert rows.balance.reasons["cancellation"] == CANCELLATIONS - CANCELLED_WITHOUT_CUSTOMER
    assert customers.balance.mentions["Quantity: not above 0"] == int((frame["Quantity"] <= 0).sum())
    assert customers.count == frame.loc[good, "CustomerID"].nunique()


@pytest.mark.slow
def test_customers_agree_with_pandas(tmp_path: Path, days: Path) -> None:
    """Recency, orders and revenue of the year before 2011-12-10 match an independent computation."""
    _, customers = ingest_and_summarise(make_night(read_definition(DEFINITION), days, tmp_path))
    frame = read_days(days)
    inside = frame["InvoiceDate"].between("2010-12-10", "2011-12-10", inclusive="left")
    good = frame[
        inside
        & (frame["CustomerID"] != "")
        & ~frame["InvoiceNo"].str.startswith("C")
        & (frame["Quantity"] > 0)
        & (frame["UnitPrice"] > 0)
    ]
    good = good.assign(
        customer_id=good["CustomerID"].str.removesuffix(".0"),
        revenue=good["Quantity"] * good["UnitPrice"],
        day=good["InvoiceDate"].dt.normalize(),
    )
    groups = good.groupby("customer_id")
    expected = pd.DataFrame(
        {
            "recency_days": (pd.Timestamp(AS_OF) - groups["day"].max()).dt.days,
            "orders": groups["InvoiceNo"].nunique(),
            "revenue": groups["revenue"].sum(),
        }
    )
    table = read_customers(customers)
    pd.testing.assert_frame_equal(table, expected, check_index_type=False, check_names=False, rtol=1e-12)
    assert customers.balance.read == int(inside.sum())
    assert len(table) > 4000


@pytest.mark.usefixtures("prefect_server")
@pytest.mark.slow
def test_a_backfilled_night_does_not_see_the_future(tmp_path: Path, days: Path) -> None:
    """The edition as of 1 March 2011 has the same bytes if files of later days exist."""
    until = tmp_path / "until"
    until.mkdir()
    for file in days.glob("*.csv"):
        if "2011-01-15" <= file.stem < "2011-03-01":
            shutil.copy(file, until)
    runs: list[Published] = []
    later = tmp_path / "later"
    shutil.copytree(until, later)
    for stem in ("2011-03-01", "2011-03-02", "2011-12-09"):
        shutil.copy(days / f"{stem}.csv", later)
    for source, store in ((until, tmp_path / "one"), (later, tmp_path / "two")):
        published = resegment("online-retail", as_of=date(2011, 3, 1), source=str(source), store=str(store))
        assert isinstance(published, Published)
        runs.append(published)
    first, second = (Path(run_.report_path).parent for run_ in runs)
    files = sorted(path.name for path in first.iterdir())
    assert runs[0].edition == runs[1].edition
    assert files == sorted(path.name for path in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
    rows = json.loads((first / "manifest.json").read_bytes())["rows"]
    segments = pd.read_parquet(runs[0].segments_path)
    assert rows["customers"] == runs[0].customers == len(segments)
    assert rows["read"] == rows["used"] + rows["quarantined"]
    assert rows["used"] > rows["customers"]
