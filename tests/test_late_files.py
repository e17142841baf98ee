"""Files that arrive or change after their night: noticed, counted, and redone with what builds on them."""

import gzip
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from bench.nights import run_night
from config.definition import Definition
from config.sources import Source
from schemas.backfills import BackfillRequest, PlannedDate
from schemas.late_files import FileChanges
from schemas.night import Night, Published
from segmentation.backfill_plan import plan_backfill
from segmentation.dated_names import Span
from segmentation.errors import Refused
from segmentation.late_files import FileDays, compare_files
from segmentation.parts import hash_file
from tests.event_inputs import EVENTS
from tests.nights import create_town, draw_customers

FIRST = date(2026, 1, 1)
CUSTOMERS = 300
LENIENT = {"max_row_change": 0.99, "max_churn": 1, "max_drift": 1000}
slow = pytest.mark.slow
# An edition of 2026-01-08 with a window of seven days.
WEEK = FileDays(
    Source(path="days", date_in_name="%Y-%m-%d"), date(2026, 1, 8), Span(date(2026, 1, 1), date(2026, 1, 8))
)


class Shop(NamedTuple):
    """A folder of daily event files, and a store."""

    folder: Path
    definition: Definition
    name: str = "demo"

    @property
    def days(self) -> Path:
        """The folder of files."""
        return self.folder / "days"

    @property
    def home(self) -> Path:
        """The segmentation's folder in the store."""
        return self.folder / "store" / self.name

    def write(self, numbers: Iterable[int], end: str = ".csv", extra: int = 0) -> None:
        """Write the files of these days. `extra` changes the content."""
        self.days.mkdir(parents=True, exist_ok=True)
        for number in numbers:
            write_events(self.days / f"{day(number)}{end}", number, extra)

    def night(self, number: int, **changes: Any) -> Published:
        """Run the night of the day with this number: it reads the days before."""
        night = Night(
            run_id=f"run-{len(list(self.home.glob('ledger/*')))}",
            definition=self.definition,
            as_of=day(number),
            source=None,
            store=self.folder / "store",
            force=False,
        )
        return run_night(night.model_copy(update=changes))

    def plan(self, mode: str = "changed", **changes: Any) -> tuple[PlannedDate, ...]:
        """The dates that a backfill would run."""
        request = BackfillRequest(
            run_id="backfill", name=self.name, store=str(self.folder / "store"), mode=mode, **changes
        )
        return plan_backfill(request, self.definition).dates

    def redo(self) -> list[str]:
        """Run the dates of the plan, in order. Returns the outcomes."""
        return [self.night((planned.as_of - FIRST).days + 1).outcome for planned in self.plan()]

    def digests(self) -> dict[str, dict[str, str]]:
        """sha256 by file of each date's published edition."""
        return {
            path.parent.name: {
                file.name: hash_file(file) for file in self.home.glob(f"editions/*/{edition_of(path)}/*")
            }
            for path in sorted(self.home.glob("published/*/segments.parquet"))
        }


def edition_of(table: Path) -> str:
    """The edition that a published table is of."""
    import pyarrow.parquet as pq

    return str((pq.read_metadata(table).metadata or {})[b"resegment.edition"].decode())


def day(number: int) -> date:
    """The date of a day, counting from 1."""
    return FIRST + timedelta(days=number - 1)


def write_events(path: Path, number: int, extra: int = 0) -> None:
    """Events of a day: two groups of customers, whose orders differ from day to day."""
    random = np.random.default_rng([number, extra])
    buyers = np.flatnonzero(random.random(CUSTOMERS) < 0.7)
    frame = pd.DataFrame(
        {
            "id": [f"c{buyer:03d}" for buyer in buyers],
            "invoice": [f"i{number}-{buyer}" for buyer in buyers],
            "day": pd.Timestamp(day(number)) + pd.to_timedelta(random.integers(0, 86_400, len(buyers)), "s"),
            "pieces": random.integers(1, 4, len(buyers)),
            "price": np.where(buyers % 2, 5.0, 90.0) + random.integers(0, 5, len(buyers)),
        }
    )
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
        return
    frame["day"] = frame["day"].dt.strftime("%Y-%m-%d %H:%M:%S")
    text = frame.to_csv(index=False).encode()
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": partial(gzip.compress, mtime=0)}
    path.write_bytes(packers.get(path.suffix, bytes)(text))


def make_shop(folder: Path, **changes: Any) -> Shop:
    """A shop whose nights read seven days."""
    content = {
        **EVENTS,
        "timezone": "UTC",
        "source": {"path": str(folder / "days"), "date_in_name": "%Y-%m-%d"},
        "summary": {**EVENTS["summary"], "window_days": 7},
        "k": {"min": 2, "max": 2, "rule": "fixed", "fixed": 2},
        "fit": {"starts": 2},
        "refit": {"max_drift": 100, "max_inertia_rise": 10},  # the first model stays
        "checks": LENIENT,
        **changes,
    }
    return Shop(folder, Definition.model_validate(content))


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


@pytest.mark.parametrize("end", [".csv", ".parquet"])
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
        # The day of the edition was not over, and later days are none of its business.
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


def test_a_month_that_is_not_over_may_grow(tmp_path: Path) -> None:
    """The file of the month that the night is in changes every night, and is not late."""
    source = Source(path="x", date_in_name="%Y-%m")
    days = FileDays(source, date(2026, 2, 3), Span(date(2025, 12, 1), date(2026, 2, 3)))
    earlier = {"2025-12.csv": "a", "2026-01.csv": "a", "2026-02.csv": "a"}
    later = {"2025-12.csv": "a", "2026-01.csv": "b", "2026-02.csv": "b"}
    assert compare_files(earlier, later, days, str).changed == ("2026-01.csv",)


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
    """Without dated files, or without a published date, there is nothing to compare."""
    shop = make_shop(tmp_path)
    with pytest.raises(Refused, match="date-range: nothing is published yet"):
        shop.plan()
    for mode in ("fill", "rebuild"):
        with pytest.raises(Refused, match="date-range: start_date or end_date is empty"):
            shop.plan(mode, start=day(1))
    undated = make_shop(tmp_path, source={"path": str(tmp_path / "days")})
    with pytest.raises(Refused, match=r"mode: .* needs source\.date_in_name"):
        undated.plan(start=day(1), end=day(2))
