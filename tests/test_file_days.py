"""Files that hold rows of other days than their names say are reported; many such rows hold the night."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from schemas.breakdown import Breakdown, MisdatedFile
from segmentation.checks.refusals import check_file_days
from tests.daily_orders import DATED, DAYS, ROWS, order, read, write_days


def day_before(day: date, i: int) -> str:
    """Lines of the day before, as in a file that is dated by its export."""
    return order(day - timedelta(1), i)


def after_midnight(day: date, i: int) -> str:
    """One line is of the day after."""
    return order(day + timedelta(1), i) if i == 7 and day == DAYS[5] else order(day, i)


def test_rows_of_other_days_are_reported(tmp_path: Path) -> None:
    """One such row in 1,200 warns and names its file; the cure is in the finding."""
    rows, _ = read(write_days(tmp_path / "days", dict.fromkeys(DAYS, after_midnight)))
    check = check_file_days(rows.breakdown)
    assert (check.required, check.passed) == (False, False)
    assert f"1 in {DAYS[5]}.csv; declare source.days_before or days_after" in check.finding


def test_files_dated_by_their_export_hold_the_night(tmp_path: Path) -> None:
    """More than 1 % of such rows hold the night, and source.days_before says that it is meant."""
    folder = write_days(tmp_path / "days", dict.fromkeys(DAYS, day_before))
    rows, _ = read(folder)
    check = check_file_days(rows.breakdown)
    assert (check.required, check.passed) == (True, False)
    assert rows.breakdown.misdated == rows.breakdown.rows_in_files == len(DAYS) * ROWS
    declared, _ = read(folder, source={**DATED, "days_before": 1})
    assert check_file_days(declared.breakdown).passed


@pytest.mark.parametrize("name", ["%Y-%m", "%G-W%V", "%Y"])
def test_a_file_covers_the_days_that_its_name_says(tmp_path: Path, name: str) -> None:
    """Months, weeks and years hold all of their days."""
    rows, _ = read(write_days(tmp_path / "days", {}, name), source={"path": "days", "date_in_name": name})
    assert rows.balance.read == len(DAYS) * ROWS
    assert check_file_days(rows.breakdown).passed


def test_a_file_that_somebody_names_may_hold_any_days(tmp_path: Path) -> None:
    """`--source 2026-01-31.csv` with a month in it is read as one table."""
    folder = write_days(tmp_path / "days", {}, "2026-01-31")
    rows, _ = read(folder / "2026-01-31.csv")
    assert check_file_days(rows.breakdown).passed


def test_a_clean_source_has_nothing_to_tell(tmp_path: Path) -> None:
    """Then the edition keeps no breakdown, so that the layout of files leaves no trace."""
    rows, _ = read(write_days(tmp_path / "days", {}))
    assert rows.breakdown.compact() is None


def test_a_few_in_ten_thousand_rows_are_reported_without_a_warning() -> None:
    """The finding names the file; the check passes, so that a typing error does not warn for a year."""
    files = (MisdatedFile(name="2026-01-05.csv", rows=2),)
    check = check_file_days(Breakdown(misdated=2, rows_in_files=10_000, misdated_files=files))
    assert check.passed and "2 in 2026-01-05.csv" in check.finding
