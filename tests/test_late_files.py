"""Files that arrive or change after their night: noticed, counted, and redone with what builds on them."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from segmentation.errors import Refused
from tests.late_shop import LENIENT, Shop, day, make_shop
from tests.nights import create_town, draw_customers

slow = pytest.mark.slow


def run_late(folder: Path, end: str = ".csv", **changes: Any) -> Shop:
    """Nights 8, 9 and 10 without the file of day 8, which arrives afterwards with that of day 10."""
    shop = make_shop(folder, **changes)
    shop.write(range(1, 8), end)
    for number in (8, 9, 10):
        assert shop.night(number).outcome == "published"
        shop.write([number] if number != 8 else [], end)
    shop.write([8], end)
    return shop


@pytest.mark.parametrize(
    "end", [".csv", pytest.param(".parquet", marks=slow), pytest.param(".csv.gz", marks=slow)]
)
def test_a_late_file_is_noticed_and_redone(tmp_path: Path, end: str) -> None:
    """After the dates of the plan have run, the store is as if the file had been there from the beginning."""
    shop = run_late(tmp_path / "late", end)
    name = f"2026-01-08{end}"
    assert shop.night(11).warnings == (
        f"late-files: 1 file is new ({name}) since the edition of 2026-01-10",
        "late-files: 2 published dates lack it (2026-01-09 to 2026-01-10); redo them with: "
        "resegment backfill demo --mode changed",
    )
    new, builds = f"1 file is new ({name})", "builds on the edition of"
    assert [(planned.as_of, planned.reason) for planned in shop.plan()] == [
        (day(9), new),
        (day(10), f"{new}; {builds} 2026-01-09"),
        (day(11), f"{builds} 2026-01-10"),
    ]
    assert shop.redo() == ["published"] * 3
    assert shop.plan() == ()
    punctual = make_shop(tmp_path / "punctual")
    punctual.write(range(1, 8), end)
    for number in range(8, 12):
        assert punctual.night(number).warnings == ()
        punctual.write([number], end)
    digests = punctual.digests()
    assert len(digests) == 4
    assert shop.digests() == digests


@pytest.mark.parametrize("end", [".csv", pytest.param(".parquet", marks=slow)])
def test_a_changed_file_can_hold_the_night(tmp_path: Path, end: str) -> None:
    """With the check required, a night whose files differ from those of the edition before is held."""
    shop = make_shop(tmp_path, checks={**LENIENT, "required": ["late-files"]})
    shop.write(range(1, 9), end)
    assert shop.night(8).outcome == "published"
    assert shop.night(9).outcome == "published"
    shop.write([5], end, extra=1)
    held = shop.night(10)
    assert (held.outcome, held.reasons) == (
        "held",
        (f"late-files: 1 file has changed (2026-01-05{end}) since the edition of 2026-01-09",),
    )
    assert [planned.as_of for planned in shop.plan()] == [day(8), day(9)]


def test_a_normal_night_has_no_late_file(tmp_path: Path) -> None:
    """The newest file is new and not late, and a file that the window has passed is not gone."""
    shop = make_shop(tmp_path)
    shop.write(range(1, 8))
    assert shop.night(8).warnings == ()
    (shop.days / "2026-01-01.csv").unlink()
    shop.write([8])
    assert shop.night(9).warnings == ()
    assert shop.plan() == ()


def test_files_that_are_gone_are_named_and_never_left_out(tmp_path: Path) -> None:
    """A night says which files are gone; a date is not redone without the files that it was made from."""
    shop = make_shop(tmp_path)
    shop.write(range(1, 8))
    shop.night(8)
    (shop.days / "2026-01-03.csv").unlink()
    shop.write([8])
    assert shop.night(9).warnings == (
        "late-files: 1 file is gone (2026-01-03.csv) since the edition of 2026-01-08",
    )
    assert shop.plan() == ()
    shop.write([6], extra=1)
    with pytest.raises(Refused, match=r"gone-files: the edition of 2026-01-08 .*\(2026-01-03.csv\)"):
        shop.plan()
    assert [planned.as_of for planned in shop.plan(start=day(9))] == [day(9)]
    shop.write([3])
    assert [planned.as_of for planned in shop.plan()] == [day(8), day(9)]


def test_parquet_written_again_is_redone_once(tmp_path: Path) -> None:
    """The same rows in another file make the same edition, which then knows the new file."""
    shop = make_shop(tmp_path)
    shop.write(range(1, 8), ".parquet")
    edition = shop.night(8).edition
    path = shop.days / "2026-01-02.parquet"
    pd.read_parquet(path).to_parquet(path, index=False, compression="gzip")
    assert [planned.reason for planned in shop.plan()] == [
        "1 file has changed (2026-01-02.parquet); nothing before it to take segment ids from: its segments "
        "get new ones"
    ]
    assert shop.redo() == ["already-published"]
    assert shop.plan() == ()
    assert shop.night(8).edition == edition


def test_an_edition_does_not_depend_on_the_layout_of_late_rows(tmp_path: Path) -> None:
    """The run warns of Parquet files that arrive late, and no file of the edition names them."""
    shop = run_late(tmp_path, ".parquet")
    night = shop.night(11)
    assert "2026-01-08.parquet" in night.warnings[0]
    folder = Path(night.report_path).parent
    assert not any(b"2026-01-08.parquet" in file.read_bytes() for file in folder.iterdir())


@pytest.mark.slow
def test_of_snapshots_the_one_of_the_date_counts(tmp_path: Path) -> None:
    """A snapshot of customers that arrives late is read when its date is redone."""
    days = create_town(tmp_path, source={"path": str(tmp_path / "days"), "date_in_name": "%Y-%m-%d"})
    (tmp_path / "days").mkdir()
    customers = draw_customers({"a": 60, "b": 50})
    shop = Shop(tmp_path, days.definition)._replace(name="planted")
    customers.to_csv(tmp_path / "days" / "2026-01-01.csv", index=False)
    assert shop.night(1).warnings == shop.night(2).warnings == ()
    customers.assign(spend=customers["spend"] + 1).to_csv(tmp_path / "days" / "2026-01-02.csv", index=False)
    assert [(planned.as_of, planned.reason) for planned in shop.plan()] == [
        (day(2), "1 file is new (2026-01-02.csv)")
    ]
    assert shop.night(3).warnings[0] == (
        "late-files: 1 file is new (2026-01-02.csv) since the edition of 2026-01-02"
    )
    assert shop.redo() == ["published", "published"]
    assert shop.plan() == ()


def test_a_plan_needs_dates_in_names_and_something_published(tmp_path: Path) -> None:
    """Without dated files, or without a published date, nothing can be compared."""
    shop = make_shop(tmp_path)
    with pytest.raises(Refused, match="date-range: nothing is published yet"):
        shop.plan()
    for mode in ("fill", "rebuild"):
        with pytest.raises(Refused, match="date-range: start_date or end_date is empty"):
            shop.plan(mode, start=day(1))
    undated = make_shop(tmp_path, source={"path": str(tmp_path / "days")})
    with pytest.raises(Refused, match=r"mode: .* needs source\.date_in_name"):
        undated.plan(start=day(1), end=day(2))
