"""How files are compared with those that an edition was made from. Nights are in test_late_files.py."""

import gzip
import hashlib
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from config.sources import Source
from schemas.late_files import FileChanges
from segmentation.sources.changed_dates import SourceFolder
from segmentation.sources.dated_names import Span
from segmentation.sources.late_files import FileDays, compare_files
from segmentation.store.files.objects import ObjectPath
from tests.late_shop import day, make_shop

# An edition of 2026-01-08 with a window of seven days.
WEEK = FileDays(
    Source(path="days", date_in_name="%Y-%m-%d"), date(2026, 1, 8), Span(date(2026, 1, 1), date(2026, 1, 8))
)


def make_files(content: dict[str, str]) -> tuple[dict[str, str], Callable[[str], str]]:
    """sha256 by name of files with this content, and what unpacks them: `gz:` before it means compressed."""
    return content, lambda name: content[name].removeprefix("gz:")


@pytest.mark.parametrize(
    ("recorded", "current", "expected"),
    [
        ({"01-01": "a"}, {"01-01": "a"}, FileChanges()),
        ({"01-01": "a"}, {"01-01": "b"}, FileChanges(changed=("2026-01-01.csv",))),
        ({"01-02": "a"}, {"01-01": "a", "01-02": "a"}, FileChanges(new=("2026-01-01.csv",))),
        ({"01-01": "a", "01-02": "a"}, {"01-02": "a"}, FileChanges(gone=("2026-01-01.csv",))),
        # The day of the edition was not over, and later days do not concern it.
        ({"01-02": "a"}, {"01-02": "a", "01-08": "a", "01-09": "a"}, FileChanges()),
        # Before the window.
        ({"01-02": "a"}, {"01-02": "a", "12-31": "a"}, FileChanges()),
        # Another source: no file in common.
        ({"01-02": "a"}, {"01-03": "a", "01-04": "a"}, FileChanges()),
        ({}, {"01-03": "a"}, FileChanges()),
    ],
)
def test_files_are_compared_by_date_name_and_content(
    recorded: dict[str, str], current: dict[str, str], expected: FileChanges
) -> None:
    """Files count that the edition of 2026-01-08 should have read: of days that were over, in its window."""
    earlier, later = ({name_file(key): text for key, text in side.items()} for side in (recorded, current))
    assert compare_files(earlier, later, WEEK, make_files(later)[1]) == expected


def name_file(key: str) -> str:
    """`01-02` is the file of 2026-01-02, and `12-31` that of 2025."""
    return f"{2025 if key.startswith('12') else 2026}-{key}.csv"


@pytest.mark.parametrize(
    ("earlier", "later", "is_changed"),
    [
        ({"2026-01-02.csv": "a"}, {"2026-01-02.csv.gz": "gz:a"}, False),
        ({"2026-01-02.csv": "a"}, {"2026-01-02.csv.gz": "gz:b"}, True),
        ({"2026-01-02.csv.gz": "gz:a"}, {"2026-01-02.csv.gz": "gz:a"}, False),
        # What was in the compressed file is not known any more.
        ({"2026-01-02.csv.gz": "gz:a"}, {"2026-01-02.csv": "a"}, True),
    ],
)
def test_a_file_that_was_compressed_since_is_the_same(
    earlier: dict[str, str], later: dict[str, str], is_changed: bool
) -> None:
    """Older days are often compressed in place: what counts is their text."""
    changes = compare_files(earlier, later, WEEK, make_files(later)[1])
    assert bool(changes.changed) == is_changed
    assert (changes.new, changes.gone) == ((), ())


def test_a_month_that_is_not_over_may_grow() -> None:
    """The file of the month that the night is in changes every night, and is not late."""
    source = Source(path="x", date_in_name="%Y-%m")
    days = FileDays(source, date(2026, 2, 3), Span(date(2025, 12, 1), date(2026, 2, 3)))
    earlier = {"2025-12.csv": "a", "2026-01.csv": "a", "2026-02.csv": "a"}
    later = {"2025-12.csv": "a", "2026-01.csv": "b", "2026-02.csv": "b"}
    assert compare_files(earlier, later, days, str).changed == ("2026-01.csv",)


def test_files_of_a_bucket_are_compared_too(bucket: ObjectPath, tmp_path: Path) -> None:
    """Objects are hashed as they are, and downloaded where their text is needed."""
    text = b"id,invoice,day,pieces,price\n"
    (bucket / "days" / "2026-01-02.csv").put(text)
    (bucket / "days" / "2026-01-03.csv.gz").put(gzip.compress(text))
    source = {"path": f"{bucket}/days", "date_in_name": "%Y-%m-%d"}
    folder = SourceFolder(make_shop(tmp_path, source=source).definition, None)
    digest = hashlib.sha256(text).hexdigest()
    files = folder.list_files(day(8))
    assert files.text["2026-01-02.csv"] == digest == folder.unpack("2026-01-03.csv.gz")
    assert [*files.text] == ["2026-01-02.csv", "2026-01-03.csv.gz"]
    assert not files.typed
