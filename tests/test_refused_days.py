"""A day or a file that lost most of its rows holds the night, however small it is beside the night."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from config.definition import Definition
from schemas.breakdown import Breakdown, GroupBalance
from schemas.rows import Ingested
from schemas.verdicts import Check
from segmentation.checks.refusals import check_refused_days
from tasks.ingest import ingest
from tests.conftest import DEFINITION
from tests.daily_orders import (
    DAYS,
    ROWS,
    Line,
    cancelled,
    decimal_comma,
    no_ids,
    order,
    read,
    write_days,
)  # fmt: skip
from tests.event_inputs import HEADER, make_night


def judge_days(rows: Ingested, definition: Definition) -> Check:
    """The check of days and files."""
    return check_refused_days(rows.breakdown, definition.checks.max_quarantined_day)


def fractional_pieces(day: date, i: int) -> str:
    """`3.5` in a column of whole numbers."""
    return f"c{i},i{i},{day} 10:{i:02d}:00,3.5,1.5"


def day_first(day: date, i: int) -> str:
    """Times as a British spreadsheet writes them."""
    return f"c{i},i{i},{day:%d/%m/%Y} 10:{i:02d},2,1.5"


def semicolons_inside(day: date, i: int) -> str:
    """Amounts with an unquoted thousands comma, which is one field too many."""
    return f"c{i},i{i},{day} 10:{i:02d}:00,2,1,{i:03d}.50"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (decimal_comma, "price: unreadable"),
        (fractional_pieces, "pieces: unreadable"),
        (day_first, "day: unreadable"),
        (semicolons_inside, "too many fields"),
        (no_ids, "id: blank id"),
    ],
)
def test_a_day_that_a_spreadsheet_saved_again_holds_the_night(
    tmp_path: Path, line: Line, reason: str
) -> None:
    """One of 30 days is 3.3 % of the rows, below the limit of 5 %; the finding names day and reason."""
    rows, definition = read(write_days(tmp_path / "days", {DAYS[11]: line}))
    assert rows.balance.quarantined == ROWS <= definition.checks.max_quarantined * rows.balance.read
    check = judge_days(rows, definition)
    assert (check.required, check.passed) == (True, False)
    assert f"1 day: {DAYS[11]} ({ROWS} of {ROWS} rows)" in check.finding
    assert repr(reason) in check.finding


@pytest.mark.parametrize("name", ["%Y-%m", "all"])
def test_a_days_rows_are_counted_by_their_times_in_any_file(tmp_path: Path, name: str) -> None:
    """In a monthly file, or in one file of everything, the day is still found."""
    folder = write_days(tmp_path / "days", {DAYS[3]: decimal_comma}, name)
    source = {"path": "days"} if name == "all" else {"path": "days", "date_in_name": name}
    check = judge_days(*read(folder, source=source))
    assert f"1 day: {DAYS[3]} ({ROWS} of {ROWS} rows)" in check.finding


@pytest.mark.parametrize("name", ["%Y-%m", "all"])
def test_days_whose_times_cannot_be_read_leave_a_gap(tmp_path: Path, name: str) -> None:
    """Of three such days in a file sorted by time, each is lost; their rows are spread over the gap."""
    folder = write_days(tmp_path / "days", dict.fromkeys(DAYS[11:14], day_first), name)
    source = {"path": "days"} if name == "all" else {"path": "days", "date_in_name": name}
    check = judge_days(*read(folder, source=source))
    assert all(f"{day} ({ROWS} of {ROWS} rows)" in check.finding for day in DAYS[11:14])


def a_few_unreadable(day: date, i: int) -> str:
    """Every fifth time cannot be read."""
    return order(day, i) if i % 5 else day_first(day, i)


def test_scattered_unreadable_times_are_no_lost_day(tmp_path: Path) -> None:
    """They belong to the days around them, none of which is missing."""
    changed: dict[date, Line] = dict.fromkeys(DAYS, a_few_unreadable)
    assert judge_days(*read(write_days(tmp_path / "days", changed, "all"), source={"path": "days"})).passed


def test_a_file_counts_where_its_rows_have_no_day(tmp_path: Path) -> None:
    """Without a date in the name, a file of unreadable times is named itself."""
    folder = write_days(tmp_path / "days", {})
    lines = [day_first(DAYS[0], i) for i in range(ROWS)]
    (folder / "late.csv").write_text("\n".join([HEADER, *lines]) + "\n")
    check = judge_days(*read(folder, source={"path": "days"}))
    assert not check.passed
    assert "1 file: late.csv (40 of 40 rows), mostly for 'day: unreadable'" in check.finding


def half_refused(day: date, i: int) -> str:
    """Half of the lines have no readable price."""
    return decimal_comma(day, i) if i % 2 else order(day, i)


def four_lines(day: date, i: int) -> str:
    """A day of four lines, all refused."""
    return decimal_comma(day, i) if i < 4 else ""


@pytest.mark.parametrize("line", [order, half_refused, four_lines, cancelled])
def test_other_days_do_not_hold_the_night(tmp_path: Path, line: Line) -> None:
    """Exactly half, a handful of rows, and rows that the user filters out are no lost day."""
    assert judge_days(*read(write_days(tmp_path / "days", {DAYS[4]: line}))).passed


def some_without_id(day: date, i: int) -> str:
    """A quarter of the lines has no customer, on one day four fifths, as in a real shop."""
    return no_ids(day, i) if i < (32 if day == DAYS[7] else 10) else order(day, i)


def test_rows_without_an_id_count_only_far_above_their_usual_share(tmp_path: Path) -> None:
    """Where a quarter of the rows has no id, a day with 80 % of them is a bad day; with all, it is lost."""
    changed: dict[date, Line] = dict.fromkeys(DAYS, some_without_id)
    assert judge_days(*read(write_days(tmp_path / "days", changed))).passed
    check = judge_days(*read(write_days(tmp_path / "days", {**changed, DAYS[9]: no_ids})))
    assert str(DAYS[9]) in check.finding and str(DAYS[7]) not in check.finding


def few_with_id_unreadable(day: date, i: int) -> str:
    """Half of the lines has no id; the others cannot be read."""
    return no_ids(day, i) if i < 20 else decimal_comma(day, i)


def test_a_day_is_lost_if_the_rows_with_an_id_are(tmp_path: Path) -> None:
    """The share is that of the rows that could have counted."""
    changed: dict[date, Line] = {**dict.fromkeys(DAYS, some_without_id), DAYS[9]: few_with_id_unreadable}
    assert str(DAYS[9]) in judge_days(*read(write_days(tmp_path / "days", changed))).finding


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_of_customers_are_counted_too(tmp_path: Path, suffix: str) -> None:
    """One of 30 parts of a customer table in which every amount is unreadable holds the night."""
    for part in range(30):
        spend = ["n/a" if part == 7 else f"{i}.5" for i in range(20)]
        frame = pd.DataFrame({"id": [f"{part}-{i}" for i in range(20)], "spend": spend, "orders": range(20)})
        path = tmp_path / f"part-{part:02d}.{suffix}"
        frame.to_csv(path, index=False) if suffix == "csv" else frame.to_parquet(path)
    definition = Definition.model_validate({**DEFINITION, "source": {"path": str(tmp_path)}})
    rows = ingest(make_night(tmp_path, definition))
    assert f"1 file: part-07.{suffix} (20 of 20 rows)" in judge_days(rows, definition).finding


def list_spans(rows: Sequence[tuple[int, int]]) -> Breakdown:
    """A breakdown of days with these rows and refused rows."""
    return Breakdown(
        groups=tuple(
            GroupBalance(
                kind="day",
                name=f"2026-01-{i:02d}",
                rows=total,
                refused=refused,
                reason="a",
                reason_rows=refused,
            )
            for i, (total, refused) in enumerate(rows, 1)
        )
    )


@pytest.mark.parametrize(("limit", "passed"), [(0.5, False), (0.9, True), (1.0, True)])
def test_the_share_of_a_day_has_its_own_limit(limit: float, passed: bool) -> None:
    """checks.max_quarantined_day decides; a day exactly at it passes."""
    assert check_refused_days(list_spans([(10, 9)]), limit).passed is passed


def test_many_days_are_counted_and_three_are_named() -> None:
    """A finding stays short."""
    finding = check_refused_days(list_spans([(10, 10)] * 7), 0.5).finding
    assert "7 days: 2026-01-01 (10 of 10 rows), 2026-01-02" in finding and "and 4 more" in finding
