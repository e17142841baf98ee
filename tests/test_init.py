"""Definitions proposed by `resegment init` run unchanged, or one line gives the reason."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from config.clauses import KOptions
from schemas.night import Published
from segmentation.errors import Refused
from segmentation.proposing.k_draft import parse_segments
from segmentation.proposing.proposal import make_name, propose
from tests.made_tables import events, people, propose_content, write_table
from tests.nights import run_definition

DAY = date(2026, 1, 31)
REAL = {
    "article_customers.csv": (None, 24_000),
    "mall_customers.csv": ("CustomerID", 200),
    "mall_customers_dirty.csv": ("CustomerID", 800),
    "telco_churn.csv": ("customerID", 7_032),
    "wholesale_customers.csv": (None, 440),
    "wholesale_customers_latin1.csv": (None, 440),
    "wholesale_customers_missingcol.csv": (None, 440),
    "wholesale_customers_tampered.csv": (None, 473),
}
QUICK = ("mall_customers_dirty.csv",)


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write columns as a file in tmp_path."""

    def call(columns: dict[str, Any], name: str = "people.csv", **dialect: Any) -> Path:
        return write_table(tmp_path / name, columns, **dialect)

    return call


def run_proposal(path: Path, folder: Path) -> tuple[dict[str, Any], Published]:
    """Write the proposal to a file and run it unchanged."""
    name = make_name(str(path))
    text = propose(str(path), name, None).text
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return yaml.safe_load(text), run_definition(folder / f"{name}.yaml", DAY, folder / "store")


@pytest.mark.parametrize(
    "file", [file if file in QUICK else pytest.param(file, marks=pytest.mark.slow) for file in REAL]
)
def test_a_real_table_runs_as_proposed(file: str, shared_data: Path, tmp_path: Path) -> None:
    """The proposal is published with the id and the number of customers counted by hand."""
    content, published = run_proposal(shared_data / file, tmp_path)
    assert published.outcome == "published"
    assert (content["rows"]["id"], published.customers) == REAL[file]


def test_every_real_table_is_tried(shared_data: Path) -> None:
    """REAL lists every CSV file of the shared data that is a table."""
    files = {path.name for path in shared_data.glob("*.csv")}
    assert files - REAL.keys() == {"mall_customers_lfs_pointer.csv"}


@pytest.mark.parametrize(
    ("wish", "expected"),
    [
        ("4..8", {"min": 4, "max": 8, "rule": "auto"}),
        (" 3 - 5 ", {"min": 3, "max": 5, "rule": "auto"}),
        ("5", {"min": 5, "max": 5, "rule": "fixed", "fixed": 5}),
        (None, {"min": 1, "max": 12, "aim": [4, 8], "rule": "auto"}),
    ],
)
def test_a_number_of_segments_can_be_asked_for(
    wish: str | None, expected: dict[str, Any], write: Write
) -> None:
    """A range is k.min and k.max, one number fixes k; without a wish, the defaults can be seen."""
    segments = parse_segments(wish) if wish else None
    content = yaml.safe_load(propose(str(write(people())), "people", None, "", segments).text)
    assert content["k"] == {**expected, "smallest_share": 0}
    assert KOptions.model_validate(content["k"])


@pytest.mark.parametrize("wish", ["8..4", "0", "101", "four", "4..", "1e2"])
def test_a_wish_that_is_no_range_is_refused(wish: str) -> None:
    """With the text and an example."""
    with pytest.raises(Refused, match=r"not a range such as 4\.\.8"):
        parse_segments(wish)


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        pytest.param("people.parquet", {}, marks=pytest.mark.slow),
        ("german people.csv", {"sep": ";", "decimal": ",", "encoding": "latin-1"}),
        pytest.param("tabs.csv", {"sep": "\t", "encoding": "utf-16"}, marks=pytest.mark.slow),
    ],
)
def test_a_table_in_any_dialect_runs_as_proposed(
    name: str, dialect: dict[str, Any], write: Write, tmp_path: Path
) -> None:
    """Parquet files and CSV files of other dialects work: all 300 customers are used."""
    content, published = run_proposal(write(people(), name, **dialect), tmp_path)
    assert content["rows"]["id"] == "customer id"
    assert content["features"] == ["spend", "visits"]
    assert list(content["rows"]["columns"]) == ["spend", "visits", "city"]
    assert content["profile"] == ["city"]
    assert (published.outcome, published.customers) == ("published", 300)


def test_events_are_proposed_as_events(write: Write) -> None:
    """Events are summarised by recency, orders and revenue; the refused share is as counted by hand."""
    proposal = propose(str(write(events())), "people", None)
    content = yaml.safe_load(proposal.text)
    rows = content["rows"]
    assert (rows["grain"], rows["id"], rows["time"]) == ("event", "CustomerID", "InvoiceDate")
    assert list(rows["columns"]) == ["InvoiceNo", "Quantity", "InvoiceDate", "Unit Price"]
    assert rows["columns"]["Quantity"] == {"type": "int", "gt": 0}
    assert content["summary"] == {
        "window_days": 365,
        "features": {
            "recency_days": {"op": "days_since_last", "unit": "days"},
            "orders": {"op": "count_distinct", "column": "InvoiceNo"},
            "revenue": {"op": "sum", "expression": "Quantity * `Unit Price`"},
        },
    }
    assert content["features"] == ["recency_days", "orders", "revenue"]
    assert content["checks"]["max_quarantined"] == 0.1  # 60 blank ids of 600, 20 of them returns
    assert proposal.as_of == str((pd.Timestamp(max(events()["InvoiceDate"])) + pd.Timedelta(days=1)).date())


def test_a_table_of_events_is_recognised(write: Write) -> None:
    """The proposal for a table of events has grain event and is a valid definition."""
    assert propose_content(write(events()))["rows"]["grain"] == "event"


@pytest.mark.parametrize(("day", "pattern"), [("%Y-%m-%d", "%Y-%m-%d"), ("%Y%m%d", "%Y%m%d")])
def test_dated_files_are_read_by_their_date(day: str, pattern: str, write: Write, tmp_path: Path) -> None:
    """Of dated customer tables only the newest is surveyed, and the proposal sets date_in_name."""
    (tmp_path / "nightly").mkdir()
    for number, date_ in enumerate(pd.date_range("2026-01-30", periods=3)):
        write(people(100 + number), f"nightly/people-{date_.strftime(day)}.csv")
    proposal = propose(str(tmp_path / "nightly"), "nightly", None)
    assert yaml.safe_load(proposal.text)["source"]["date_in_name"] == pattern
    assert proposal.table_size == "102 rows of 4 columns"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"id,spend\n", "no-rows", "no row has 2 fields"),
        (b"", "empty-file", "is empty"),
        (b"PK\x03\x04sheet", "wrong-content", "spreadsheet"),
        (b"version https://git-lfs.github.com/spec/v1\noid x\n", "pointer-file", "git lfs pull"),
        (b"Export of January\nid,spend,x\n1,2,3\n2,3,4\n", "preamble", "the header seems to be line 2"),
        (b"Export,,\n,,\nid,spend,x\n1,2,3\n2,3,4\n", "preamble", "to be line 3"),
        (b"1,2.5\n2,3.5\n", "no-header", "seems to hold values"),
        (b"id,city\na,Bonn\nb,Ulm\n", "no-features", "decide which numbers"),
        (b"\x01a,\x02b\n1,2\n", "no-columns", "rename them"),
        (b'id,spend\na,"1\n', "no-rows", "no row has 2 fields"),
        (b"customer_id,day,spend\n" + b"a,day 31,5\na,day 30,6\n" * 9, "event-time", "day 31|'aaa 99'"),
        (b"customer_id,day,spend\n" + b"a,1/2/2026,5\na,2/2/2026,6\n" * 9, "ambiguous-dates", "--dates"),
        (b"customer_id,date,spend\n" + b"a,46000,5\nb,46001,6\n" * 9, "event-time", "1899-12-30"),
    ],
)
def test_a_file_without_a_table_is_refused_with_the_reason(
    content: bytes, code: str, message: str, tmp_path: Path
) -> None:
    """The refusal is one line, with the same code as in a run."""
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(Refused, match=message) as refusal:
        propose(str(path), "table", None)
    assert refusal.value.code == code
    assert "\n" not in str(refusal.value)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """The refusal of a folder without a table says what was looked for."""
    with pytest.raises(Refused, match=r"no table in .*; expected files that end in"):
        propose(str(tmp_path), "empty", None)
