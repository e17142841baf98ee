"""A definition proposed from a table runs as it stands, or one line says why there is none."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pandas as pd
import pytest
import yaml

from config.columns import Rows
from config.settings import read_settings
from flows.resegment import resegment
from schemas.records import Published
from segmentation.errors import Refused
from segmentation.proposing.definition import make_name, propose, propose_events
from segmentation.proposing.event_drafts import find_events
from segmentation.proposing.surveying import survey
from tests.made_tables import events, people, propose_content, write_table

DAY = date(2026, 1, 31)
REAL = {
    "article_customers.csv": (None, 24_000),
    "mall_customers.csv": ("CustomerID", 200),
    "mall_customers_dirty.csv": ("CustomerID", 700),
    "telco_churn.csv": ("customerID", 7_032),
    "wholesale_customers.csv": (None, 440),
    "wholesale_customers_latin1.csv": (None, 440),
    "wholesale_customers_missingcol.csv": (None, 440),
    "wholesale_customers_tampered.csv": (None, 473),
}


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes columns as a file of tmp_path."""

    def call(columns: dict[str, Any], name: str = "people.csv", **dialect: Any) -> Path:
        return write_table(tmp_path / name, columns, **dialect)

    return call


def run_proposal(
    path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Published]:
    """Write the proposal into a folder of its own and run it as it stands."""
    name = make_name(str(path))
    monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(folder))
    read_settings.cache_clear()
    text = propose(str(path), name, None).text
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    published = resegment(name, as_of=DAY, store=str(folder / "store"))
    assert isinstance(published, Published)
    return yaml.safe_load(text), published


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize("file", REAL)
def test_a_real_table_runs_as_proposed(
    file: str, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proposal is published, with the id and as many customers as the file has by hand."""
    content, published = run_proposal(shared_data / file, tmp_path, monkeypatch)
    assert published.outcome == "published"
    assert (content["rows"]["id"], published.customers) == REAL[file]


def test_every_real_table_is_tried(shared_data: Path) -> None:
    """The list above holds every CSV file of the shared data that is a table."""
    files = {path.name for path in shared_data.glob("*.csv")}
    assert files - REAL.keys() == {"mall_customers_lfs_pointer.csv"}


@pytest.mark.xdist_group("prefect")
@pytest.mark.usefixtures("prefect_server")
@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("people.parquet", {}),
        ("german people.csv", {"sep": ";", "decimal": ",", "encoding": "latin-1"}),
        ("tabs.csv", {"sep": "\t", "encoding": "utf-16"}),
    ],
)
def test_a_table_in_any_dialect_runs_as_proposed(
    name: str, dialect: dict[str, Any], write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parquet, and CSV with another delimiter, decimal mark and encoding: all 300 customers are used."""
    content, published = run_proposal(write(people(), name, **dialect), tmp_path, monkeypatch)
    assert content["rows"]["id"] == "customer id"
    assert content["features"] == ["spend", "visits"]
    assert content["rows"]["columns"]["city"] == {"type": "category", "isin": ["Bonn", "Köln", "Ulm"]}
    assert (published.outcome, published.customers) == ("published", 300)


def test_events_are_proposed_as_events(write: Write) -> None:
    """Several rows per customer with a time: recency, orders and revenue, and the refused share by hand."""
    table = survey(str(write(events())))
    found = find_events(table.profiles, "CustomerID")
    assert found is not None
    proposal = propose_events(table, "people", found)
    content = yaml.safe_load(proposal.text)
    rows = content["rows"]
    assert (rows["grain"], rows["id"], rows["time"]) == ("event", "CustomerID", "InvoiceDate")
    assert list(rows["columns"]) == ["InvoiceNo", "Quantity", "InvoiceDate", "Unit Price"]
    assert rows["columns"]["Quantity"] == {"type": "int", "gt": 0, "le": 20}
    assert content["summary"] == {
        "window_days": 365,
        "features": {
            "recency_days": {"op": "days_since_last"},
            "orders": {"op": "count_distinct", "column": "InvoiceNo"},
            "revenue": {"op": "sum", "expression": "Quantity * `Unit Price`"},
        },
    }
    assert content["features"] == ["recency_days", "orders", "revenue"]
    assert content["checks"]["max_quarantined"] == 0.15  # 60 blank ids and 20 returns of 600
    assert proposal.as_of == str((pd.Timestamp(max(events()["InvoiceDate"])) + pd.Timedelta(days=1)).date())


def test_events_are_refused_where_definitions_cannot_hold_them(write: Write) -> None:
    """A definition that would not run is never proposed: one line says what to decide."""
    path = write(events())
    if "event" in get_args(Rows.model_fields["grain"].annotation):
        assert propose_content(path)["rows"]["grain"] == "event"
    else:
        with pytest.raises(Refused, match=r"12 rows per .* decide how they become one row per customer"):
            propose(str(path), "people", None)


@pytest.mark.parametrize(("day", "pattern"), [("%Y-%m-%d", "%Y-%m-%d"), ("%Y%m%d", "%Y%m%d")])
def test_dated_files_are_read_by_their_date(day: str, pattern: str, write: Write, tmp_path: Path) -> None:
    """Of dated customer tables the newest is looked at; date_in_name says so."""
    (tmp_path / "nightly").mkdir()
    for number, one in enumerate(pd.date_range("2026-01-30", periods=3)):
        write(people(100 + number), f"nightly/people-{one.strftime(day)}.csv")
    proposal = propose(str(tmp_path / "nightly"), "nightly", None)
    assert yaml.safe_load(proposal.text)["source"]["date_in_name"] == pattern
    assert proposal.found == "102 rows of 4 columns"


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (b"id,spend\n", "no-rows", "there is no row of 2 fields"),
        (b"", "empty-file", "is empty"),
        (b"PK\x03\x04sheet", "wrong-content", "spreadsheet"),
        (b"version https://git-lfs.github.com/spec/v1\noid x\n", "pointer-file", "git lfs pull"),
        (b"Export of January\nid,spend,x\n1,2,3\n2,3,4\n", "no-rows", "expected the header first"),
        (b"1,2.5\n2,3.5\n", "no-header", "seems to hold values"),
        (b"id,city\na,Bonn\nb,Ulm\n", "no-features", "decide which numbers"),
        (b"<a>,=b\n1,2\n", "no-columns", "rename them"),
        (b'id,spend\na,"1\n', "stray-quote", "never closed"),
        (b"customer,day,spend\n" + b"a,31/01/2026,5\na,30/01/2026,6\n" * 9, "event-time", "2026-01-31"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(
    content: bytes, code: str, says: str, tmp_path: Path
) -> None:
    """One line says why there is no proposal, in the words a run would use."""
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(Refused, match=says) as refusal:
        propose(str(path), "table", None)
    assert refusal.value.code == code
    assert "\n" not in str(refusal.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without a table is named."""
    with pytest.raises(Refused, match=r"no \.csv or \.parquet file in"):
        propose(str(tmp_path), "empty", None)
