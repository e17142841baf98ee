"""The ledger: a row for every run, however it ended."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.night import Night
from segmentation.store import ledger
from segmentation.store.ledger import begin_row, end_row, ledger_path, read_rows

NightMaker = Callable[..., Night]


def test_a_run_that_begins_and_ends_has_one_row(make_night: NightMaker) -> None:
    """A row has the run's parameters and, once it has ended, its outcome."""
    night = make_night("orders.csv")
    begin_row(night)
    (row,) = read_rows(night.home)
    assert (row["outcome"], row["ended"], row["tries"]) == ("begun", None, 1)
    assert (row["run_id"], row["as_of"], row["source"]) == ("test-run", "2026-01-31", "orders.csv")
    end_row(night, "published", {"edition": "e1", "k": 3})
    (last_row,) = read_rows(night.home)
    assert (last_row["outcome"], last_row["edition"], last_row["k"], last_row["began"]) == (
        "published",
        "e1",
        3,
        row["began"],
    )
    assert last_row["ended"] >= last_row["began"]


def test_a_retry_counts_and_keeps_its_beginning(
    make_night: NightMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry keeps the run's row and its first time, and counts one more try."""
    times = iter(["2026-01-31T01:00:00+00:00", "2026-01-31T02:00:00+00:00", "2026-01-31T03:00:00+00:00"])
    monkeypatch.setattr(ledger, "_now", lambda: next(times))
    night = make_night()
    begin_row(night)
    end_row(night, "failed", {})
    begin_row(night)
    (row,) = read_rows(night.home)
    assert (row["began"][11:13], row["tries"], row["outcome"], row["ended"]) == ("01", 2, "begun", None)


def test_rows_are_listed_oldest_first(make_night: NightMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are sorted by their beginning, then by run id."""
    times = iter(["2", "1", "1"])
    monkeypatch.setattr(ledger, "_now", lambda: next(times))
    night = make_night()
    for run in ("a", "c", "b"):
        begin_row(night.model_copy(update={"run_id": run}))
    assert [row["run_id"] for row in read_rows(night.home)] == ["b", "c", "a"]


def test_an_end_without_a_beginning_is_still_a_row(make_night: NightMaker) -> None:
    """If the first row was lost, the end is stored under the run's id."""
    night = make_night()
    end_row(night, "failed", {"reasons": ["x"]})
    assert [(row["run_id"], row["outcome"]) for row in read_rows(night.home)] == [("test-run", "failed")]


def test_a_missing_ledger_has_no_rows(tmp_path: Path) -> None:
    """A store that has never been used has no rows."""
    assert read_rows(tmp_path) == []


@pytest.mark.parametrize("content", ["", "{", "[1]", "5", "{}", "\0"])
def test_damaged_rows_are_skipped(make_night: NightMaker, content: str) -> None:
    """A damaged row does not hide the others, and its run can write it again."""
    night = make_night()
    begin_row(night)
    damaged = night.model_copy(update={"run_id": "damaged"})
    ledger_path(night.home, "damaged").write_text(content)
    assert [row["run_id"] for row in read_rows(night.home)] == ["test-run"]
    begin_row(damaged)
    assert len(read_rows(night.home)) == 2


def test_a_row_is_plain_json(make_night: NightMaker) -> None:
    """Any reader of JSON can read a row; keys are sorted."""
    night = make_night()
    begin_row(night)
    row = json.loads(ledger_path(night.home, night.run_id).read_text())
    assert list(row) == sorted(row)
