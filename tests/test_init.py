"""A definition proposed from a table: real files run as proposed, made-up ones say what was found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import yaml

from config.columns import Rows
from config.definitions import parse_definition
from config.settings import read_settings
from flows.resegment import resegment
from schemas.records import Published
from segmentation.errors import Refused
from segmentation.event_drafts import find_events
from segmentation.proposing import make_name, propose, propose_events
from segmentation.surveying import survey

DAY = "2026-01-31"
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
HOSTILE = [
    "<script>alert(1)</script>",
    'a "b"\nname: x',
    "y: #z",
    "- {",
    "\u202eolé",
    " padded ",
    "null",
    "2",
]

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes columns as a file: CSV in a dialect, or Parquet by its suffix."""

    def call(columns: dict[str, Any], name: str = "people.csv", **dialect: Any) -> Path:
        path, frame = tmp_path / name, pd.DataFrame(columns)
        if path.suffix == ".parquet":
            frame.to_parquet(path)
        else:
            frame.to_csv(path, index=False, **dialect)
        return path

    return call


def people(rows: int = 300) -> dict[str, Any]:
    """Customers in two groups: id, spend, visits, and a city of three."""
    random = np.random.default_rng(5)
    group = np.arange(rows) % 2
    return {
        "customer id": [f"c{i:04d}" for i in range(rows)],
        "spend": (group * 500 + random.normal(100, 9, rows)).round(2),
        "visits": group * 20 + random.integers(1, 15, rows),
        "city": np.array(["Bonn", "Köln", "Ulm"])[random.integers(0, 3, rows)],
    }


def propose_content(path: Path, asked_id: str | None = None) -> dict[str, Any]:
    """The proposal as YAML reads it, after the project's own check."""
    name = make_name(str(path))
    text = propose(str(path), name, asked_id).text
    parse_definition(text, f"{name}.yaml")
    content: dict[str, Any] = yaml.safe_load(text)
    return content


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


def test_the_dialect_is_declared_and_nothing_else(write: Write) -> None:
    """What differs from the defaults of source.csv stands in the proposal; a plain file declares nothing."""
    odd = write(people(), sep=";", decimal=",", encoding="latin-1")
    odd.write_bytes(odd.read_bytes().rstrip(b"\n"))
    assert propose_content(odd)["source"]["csv"] == {
        "encoding": "latin-1", "delimiter": ";", "decimal": ",", "final_newline": False
    }  # fmt: skip
    assert "csv" not in propose_content(write(people(), "plain.csv"))["source"]
    windows = write({**people(), "city": ["5 €"] * 300}, "w.csv", encoding="cp1252")
    assert propose_content(windows)["source"]["csv"] == {"encoding": "cp1252"}


def test_the_same_file_gives_the_same_text(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the number of threads nor the order of rows changes a byte of the proposal."""
    path, frame = write(people(4000)), pd.DataFrame(people(4000))
    first = propose(str(path), "people", None).text
    monkeypatch.setenv("RESEGMENT_THREADS", "1")
    read_settings.cache_clear()
    assert propose(str(path), "people", None).text == first
    frame.sample(frac=1, random_state=3).to_csv(path, index=False)
    assert propose(str(path), "people", None).text == first


def test_no_customers_value_stands_in_the_text(write: Write) -> None:
    """Ids, names and amounts stay out; ranges hold twice the largest amount, rounded outwards."""
    names = [f"zq{i} Müller" for i in range(300)]
    path = write({**people(), "person": names, "spend": [77_317.25 + i for i in range(300)]})
    text = propose(str(path), "people", None).text
    assert "zq" not in text and "c0001" not in text and "773" not in text and "776" not in text
    assert yaml.safe_load(text)["rows"]["columns"]["spend"] == {"type": "float", "ge": 0, "le": 200_000}


def test_hostile_names_and_levels_stay_what_they_are(write: Write) -> None:
    """Names that no contract can hold are left out; levels come back from YAML exactly."""
    columns = {**people(), "level # 1": [HOSTILE[i % 8] for i in range(300)], "Grösse, cm": range(300)}
    columns |= {name: range(300) for name in HOSTILE[:5]} | {"distance": range(300)}
    path = write(columns, "odd.parquet")
    content = propose_content(path)
    assert content["rows"]["columns"]["level # 1"]["isin"] == sorted(HOSTILE)
    assert content["features"] == ["spend", "visits", "Grösse, cm"]
    text = propose(str(path), "odd", None).text
    assert not [line for line in text.splitlines() if not line.isprintable()]
    assert "rename them" in text


def test_two_thousand_columns_give_a_dozen_features(write: Write) -> None:
    """A wide table is profiled in full as far as a contract reaches; the rest is listed or counted."""
    random = np.random.default_rng(3)
    wide = {f"c{i}": random.normal(0, 1, 40) for i in range(1998)}
    path = write({**{k: v[:40] for k, v in people().items() if k in ("customer id", "spend")}, **wide})
    content = propose_content(path)
    assert content["features"] == ["spend", *(f"c{i}" for i in range(11))]
    assert "1,000 columns after the first 1,000" in propose(str(path), "people", None).text


def test_missing_values_are_declared_and_counted(write: Write) -> None:
    """Marks for 'no value' in numbers become null_values; the limit is what was found, rounded up."""
    columns = people()
    spend = [str(value) for value in columns["spend"]]
    spend[:20] = ["?"] * 20
    spend[20:25] = ["n/a"] * 5
    spend[25:30] = ["oops"] * 5
    columns["notes"] = [f"note {i}?" for i in range(300)]
    path = write({**columns, "spend": spend, "mostly": ["?"] * 100 + list(range(200))})
    content = propose_content(path)
    assert content["source"]["csv"] == {"null_values": ["", "?", "n/a"]}
    assert content["checks"]["max_quarantined"] == 0.1
    assert content["rows"]["columns"]["mostly"] == {"type": "int", "ge": 0, "le": 500, "nullable": True}
    assert content["features"] == ["spend", "visits"]
    text = propose(str(path), "people", None).text
    assert "125 fields" in text and "10.00% of the rows" in text and "25 spend: missing" in text


@pytest.mark.parametrize("second", ["same", "differs"])
def test_repeated_ids_are_judged_by_whether_rows_differ(second: str, write: Write) -> None:
    """Some repeated rows leave the id an id, with quarantine; rows that mostly differ take it away."""
    frame = pd.DataFrame(people())
    few = pd.concat([frame, frame[:10] if second == "same" else frame[:10].assign(visits=99)])
    content = propose_content(write(few))  # type: ignore[arg-type]
    assert (content["rows"]["id"], content["rows"]["on_duplicate"]) == ("customer id", "quarantine")
    assert content["checks"]["max_quarantined"] == (0.05 if second == "same" else 0.1)
    many = pd.concat([frame, frame.assign(visits=99)])
    path = write(many)  # type: ignore[arg-type]
    assert propose_content(path)["rows"]["id"] is None
    asked = propose_content(path, "customer id")["rows"]
    assert (asked["id"], asked["on_duplicate"]) == ("customer id", "last")


def events(rows: int = 600) -> dict[str, Any]:
    """Lines of invoices of 50 customers, some without an id, some returned."""
    random = np.random.default_rng(8)
    who = [f"{17000 + i % 50}.0" for i in range(rows)]
    days = pd.Timestamp("2026-01-01 08:00") + pd.to_timedelta(random.integers(0, 30 * 24, rows), unit="h")
    return {
        "InvoiceNo": [f"{'C' if i % 30 == 0 else ''}{9000 + i // 4}" for i in range(rows)],
        "Quantity": [-1 if i % 30 == 0 else i % 9 + 1 for i in range(rows)],
        "InvoiceDate": days.strftime("%Y-%m-%d %H:%M:%S"),
        "Unit Price": random.gamma(2, 4, rows).round(2) + 0.01,
        "CustomerID": [None if i % 10 == 0 else one for i, one in enumerate(who)],
    }


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
    for number, date in enumerate(pd.date_range("2026-01-30", periods=3)):
        write(people(100 + number), f"nightly/people-{date.strftime(day)}.csv")
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


def test_an_unknown_id_is_refused_with_the_nearest(write: Write) -> None:
    """--id names a column of the table, and a near miss is told."""
    with pytest.raises(Refused, match='did you mean "customer id"'):
        propose(str(write(people())), "people", "customer_id")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    """A folder without a table is named."""
    with pytest.raises(Refused, match=r"no \.csv or \.parquet file in"):
        propose(str(tmp_path), "empty", None)
