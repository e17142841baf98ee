"""Listing a source's files, and refusing files that are not tables."""

import hashlib
import os
from datetime import date
from pathlib import Path

import pytest

from config.sources import Csv, Source
from segmentation.errors import Refused, SourceChanged
from segmentation.sources.content import check_content, check_unchanged, fingerprint
from segmentation.sources.listing import list_files

DAY = date(2026, 1, 31)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of dated files and others."""
    names = ["b-2026-01-30.csv", "a-2026-01-30.parquet", "c-2026-02-01.csv", "d-2026-01-02.csv"]
    for name in [*names, "x-2026-13-77.csv", "undated.csv", "notes.txt", "README"]:
        (tmp_path / name).write_text("id\n")
    return tmp_path


def names(source: Source, override: str | None = None, day: date = DAY) -> list[str]:
    """Names of the files listed."""
    return [path.name for path in list_files(source, override, day)]


def test_a_folder_means_its_tables_sorted(folder: Path) -> None:
    """In a folder, .csv and .parquet files are read, sorted by name."""
    tables = sorted(path.name for path in folder.iterdir() if path.suffix in (".csv", ".parquet"))
    assert names(Source(path=str(folder))) == tables


def test_the_newest_dated_files_count(folder: Path) -> None:
    """With date_in_name all files of the newest date on or before as_of are read."""
    source = Source(path=str(folder), date_in_name="%Y-%m-%d")
    assert names(source) == ["a-2026-01-30.parquet", "b-2026-01-30.csv"]
    assert names(source, day=date(2026, 2, 1)) == ["c-2026-02-01.csv"]
    assert names(source, day=date(2026, 1, 29)) == ["d-2026-01-02.csv"]


def test_dates_before_the_first_file_are_refused(folder: Path) -> None:
    """If every file is dated later than as_of, there is nothing to read."""
    with pytest.raises(Refused, match="no-file"):
        names(Source(path=str(folder), date_in_name="%Y-%m-%d"), day=date(2020, 1, 1))


def test_dates_without_separators_and_in_globs(tmp_path: Path) -> None:
    """Other patterns and globs work, a dot in a pattern is a dot, and no file is read twice."""
    for name in ("x.20260130.csv", "x.20260131.csv", "x.2026x0131.csv"):
        (tmp_path / name).touch()
    source = Source(path=str(tmp_path / "x*.csv"), date_in_name=".%Y%m%d")
    assert names(source) == ["x.20260131.csv"]


def test_an_override_replaces_the_definitions_path(folder: Path) -> None:
    """A source passed to the run is read instead; the date in its name does not matter."""
    source = Source(path="nowhere", date_in_name="%Y-%m-%d")
    assert names(source, str(folder / "undated.csv")) == ["undated.csv"]
    assert names(Source(sample="shop"), str(folder / "undated.csv")) == ["undated.csv"]


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("absent.csv", "no-file"),
        ("*.nothing", "no-file"),
        ("notes.txt", "wrong-extension"),
        ("README", "wrong-extension"),
    ],
)
def test_locations_without_tables_are_refused(folder: Path, location: str, code: str) -> None:
    """A missing file, an empty glob and other kinds of files are refused by name."""
    with pytest.raises(Refused) as refusal:
        names(Source(path=str(folder / location)))
    assert refusal.value.code == code


def test_an_empty_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    """A folder without tables, a folder named .csv in a glob, and a pipe are refused."""
    with pytest.raises(Refused, match="no-file"):
        names(Source(path=str(tmp_path)))
    (tmp_path / "f.csv").mkdir()
    with pytest.raises(Refused, match="not-a-file"):
        names(Source(path=str(tmp_path / "*.csv")))
    os.mkfifo(tmp_path / "p.csv")
    with pytest.raises(Refused, match="not-a-file"):
        names(Source(path=str(tmp_path / "p.csv")))


def test_a_sample_has_no_path() -> None:
    """A source without a path is refused."""
    with pytest.raises(Refused, match="names no path"):
        names(Source(sample="article"))


def test_fingerprint_is_size_and_sha256(tmp_path: Path) -> None:
    """A fingerprint has name, size and sha256, but no folder."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"id\n1\n")
    file = fingerprint(path)
    assert file.input.model_dump() == {
        "name": "a.csv",
        "size": 5,
        "sha256": hashlib.sha256(b"id\n1\n").hexdigest(),
        "numbered": False,
        "version": None,
    }
    check_unchanged(file)


def test_files_without_content_are_refused(tmp_path: Path) -> None:
    """An empty file and one that cannot be opened are refused."""
    (tmp_path / "a.csv").touch()
    with pytest.raises(Refused, match="empty-file"):
        fingerprint(tmp_path / "a.csv")
    with pytest.raises(Refused, match="unreadable-file"):
        fingerprint(tmp_path / "b.csv")


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    """A file that grew, or was written again, after its fingerprint raises SourceChanged."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"id\n1\n")
    file = fingerprint(path)
    os.utime(path, ns=(0, 0))
    with pytest.raises(SourceChanged, match=r"a\.csv changed"):
        check_unchanged(file)
    path.write_bytes(b"id\n1\n2\n")
    with pytest.raises(SourceChanged):
        check_unchanged(file)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", "pointer-file"),
        ("a.csv", b"PK\x03\x04rest\n", "wrong-content"),
        ("a.csv", b"\x1f\x8brest\n", "wrong-content"),
        ("a.csv", "id\n1\n".encode("utf-16"), "encoding"),
        ("a.csv", b"\xfe\xff\0i\0d\0\n", "encoding"),
        ("a.csv", b"PAR1....PAR1", "wrong-content"),
        ("a.csv", b"  <!DOCTYPE html><html>\n", "wrong-content"),
        ("a.csv", b"<?xml version='1.0'?>\n", "wrong-content"),
        ("a.csv", b"id,n\na,1", "no-final-newline"),
        ("a.parquet", b"id,n\na,1\n", "wrong-content"),
        ("a.parquet", b"PAR1 and no end", "wrong-content"),
    ],
)
def test_impostors_are_refused(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    """A pointer, archive, page, truncated or misnamed file is refused by its first and last bytes."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(Refused) as refusal:
        check_content(path, Csv())
    assert refusal.value.code == code


def test_tables_pass(tmp_path: Path) -> None:
    """CSV with a final newline, declared UTF-16, complete Parquet and an allowed missing newline pass."""
    path = tmp_path / "a.csv"
    for content, csv in (
        (b"id\n1\n", Csv()),
        (b"id\r1\r", Csv()),
        (b"id\n1", Csv(final_newline=False)),
        (b"<5,1\n", Csv()),
        ("id\n1\n".encode("utf-16"), Csv(encoding="UTF_16")),
    ):
        path.write_bytes(content)
        check_content(path, csv)
    (tmp_path / "a.parquet").write_bytes(b"PAR1....PAR1")
    check_content(tmp_path / "a.parquet", Csv())
