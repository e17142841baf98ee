"""Files of a source's folder that a date does not read: quiet, named in a warning, or refused."""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from config.sources import Source
from segmentation.errors import NoData, Refused
from segmentation.sources.listing import list_source
from segmentation.store.files.objects import ObjectPath

AS_OF = date(2024, 6, 16)
WINDOW = (date(2024, 5, 17), AS_OF)
DAYS = [f"{day.date()}.csv" for day in pd.date_range("2024-05-10", "2024-06-20")]


def fill(folder: Path, *names: str) -> Path:
    """A folder with a file per day from 10 May to 20 June, and these."""
    for name in (*DAYS, *names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("id\n")
    return folder


def listed(
    folder: object, pattern: str | None = "%Y-%m-%d", window: tuple[date, date] | None = WINDOW
) -> list[str]:
    """The files that the warnings about a folder name as not read."""
    warnings = list_source(Source(path=str(folder), date_in_name=pattern), None, AS_OF, window).warnings
    return [re.sub(" of the source's folder (is|are) not read$", "", warning) for warning in warnings]


@pytest.mark.parametrize(
    "name",
    [
        *(".2024-06-12.csv.swp", "._2024-06-12.csv", ".DS_Store", "Thumbs.db", "desktop.ini", "Icon\r"),
        *("_SUCCESS", "_committed_123", "_started_123", "_metadata", ".part-0.csv.crc", "2024-06-12.csv.crc"),
        *("2024-06-12.csv.md5", "2024-06-12.ok", "~$2024-06-12.xlsx", "_temporary/0/2024-06-12.csv"),
        *("__MACOSX/2024-06-12.csv", ".git/config", ".ipynb_checkpoints/2024-06-12.csv", "orders_$folder$"),
        # Dated outside the window, in this form and in others.
        *("2023-01-01.csv", "2024-07-01.xlsx", "archive/2023-01-01.csv", "20230101.csv", "2023-01.zip"),
    ],
)
def test_leftovers_and_other_dates_are_passed_over(tmp_path: Path, name: str) -> None:
    """Hidden files, what systems and Spark leave behind, and files of other dates are not worth a word."""
    assert listed(fill(tmp_path, name)) == []


@pytest.mark.parametrize(
    "name",
    [
        *(
            "README.md",
            "notes.txt",
            "schema.json",
            "load.sql",
            "products.csv",
            "orders.xlsx",
            "undated.csv.gz",
        ),
        *("2024-06-12.xlsx", "2024-06-12.log", "2024-06-12.csv.bak", "2024-06-12.csv~", "2024-06-12.csv.zip"),
        *("backup/2024-06-12.csv", "2024-06-12.csv.part", "orders_20240612.csv"),
    ],
)
def test_an_odd_file_is_named(tmp_path: Path, name: str) -> None:
    """A file that cannot be missed, or a single one of unknown content, is named in a warning."""
    assert listed(fill(tmp_path, name)) == [f"{name}"]


@pytest.mark.parametrize(
    ("removed", "name"),
    [
        ("2024-06-12.csv", "2024-06-12.xlsx"),
        ("2024-06-12.csv", "2024-06-12.csv.zip"),
        ("2024-06-12.csv", "2024-06-12.csv.part"),
        ("2024-06-12.csv", "2024-06-12.parquet.gz"),
        ("2024-06-12.csv", "2024-06-12.txt"),
        ("2024-06-12.csv", "2024-06-12"),
        ("2024-06-12.csv", "orders_20240612.csv"),
        ("2024-06-12.csv", "12.06.2024.csv"),
        ("2024-06-12.csv", "06-12-2024.csv"),
        ("2024-06-12.csv", "2024-W24.csv"),
        ("2024-06-12.csv", "june/2024-06-12.csv"),
    ],
)
def test_a_day_that_only_an_unread_file_holds_is_refused(tmp_path: Path, removed: str, name: str) -> None:
    """A day within the window whose only file cannot be read, or is named otherwise, would be missed."""
    fill(tmp_path, name)
    (tmp_path / removed).unlink()
    with pytest.raises(Refused, match=name.replace(".", r"\.")) as refusal:
        listed(tmp_path)
    assert refusal.value.code == "unread-files"


def test_many_unread_files_are_refused(tmp_path: Path) -> None:
    """More than a tenth as many data files as are read are more than an oddity; documents do not count."""
    extra = [f"export-{i}.csv" for i in range(4)]
    names = "export-0.csv, export-1.csv, export-2.csv and 1 more file\\b"
    documents = fill(tmp_path / "documents", *(f"notes-{i}.md" for i in range(9)))
    assert listed(documents) == ["notes-0.md, notes-1.md, notes-2.md and 6 more files"]
    assert listed(fill(tmp_path / "few", *extra[:3])) != []
    with pytest.raises(Refused, match=names):
        listed(fill(tmp_path / "many", *extra))


def test_a_folder_without_dates_names_other_formats(tmp_path: Path) -> None:
    """Without date_in_name all tables are read; a spreadsheet among few of them is refused."""
    for name in ("a.csv", "a.xlsx", "README"):
        (tmp_path / name).write_text("id\n")
    assert listed(tmp_path, None, None) == ["README, a.xlsx"]
    (tmp_path / "b.xlsx").write_text("id\n")
    with pytest.raises(Refused, match=r"b\.xlsx is not read"):
        listed(tmp_path, None, None)


def test_of_customers_only_a_newer_file_can_be_missed(tmp_path: Path) -> None:
    """For the newest file, undated and older files are harmless; one dated later must be readable."""
    for name in ("2024-06-10.csv", "2024-06-01.xlsx", "2024-06-30.xlsx", "customers.csv"):
        (tmp_path / name).write_text("id\n")
    assert listed(tmp_path, window=None) == ["customers.csv"]
    (tmp_path / "2024-06-12.xlsx").write_text("id\n")
    with pytest.raises(Refused, match=r"2024-06-12\.xlsx is not read"):
        listed(tmp_path, window=None)


def test_a_folder_whose_names_all_have_another_form_is_refused(tmp_path: Path) -> None:
    """A wrong pattern is not a date without data, which a definition may allow to be skipped."""
    for name in ("orders_20240610.csv", "orders_20240611.csv"):
        (tmp_path / name).write_text("id\n")
    with pytest.raises(Refused, match=r"orders_20240610\.csv, orders_20240611\.csv are not read") as refusal:
        listed(tmp_path)
    assert not isinstance(refusal.value, NoData)


def test_a_glob_reads_what_it_matches_and_names_its_neighbours(tmp_path: Path) -> None:
    """A glob is explicit, but tables next to its files are named if they hold days that it does not match."""
    fill(tmp_path, "2024-06-12.csv.gz", "README.md", "products.csv")
    assert listed(tmp_path / "*.csv") == ["products.csv"]
    assert listed(tmp_path / "2024-*.csv") == []
    (tmp_path / "2024-06-12.csv").unlink()
    (warning,) = listed(tmp_path / "2024-*.csv")
    assert warning == "source.path does not match 2024-06-12.csv.gz next to its files"


def test_tables_in_another_format_are_named_next_to_a_glob(tmp_path: Path) -> None:
    """Without dates, *.csv leaves out what somebody compressed, and says so."""
    for name in ("a.csv", "b.csv", "old-c.csv", "a.csv.gz", "d.parquet", "notes.txt"):
        (tmp_path / name).write_text("id\n")
    warnings = list_source(Source(path=f"{tmp_path}/?.csv"), None, AS_OF).warnings
    assert warnings == ["source.path does not match a.csv.gz, d.parquet next to its files"]


def test_objects_are_judged_like_files(bucket: ObjectPath) -> None:
    """In a bucket the same names are quiet, named in a warning or refused."""
    for name in (*DAYS, "_SUCCESS", "archive/2023-01-01.csv", "notes.txt"):
        (bucket / "in" / name).put(b"id\n")
    assert listed(bucket / "in") == ["notes.txt"]
    (bucket / "in" / "june/orders_20240521.xlsx").put(b"id\n")
    assert listed(bucket / "in") == ["june/orders_20240521.xlsx, notes.txt"]
    for day in range(21, 25):
        (bucket / "in" / f"us/2024-05-{day}.csv").put(b"id\n")
    with pytest.raises(Refused, match="unread-files"):
        listed(bucket / "in")


def test_folders_that_are_not_read_may_hold_other_tables(tmp_path: Path) -> None:
    """Files named unlike those read are of another table; a region's files, named alike, are refused."""
    other = fill(tmp_path / "other", *(f"truth/truth-{name}" for name in DAYS))
    (other / "2024-06-12.csv").unlink()
    assert [name.split(", ")[0] for name in listed(other)] == ["truth/truth-2024-05-17.csv"]
    with pytest.raises(Refused, match=r"us/2024-05-17\.csv, .* and 27 more files are not read"):
        listed(fill(tmp_path / "regions", *(f"us/{name}" for name in DAYS)))
