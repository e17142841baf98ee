"""UCI Online Retail, file by day: rows accounted for, customers as pandas counts them, no look ahead."""

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
from tests.event_inputs import check_balance, read_customers, run

DEFINITION = BUILT_IN / "online-retail.yaml"
AS_OF = date(2011, 12, 10)
ROWS, WITHOUT_CUSTOMER, CANCELLATIONS, BOTH = 541_909, 135_080, 9_288, 383


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
    """All rows as pandas reads them, text first."""
    files = sorted(days.glob("*.csv"))
    rows = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False) for file in files])
    return rows.assign(
        Quantity=pd.to_numeric(rows["Quantity"]),
        UnitPrice=pd.to_numeric(rows["UnitPrice"]),
        InvoiceDate=pd.to_datetime(rows["InvoiceDate"]),
    ).reset_index(drop=True)


@pytest.mark.slow
def test_every_row_is_accounted_for(tmp_path: Path, days: Path) -> None:
    """Over all days, 135,080 rows without a customer and 9,288 cancellations can both be read off."""
    content = yaml.safe_load(DEFINITION.read_text())
    content["summary"]["window_days"] = 400
    definition = Definition.model_validate(content)
    rows, customers = run(make_night(definition, days, tmp_path))
    frame = read_days(days)
    no_customer, cancelled = frame["CustomerID"] == "", frame["InvoiceNo"].str.startswith("C")
    good = ~no_customer & ~cancelled & (frame["Quantity"] > 0) & (frame["UnitPrice"] > 0)
    check_balance(customers)
    assert customers.balance.read + customers.balance.outside == ROWS == len(frame)
    assert (customers.balance.outside, customers.balance.used) == (0, int(good.sum()))
    assert rows.balance.mentions["CustomerID: blank id"] == WITHOUT_CUSTOMER == int(no_customer.sum())
    assert rows.balance.mentions["cancellation"] == CANCELLATIONS == int(cancelled.sum())
    assert rows.balance.reasons["cancellation"] == CANCELLATIONS - BOTH
    assert customers.balance.mentions["Quantity: not above 0"] == int((frame["Quantity"] <= 0).sum())
    assert customers.count == frame.loc[good, "CustomerID"].nunique()


@pytest.mark.slow
def test_customers_are_those_that_pandas_finds(tmp_path: Path, days: Path) -> None:
    """Recency, orders and revenue of the year before 2011-12-10 equal an independent computation."""
    _, customers = run(make_night(read_definition(DEFINITION), days, tmp_path))
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
    found = read_customers(customers)
    pd.testing.assert_frame_equal(found, expected, check_index_type=False, check_names=False, rtol=1e-12)
    assert customers.balance.read == int(inside.sum())
    assert len(found) > 4000


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
def test_a_backfilled_night_does_not_see_the_future(tmp_path: Path, days: Path) -> None:
    """The edition as of 1 March 2011 has the same bytes when the files of later days are there."""
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
        found = resegment("online-retail", as_of=date(2011, 3, 1), source=str(source), store=str(store))
        assert isinstance(found, Published)
        runs.append(found)
    first, second = (Path(one.report_path).parent for one in runs)
    files = sorted(path.name for path in first.iterdir())
    assert runs[0].edition == runs[1].edition
    assert files == sorted(path.name for path in second.iterdir())
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in files)
    rows = json.loads((first / "manifest.json").read_bytes())["rows"]
    segments = pd.read_parquet(runs[0].segments_path)
    assert rows["customers"] == runs[0].customers == len(segments)
    assert rows["read"] == rows["used"] + rows["quarantined"]
    assert rows["used"] > rows["customers"]
