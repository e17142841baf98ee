"""Entries of judged files that lack a file, have another name or cannot be kept: the night judges instead.

Entries whose bytes are damaged are in tests/test_judged_files.py.
"""

import random
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from segmentation.rows.reading import source_batches
from segmentation.store.runs.judged_entries import JUDGED
from tests.event_inputs import HEADER
from tests.judged_histories import FIRST, History, Judged, define, read_night


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> History:
    """Three files of a day each, which are judged one by one."""
    monkeypatch.setattr(source_batches, "MERGED_ROWS", 1)
    for number in (2, 3, 4):
        line = f"c{number},i{number},2026-01-{number:02} 10:00:00,1,2.5"
        (tmp_path / f"2026-01-{number:02}.csv").write_text(f"{HEADER}\n{line}\n")
    return History(tmp_path, ".csv", random.Random(1))  # noqa: S311


def read(history: History) -> Judged:
    """Read the three files."""
    return read_night(history, define(), FIRST + timedelta(4), history.folder / "store")


def list_entries(history: History) -> list[Path]:
    """The entries, by name."""
    return sorted((history.folder / "store" / "demo" / JUDGED).glob("*/*"))


@pytest.mark.parametrize("name", ["batches", "0.parquet"])
def test_an_entry_that_lacks_a_file_is_replaced(history: History, name: str) -> None:
    """A kill while an entry is removed leaves some of its files: the night after next knows its source."""
    first, before = read(history), list_entries(history)
    (before[0] / name).unlink()
    second, third = read(history), read(history)
    assert first.rows == second.rows == third.rows
    assert [night.known_files.describe(3) for night in (second, third)] == [
        "; 2 of 3 files judged before, 1 of .judged damaged",
        "; 3 of 3 files judged before",
    ]
    assert list_entries(history) == before


@pytest.mark.parametrize("name", ["old", "a-b-c-d", f"{'0' * 16}-x-{'0' * 32}-none.judged"])
def test_an_entry_with_the_name_of_none_is_removed(history: History, name: str) -> None:
    """A name that cannot be read must not end the night."""
    first, before = read(history), list_entries(history)
    before[0].rename(before[0].with_name(name))
    assert read(history).rows == first.rows
    assert list_entries(history) == before


@pytest.mark.parametrize("spoil", [lambda folder: folder.write_bytes(b""), lambda folder: None])
def test_a_night_without_a_folder_of_judged_files(history: History, spoil: Callable[[Path], object]) -> None:
    """A file in its place keeps nothing from being judged; once it is gone, files are kept."""
    folder = history.folder / "store" / "demo" / JUDGED
    first = read(history)
    shutil.rmtree(folder)
    spoil(folder)
    night = read(history)
    assert (night.rows, night.known_files.files) == (first.rows, 0)
    assert folder.is_dir() == (len(list_entries(history)) == 3)


def test_a_retry_keeps_what_a_killed_attempt_was_keeping(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the attempt left among the stage files of the run is not in the way of the next one."""

    class Killed(BaseException):
        pass

    def die(path: Path, target: Path) -> Path:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", die)
        with pytest.raises(Killed):
            read(history)
    read(history)
    assert len(list_entries(history)) == 3
