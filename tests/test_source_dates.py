"""Which files a date reads: the newest of customers, and every file of events that meets the window."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.sources import Source
from segmentation.sources.listing import list_source
from segmentation.store.files.objects import ObjectPath

DAY = date(2026, 1, 31)
WINDOW = (date(2026, 1, 20), date(2026, 2, 3))


def dated(pattern: str, **margins: int) -> dict[str, Any]:
    """A source whose files are dated by the pattern."""
    return {"date_in_name": pattern, **margins}


def daily(**margins: int) -> dict[str, Any]:
    """A source with a file per day."""
    return dated("%Y-%m-%d", **margins)


def fill(folder: Path, names: list[str]) -> Path:
    """A folder of these files."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("id\n")
    return folder


def select(
    folder: Path, window: tuple[date, date] | None = None, as_of: date = DAY, **source: Any
) -> list[str]:
    """Names below the folder of the files that a date reads."""
    return [file.name for file in list_source(Source(path=str(folder), **source), None, as_of, window).files]


@pytest.mark.parametrize(
    ("pattern", "files", "as_of", "expected"),
    [
        # A file of a month is the newest from the first day of that month.
        ("%Y-%m", ["2026-01.csv", "2026-02.csv"], date(2026, 1, 31), ["2026-01.csv"]),
        ("%Y-%m", ["2026-01.csv", "2026-02.csv"], date(2026, 2, 1), ["2026-02.csv"]),
        ("%G-W%V", ["2026-W05.csv", "2026-W06.csv"], date(2026, 2, 1), ["2026-W05.csv"]),
        ("%Y/%m/%d", ["2026/01/30.csv", "2026/01/31.csv"], DAY, ["2026/01/31.csv"]),
        ("dt=%Y-%m-%d", ["dt=2026-01-31/a.csv", "dt=2026-01-30/b.csv"], DAY, ["dt=2026-01-31/a.csv"]),
    ],
)
def test_the_newest_file_of_customers_by_span(
    tmp_path: Path, pattern: str, files: list[str], as_of: date, expected: list[str]
) -> None:
    """The newest file is the one whose days begin last, but not after as_of."""
    assert select(fill(tmp_path, files), as_of=as_of, date_in_name=pattern) == expected


@pytest.mark.parametrize(
    ("source", "read", "outside"),
    [
        (daily(), ["2026-01-20.csv", "2026-02-02.csv"], ["2026-01-19.csv", "2026-02-03.csv"]),
        # Dated by the day of the export: the day before is in the file.
        (daily(days_before=1), ["2026-01-20.csv", "2026-02-03.csv"], ["2026-01-19.csv", "2026-02-04.csv"]),
        (daily(days_after=1), ["2026-01-19.csv", "2026-02-02.csv"], ["2026-01-18.csv", "2026-02-03.csv"]),
        (dated("%G-W%V"), ["2026-W04.csv", "2026-W06.csv"], ["2026-W03.csv", "2026-W07.csv"]),
        (dated("%G-W%V", days_before=7), ["2026-W04.csv", "2026-W07.csv"], ["2026-W03.csv", "2026-W08.csv"]),
        (dated("%Y-%m"), ["a-2026-01.csv", "a-2026-02.csv"], ["a-2025-12.csv", "a-2026-03.csv"]),
        (dated("%Y/%m"), ["2026/01.csv", "2026/02/part-0.parquet"], ["2025/12.csv", "2026/03.csv"]),
        (dated("%Y"), ["2026.csv"], ["2025.csv", "2027.csv"]),
        (dated("%Y", days_before=3, days_after=20), ["2025.csv", "2026.csv"], ["2024.csv", "2027.csv"]),
        (dated("dt=%Y-%m-%d"), ["dt=2026-01-20/a.csv.gz"], ["dt=2026-01-19/a.csv.gz"]),
    ],
)
def test_every_file_of_events_that_meets_the_window_is_read(
    tmp_path: Path, source: dict[str, Any], read: list[str], outside: list[str]
) -> None:
    """A file is read if one of its days, or of the days next to them that it may hold, is in the window."""
    assert select(fill(tmp_path, [*read, *outside]), window=WINDOW, **source) == read


def test_files_come_in_the_order_of_their_dates(tmp_path: Path) -> None:
    """The last delivery is the last in the source's order, however dates are written; then by name."""
    files = ["b-31.12.2025.csv", "a-01.01.2026.csv", "a-02.01.2026.csv", "b-02.01.2026.csv"]
    window = (date(2025, 12, 1), date(2026, 2, 1))
    assert select(fill(tmp_path, files), window, date_in_name="%d.%m.%Y") == files


def test_folders_that_lead_back_are_entered_once(tmp_path: Path) -> None:
    """A link to a folder above it does not make a listing endless."""
    fill(tmp_path, ["2026/01/30.csv"])
    (tmp_path / "2026" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert select(tmp_path, WINDOW, date_in_name="%Y/%m/%d") == ["2026/01/30.csv"]


def test_recursive_patterns_are_the_same_in_folders_and_buckets(tmp_path: Path, bucket: ObjectPath) -> None:
    """In a glob, ** stands for any number of folders; names are below the folder without wildcards."""
    for name in ("in/a.csv", "in/b/c.csv", "in/b/d/e.csv", "in/b/d/f.txt", "other/g.csv"):
        fill(tmp_path, [name])
        (bucket / name).put(b"id\n")
    for root in (tmp_path, bucket):
        source = Source(path=f"{root}/in/**/*.csv")
        assert [file.name for file in list_source(source, None, DAY).files] == [
            "a.csv",
            "b/c.csv",
            "b/d/e.csv",
        ]
