"""Rows delivered twice: files that repeat others are refused by name, other sources are read as before."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from config.definition import Definition
from schemas.rows import Customers
from segmentation.errors import Refused
from segmentation.rows.judging import deliveries as module
from tests import deliveries
from tests.deliveries import REPEATED, Layout, draw_days, write_day, write_days
from tests.event_inputs import (
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    with_features,
    with_rows,
)


def summarise_folder(folder: Path, definition: Definition | None = None) -> Customers:
    """Ingest and summarise every file of a folder."""
    return ingest_and_summarise(make_night(folder, definition))[1]


@pytest.mark.parametrize(("layout", "message"), REPEATED, ids=lambda value: getattr(value, "__name__", ""))
def test_files_that_repeat_rows_are_refused_by_name(tmp_path: Path, layout: Layout, message: str) -> None:
    """Files whose rows, or most of them, are also in other files are refused, and named."""
    layout(tmp_path, draw_days())
    with pytest.raises(Refused, match=message) as error:
        summarise_folder(tmp_path)
    assert error.value.code == "repeated-files"
    assert "rows.key" in error.value.message


@pytest.mark.parametrize(("layout", "message"), REPEATED[:4] + REPEATED[6:9] + REPEATED[-1:])
def test_large_sources_are_judged_by_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layout: Layout, message: str
) -> None:
    """With far fewer hashes than rows, the same files are refused."""
    monkeypatch.setattr("segmentation.rows.judging.sketches.SKETCHED_ROWS", 1000)
    monkeypatch.setattr(module, "SKETCHED_ROWS", 1000)
    layout(tmp_path, draw_days(rows=1500))
    with pytest.raises(Refused, match="repeated-files"):
        summarise_folder(tmp_path)
    assert message


@pytest.mark.parametrize(("layout", "message"), REPEATED[:4] + REPEATED[6:9])
def test_with_a_key_the_numbers_are_right(tmp_path: Path, layout: Layout, message: str) -> None:
    """With a key, rows that are delivered several times count once."""
    days = [
        day.assign(invoice=[f"i{n}-{row}" for row in range(len(day))]) for n, day in enumerate(draw_days())
    ]
    layout(tmp_path, days)
    customers = summarise_folder(tmp_path, define(rows=with_rows(key=["invoice"])))
    every_day = pd.concat(days)
    revenue = (every_day["pieces"] * every_day["price"]).groupby(every_day["id"]).sum()
    assert read_customers(customers)["revenue"].to_dict() == pytest.approx(revenue.to_dict())
    assert customers.balance.adds_up and customers.balance.merged > 0
    assert message


@pytest.mark.parametrize(
    "layout",
    [
        write_days,
        deliveries.with_few_shared_rows,
        deliveries.with_four_shared_rows_of_seven,
        deliveries.with_repeats_within,
        deliveries.with_empty_copies,
        deliveries.with_copies_outside,
        deliveries.with_refused_copies,
        deliveries.by_the_same_times,
    ],
)
def test_files_that_share_a_few_rows_are_read(tmp_path: Path, layout: Layout) -> None:
    """Sources in which nothing was delivered twice are read, without a word about rows."""
    layout(tmp_path, draw_days())
    customers = summarise_folder(tmp_path)
    assert not [warning for warning in customers.warnings if "rows" in warning]


def test_overlaps_below_the_limit_are_warned_of(tmp_path: Path) -> None:
    """A fifth of a file's rows in another file is a warning that names it, and rows.key."""
    days = draw_days(3)
    write_days(tmp_path, [days[0], pd.concat([days[0][:12], days[1]]), days[2]])
    (warning,) = summarise_folder(tmp_path).warnings
    assert warning.startswith(
        "about 30% of the rows of day-000.csv are in another file too, as is a smaller share of 1 more"
    )
    assert "rows.key" in warning


@pytest.mark.parametrize("column", ["price", "day"])
def test_a_day_exported_again_with_other_digits_is_warned_of(tmp_path: Path, column: str) -> None:
    """Amounts with more decimals, or dates without a time, do not hide that a day was delivered twice."""
    days = draw_days()
    copy = days[4].assign(price=days[4]["price"] + 0.0031, day=days[4]["day"].dt.normalize())
    write_days(tmp_path, days)
    write_day(tmp_path, days[4].assign(**{column: copy[column]}), "again.csv")
    (warning,) = summarise_folder(tmp_path).warnings
    assert "of the rows of again.csv nearly match rows of day-004.csv" in warning
    assert "rows.key" in warning


@pytest.mark.parametrize(("share", "is_warned"), [(0.02, False), (0.3, True)])
def test_repeated_rows_within_a_file_are_warned_of(tmp_path: Path, share: float, is_warned: bool) -> None:
    """Rows that repeat each other in every declared column are warned of above 5 %."""
    table = pd.concat(draw_days())
    repeated = pd.concat([table, table.sample(frac=share, random_state=1)])
    write_day(tmp_path, repeated, "events.csv")
    warnings = summarise_folder(tmp_path).warnings
    assert [warning[:18] for warning in warnings] == (["about 23% of rows "] if is_warned else [])
    assert all("rows.key" in warning for warning in warnings)


@pytest.mark.parametrize(("share", "is_warned"), [(0.02, False), (0.3, True)])
def test_versions_of_events_are_warned_of(tmp_path: Path, share: float, is_warned: bool) -> None:
    """Rows that differ from another row in status and update time only are warned of, across files too."""
    table = pd.concat(draw_days()).assign(status="open", updated="2026-01-20")
    newer = table.sample(frac=share, random_state=1).assign(status="paid", updated="2026-01-21")
    write_day(tmp_path, table, "first.csv")
    write_day(tmp_path, newer, "second.csv")
    extra = {"status": {"type": "category"}, "updated": {"type": "timestamp"}}
    rows = with_rows(columns={**with_rows()["columns"], **extra})
    warnings = summarise_folder(tmp_path, define(rows=rows)).warnings
    assert len(warnings) == is_warned
    if is_warned:
        assert warnings[0].startswith("about 23% of rows differ from another row in status, updated only")
        assert "on_duplicate: last" in warnings[0]


def test_repeated_rows_that_change_nothing_are_not_warned_of(tmp_path: Path) -> None:
    """Features that are the same if an event is delivered twice need no warning."""
    table = pd.concat(draw_days()).assign(invoice=lambda table: table["invoice"] + table["id"])
    table["price"] = table.groupby("invoice")["price"].transform("first")
    write_day(tmp_path, pd.concat([table, table]), "events.csv")
    features = {
        "orders": {"op": "count_distinct", "column": "invoice"},
        "revenue": {"op": "sum", "column": "price", "once_per": "invoice"},
        "each": {"ratio": ["revenue", "orders"]},
    }
    assert summarise_folder(tmp_path, define(**with_features(features))).warnings == ()


@pytest.mark.parametrize(
    ("rows", "is_refused"),
    [
        ({"id": "id", "on_duplicate": "sum"}, True),
        ({"id": "id", "on_duplicate": "mean"}, True),
        ({"id": None}, True),
        ({"id": "id", "on_duplicate": "quarantine"}, False),
        ({"id": "id", "on_duplicate": "last"}, False),
    ],
)
def test_copies_of_customers_are_refused_where_they_add_up(
    tmp_path: Path, rows: dict[str, Any], is_refused: bool
) -> None:
    """A table of customers that is delivered twice is refused if its rows would count twice."""
    table = pd.DataFrame({"id": [f"c{n}" for n in range(50)], "spend": np.arange(50) * 1.5, "orders": 1})
    table.to_csv(tmp_path / "a.csv", index=False)
    table[::-1].to_csv(tmp_path / "b.csv", index=False)
    definition = Definition.model_validate(
        {
            "name": "demo",
            "source": {"path": "x"},
            "rows": {**rows, "columns": {"spend": {"type": "float"}, "orders": {"type": "int"}}},
            "features": ["spend"],
        }
    )
    if not is_refused:
        assert summarise_folder(tmp_path, definition).count == 50
        return
    with pytest.raises(Refused, match=r"a.csv and b.csv \(100%\)"):
        summarise_folder(tmp_path, definition)
