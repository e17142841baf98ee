"""A night that is published stays so, whatever cannot be written down about it afterwards."""

import errno
import json
import os
from pathlib import Path

import pytest

from flows.resegment import as_state
from segmentation.store.files.locking import lock
from segmentation.store.ledger import read_rows
from tests.nights import create_town, day, draw_customers


def fail(*_: object, **__: object) -> None:
    """As on a disk that is full."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "ledger")


def test_a_failed_row_is_a_warning_and_the_next_run_completes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row, index and list of inputs fail: the night says so in three warnings, and a re-run makes it good."""
    town = create_town(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.runtime.record_keeping.end_row", fail)
        patch.setattr("segmentation.report.index.index_refresh.write_index", fail)
        published = town.night(1, draw_customers({"a": 40, "b": 40}))
    assert published.outcome == "published"
    assert len(published.unrecorded) == 2
    assert published.unrecorded == published.warnings[-2:]
    assert published.unrecorded[0] == (
        "its row in the ledger is not complete (disk-full: ledger: the disk is full; free some space, then "
        "run again); run the date again to complete it"
    )
    message = as_state(published).message  # type: ignore[union-attr]
    assert message is not None and message.startswith("published, but its row in the ledger is not complete")
    assert [row["outcome"] for row in read_rows(town.home)] == ["begun"]

    rerun = town.run(1, town.folder / "night-1.csv")
    assert (rerun.outcome, rerun.unrecorded) == ("already-published", ())
    first, second = read_rows(town.home)
    assert (first["outcome"], first["edition"], first["k"]) == ("published", published.edition, published.k)
    assert first["rows"]["customers"] == 80 and first["completed_later"]
    assert second["outcome"] == "already-published"


def test_rows_of_dead_runs_are_completed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    """After the date is published, a dead run's row says that it failed; a living one's still says begun."""
    town = create_town(tmp_path)
    for run_id in ("dead", "alive"):
        folder = town.home / ".staging" / run_id
        folder.mkdir(parents=True)
        (folder / "night.json").write_text(json.dumps({"as_of": str(day(1))}))
        row = {"run_id": run_id, "as_of": str(day(1)), "outcome": "begun", "began": "2026-01-01T00:00:00"}
        (town.home / "ledger").mkdir(exist_ok=True)
        (town.home / "ledger" / f"{run_id}.json").write_text(json.dumps(row))
    with lock(town.home / ".staging" / "alive" / ".lock"):
        town.night(1, draw_customers({"a": 40, "b": 40}))
    outcomes = {row["run_id"]: (row["outcome"], row.get("reasons")) for row in read_rows(town.home)}
    assert outcomes["dead"] == ("failed", ["its process ended before it could record how"])
    assert outcomes["alive"] == ("begun", None)
    assert [path.name for path in (town.home / ".staging").iterdir()] == ["alive"]
