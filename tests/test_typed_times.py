"""Times of typed files: timestamps of any unit and zone, and numbers that count or spell a date."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.rows.reading.parquet_reading import read_parquet
from tests.test_times import CUT, read

BIG = 2**62


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pa.array([0, BIG, -BIG, None], pa.timestamp("s")), [0, None, None, None]),
        (pa.array([1500, BIG], pa.timestamp("ms")), [1.5, None]),
        (pa.array([1, BIG], pa.timestamp("us")), [0.000001, None]),
        (pa.array([1500, -1], pa.timestamp("ns")), [0.000001, -0.000001]),
        (pa.array([0], pa.timestamp("us", "Mars/Olympus")), [0]),
        (pa.array([0], pa.timestamp("us", "+05:30")), [0]),
        (pa.array([1, 2**31 - 1, -(2**31)], pa.int32()).cast(pa.date32()), [86400, None, None]),
        (pa.array([86_400_000, BIG]).cast(pa.date64()), [86400, None]),
    ],
)
def test_stamps_of_any_unit_and_zone_are_read(values: pa.Array, expected: list[float | None]) -> None:
    """Zones of instants do not matter; times outside the years 1 to 9999 are unreadable."""
    epoch = datetime(1970, 1, 1)
    times = [None if second is None else epoch + timedelta(seconds=second) for second in expected]
    assert read(values)[0] == times


def test_nanoseconds_of_a_file_are_cut_and_counted() -> None:
    """Parquet's nanoseconds are treated as the digits of a text are."""
    assert read(pa.array([1000, 1001, None], pa.timestamp("ns")))[1] == {CUT: 1}


@pytest.mark.parametrize(
    ("values", "declared", "expected"),
    [
        (pa.array([1715764577, None]), "epoch-seconds", [datetime(2024, 5, 15, 9, 16, 17), None]),
        (
            pa.array([1715764577.5, np.nan]),
            "epoch-seconds",
            [datetime(2024, 5, 15, 9, 16, 17, 500_000), None],
        ),
        (pa.array([2**63 + 1], pa.uint64()), "epoch-microseconds", [None]),
        (pa.array([20240515, 5]), "%Y%m%d", [datetime(2024, 5, 15), None]),
        (pa.array([20240515.0, None, 0.5]), "%Y%m%d", [datetime(2024, 5, 15), None, None]),
    ],
)
def test_numbers_of_a_file_are_times_in_a_declared_form(
    values: pa.Array, declared: str, expected: list[datetime | None]
) -> None:
    """Epochs and dates such as 20240515 are common in warehouses."""
    assert read(values, declared)[0] == expected


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("15/05/2024 09:00", "a day such as 31/12/2024"),
        ("2024-05-15 9:00 PM", "a time with AM or PM"),
        ("15 May 2024", "a date with a month's name"),
        ("May 15, 2024", "a date with a month's name"),
        ("1715764577", "epoch seconds"),
        ("1715764577000", "epoch milliseconds"),
    ],
)
def test_unreadable_times_say_what_they_look_like(text: str, kind: str) -> None:
    """The warning names the form and the key, and no value."""
    _, oddities = read([text, "2024-05-15", "soon"])
    assert oddities == {f"c is unreadable but looks like {kind}; declare rows.columns.c.format": 1}


def test_far_times_of_sparks_old_format_are_not_wrapped(tmp_path: Path) -> None:
    """Times of 96 bits hold any year, but in nanoseconds the year 9999 would become 1816."""
    times = [datetime(9999, 12, 31), datetime(2024, 5, 15, 9, 16, 17)]
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"at": times}), path, use_deprecated_int96_timestamps=True)
    (batch,) = read_parquet(path, ["at"])
    assert batch.table["at"].to_pylist() == times
