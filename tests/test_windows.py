"""The window of events: its ends, time zones, formats of time, and files dated by name."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.errors import Refused
from segmentation.sources.listing import list_files
from tests.event_inputs import (
    AS_OF,
    check_balance,
    define,
    ingest_and_summarise,
    make_night,
    read_customers,
    with_rows,
    write_events,
)
from tests.stage_records import hash_parts

GOOD = ("a,i1,2026-01-10 12:00:00,2,5.0", "b,i2,2026-01-31 23:59:59,1,1.5", "a,i3,2026-01-20,1,1")


def count_events(path: Path, *times: str, **changes: Any) -> tuple[int, int, int]:
    """Rows used, quarantined and outside, for one event at each time."""
    lines = [f"c{i},i{i},{time},1,1" for i, time in enumerate(times)]
    _, customers = ingest_and_summarise(
        make_night(write_events(path / "events.csv", lines), define(**changes))
    )
    check_balance(customers)
    return customers.balance.used, customers.balance.quarantined, customers.balance.outside


def test_the_window_is_half_open(tmp_path: Path) -> None:
    """The window includes its first midnight and excludes as_of at midnight."""
    assert count_events(tmp_path, "2026-01-01", "2026-01-31T23:59:59.999999") == (2, 0, 0)
    assert count_events(tmp_path, "2026-01-01", "2025-12-31 23:59:59.999999", "2026-02-01") == (1, 0, 2)


def test_times_with_an_offset_are_converted(tmp_path: Path) -> None:
    """2026-01-31 23:30 UTC is February in Berlin, and January in London or without an offset."""
    time = "2026-01-31T23:30:00"
    assert count_events(
        tmp_path, time, f"{time}Z", f"{time}+00:00", f"{time}-01", timezone="Europe/London"
    ) == (
        3,
        0,
        1,
    )
    assert count_events(
        tmp_path, time, f"{time}Z", f"{time}+00:00", f"{time}+0100", timezone="Europe/Berlin"
    ) == (
        2,
        0,
        2,
    )


def test_parquet_instants_are_converted(tmp_path: Path) -> None:
    """A Parquet column with a time zone is converted, and one without is left unchanged."""
    for zone, used in (("UTC", 1), (None, 2)):
        times = pa.array(pd.to_datetime(["2026-01-31 23:30", "2026-01-31 22:30"]), pa.timestamp("us"))
        day = times if zone is None else times.cast(pa.timestamp("us", zone))
        columns = {"id": ["a", "b"], "invoice": ["1", "2"], "day": day, "pieces": [1, 1], "price": [1.0, 1.0]}
        pq.write_table(pa.table(columns), tmp_path / "events.parquet")
        _, customers = ingest_and_summarise(
            make_night(tmp_path / "events.parquet", define(timezone="Europe/Berlin"))
        )
        assert (customers.balance.used, customers.balance.outside) == (used, 2 - used)


@pytest.mark.parametrize(
    ("as_of", "inside", "outside"),
    [
        # Clocks go forward in London on 29 March 2026 and back on 25 October 2026.
        (date(2026, 3, 30), ["2026-03-29T22:59:59Z", "2026-03-29T00:00:00Z"], ["2026-03-29T23:00:00Z"]),
        (date(2026, 10, 26), ["2026-10-25T23:59:59Z", "2026-10-24T23:00:00Z"], ["2026-10-26T00:00:00Z"]),
    ],
)
def test_days_on_which_clocks_change(
    tmp_path: Path, as_of: date, inside: list[str], outside: list[str]
) -> None:
    """On days of 23 and 25 hours, the window still ends at local midnight."""
    lines = [f"c{i},i{i},{time},1,1" for i, time in enumerate([*inside, *outside])]
    night = make_night(write_events(tmp_path / "events.csv", lines))
    _, customers = ingest_and_summarise(night.model_copy(update={"as_of": as_of}))
    assert (customers.balance.used, customers.balance.outside) == (len(inside), len(outside))
    assert read_customers(customers)["recency_days"].tolist() == [1] * len(inside)


def test_only_the_declared_format_is_read(tmp_path: Path) -> None:
    """31/01/2026 needs its format; other orders are refused."""
    columns = {**with_rows()["columns"], "day": {"type": "timestamp", "format": "%d/%m/%Y %H:%M"}}
    rows = with_rows(columns=columns)
    assert count_events(tmp_path, "31/01/2026 23:59", "01/02/2026 00:00", rows=rows) == (1, 0, 1)
    assert count_events(tmp_path, "31/01/2026 23:59", "01/31/2026 10:00", "2026-01-31", "now", rows=rows) == (
        1,
        3,
        0,
    )
    columns["day"] = {"type": "timestamp", "format": "%d.%m.%Y %H:%M %z"}
    rows = with_rows(columns=columns)
    assert count_events(tmp_path, "31.01.2026 23:30 +0000", "01.02.2026 00:30 +0100", rows=rows) == (2, 0, 0)


def test_words_are_not_times(tmp_path: Path) -> None:
    """Words such as now and today, which pandas would read from the clock, are unreadable."""
    assert count_events(tmp_path, "2026-01-31", "now", "today", "yesterday") == (1, 3, 0)


def test_a_file_entirely_outside_the_window_is_refused(tmp_path: Path) -> None:
    """The message counts the events outside the window."""
    with pytest.raises(Refused, match=r"no rows; 2 are outside the window"):
        count_events(tmp_path, "2026-02-01", "2025-12-31")


def test_only_files_of_the_window_are_opened(tmp_path: Path) -> None:
    """Dated files in [as_of - window, as_of) are read. Days may be missing, but not all of them."""
    for day in (-32, -31, -30, -3, -1, 0, 1):
        write_events(tmp_path / f"{AS_OF + timedelta(day)}.csv", GOOD)
    definition = define(source={"path": str(tmp_path / "*.csv"), "date_in_name": "%Y-%m-%d"})
    window = definition.window(AS_OF)
    expected = [f"{AS_OF + timedelta(day)}.csv" for day in (-31, -30, -3, -1)]
    for override in (None, str(tmp_path)):
        paths = list_files(definition.source, override, AS_OF, window)
        assert [path.name for path in paths] == expected
    with pytest.raises(Refused, match="dated from 2027-01-01 to before 2027-02-01"):
        list_files(definition.source, None, AS_OF, definition.window(date(2027, 2, 1)))


def test_later_and_older_files_change_nothing(tmp_path: Path) -> None:
    """Files dated outside the window change neither the edition's key nor any stage file."""
    definition = define(source={"path": str(tmp_path / "*.csv"), "date_in_name": "%Y-%m-%d"})
    write_events(tmp_path / "2026-01-20.csv", GOOD)
    first, first_customers = ingest_and_summarise(make_night(tmp_path, definition))
    first_digests = hash_parts(first_customers.parts)
    for day in ("2025-12-31", "2026-02-01", "2026-02-02"):
        (tmp_path / f"{day}.csv").write_text("garbage\0 without a header")
    second, second_customers = ingest_and_summarise(make_night(tmp_path, definition))
    assert (first.key, first.inputs, first.balance) == (second.key, second.inputs, second.balance)
    assert first_digests == hash_parts(second_customers.parts)
