"""Which edition a date builds on, from published tables, live.json, editions and the ledger."""

import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from segmentation.errors import DamagedFile
from segmentation.store.catalogue.preceding import UNKNOWN, identify_edition, previous_edition
from segmentation.store.layout import published_path
from segmentation.store.ledger import add_row
from tests.test_store import DAY, publish, seal

EARLIER, NEAR = date(2026, 1, 1), date(2026, 1, 30)


def write_live(home: Path, day: date, edition: str, *superseded: str) -> None:
    """live.json as a promotion writes it."""
    content = {"as_of": str(day), "edition": edition, "set_aside": list(superseded)}
    (home / "live.json").write_text(json.dumps(content))


def record(home: Path, day: date, outcome: str, edition: str = "") -> None:
    """A row of the ledger, later than all others."""
    add_row(home, day, outcome, {"edition": edition} if edition else {})


def lose_table(home: Path, day: date) -> None:
    """Remove a date's published folder."""
    shutil.rmtree(published_path(home, day).parent)


def test_it_is_the_edition_of_the_newest_earlier_date(tmp_path: Path) -> None:
    """Later dates and the date itself are not candidates."""
    assert previous_edition(tmp_path, DAY) is None
    for day, edition in ((EARLIER, "old"), (NEAR, "near"), (DAY, "own")):
        publish(tmp_path, day, edition)
    write_live(tmp_path, DAY, "own")
    assert previous_edition(tmp_path, DAY) == (NEAR, "near")
    assert previous_edition(tmp_path, EARLIER) is None


def test_a_superseded_edition_is_skipped(tmp_path: Path) -> None:
    """Whether its table is there or not; if all are superseded, the date starts over."""
    seal(tmp_path, EARLIER, "old")
    seal(tmp_path, NEAR, "near")
    record(tmp_path, NEAR, "published", "near")
    write_live(tmp_path, EARLIER, "old", "near")
    assert previous_edition(tmp_path, DAY) == (EARLIER, "old")
    lose_table(tmp_path, NEAR)
    assert previous_edition(tmp_path, DAY) == (EARLIER, "old")
    write_live(tmp_path, DAY, "own", "near", "old")
    assert previous_edition(tmp_path, DAY) is None


@pytest.mark.parametrize("evidence", ["live.json", "ledger", "edition"])
def test_a_lost_table_does_not_hide_its_edition(tmp_path: Path, evidence: str) -> None:
    """live.json or the ledger says that the date was published; without them the only edition counts."""
    seal(tmp_path, EARLIER, "old")
    seal(tmp_path, NEAR, "near")
    lose_table(tmp_path, NEAR)
    if evidence == "live.json":
        write_live(tmp_path, NEAR, "near")
    if evidence == "ledger":
        record(tmp_path, NEAR, "held", "other")
        record(tmp_path, NEAR, "promoted", "near")
        seal(tmp_path, NEAR, "other")
        lose_table(tmp_path, NEAR)
    assert previous_edition(tmp_path, DAY) == (NEAR, "near")


@pytest.mark.parametrize("outcome", ["begun", "failed", "held", "conflict"])
def test_an_edition_that_was_never_published_does_not_count(tmp_path: Path, outcome: str) -> None:
    """A run that was killed before its commit leaves a folder; the ledger knows that it did not publish."""
    seal(tmp_path, EARLIER, "old")
    seal(tmp_path, NEAR, "near")
    lose_table(tmp_path, NEAR)
    record(tmp_path, NEAR, outcome)
    assert previous_edition(tmp_path, DAY) == (EARLIER, "old")
    assert identify_edition(tmp_path, NEAR) is None


def test_an_unreadable_ledger_proves_nothing(tmp_path: Path) -> None:
    """The row that says when the date was published may be the one that cannot be read."""
    seal(tmp_path, NEAR, "near")
    lose_table(tmp_path, NEAR)
    record(tmp_path, NEAR, "begun")
    (tmp_path / "ledger" / "cut.json").write_text("{")
    assert previous_edition(tmp_path, DAY) == (NEAR, "near")


def test_a_date_that_lost_everything_is_not_skipped(tmp_path: Path) -> None:
    """live.json names the newest edition, and the ledger the last ones of an empty store."""
    publish(tmp_path, EARLIER, "old")
    write_live(tmp_path, NEAR, "near")
    assert previous_edition(tmp_path, DAY) == (NEAR, "near")
    lose_table(tmp_path, EARLIER)
    (tmp_path / "live.json").unlink()
    record(tmp_path, EARLIER, "published", "old")
    record(tmp_path, DAY, "published", "own")
    assert previous_edition(tmp_path, DAY) == (EARLIER, "old")
    assert previous_edition(tmp_path, EARLIER) is None


def test_an_edition_that_cannot_be_told_is_unknown(tmp_path: Path) -> None:
    """Two editions, and a table that cannot be read: it was one of them, so no earlier date replaces it."""
    seal(tmp_path, EARLIER, "old")
    for edition in ("one", "two"):
        seal(tmp_path, NEAR, edition)
    write_live(tmp_path, DAY, "own")
    published_path(tmp_path, NEAR).write_bytes(b"PAR1")
    assert previous_edition(tmp_path, DAY) == (NEAR, UNKNOWN)


def test_another_dates_table_does_not_count(tmp_path: Path) -> None:
    """A copy of another date's table is in the place of this date's own."""
    seal(tmp_path, EARLIER, "old")
    seal(tmp_path, NEAR, "near")
    write_live(tmp_path, DAY, "own")
    publish(tmp_path, EARLIER, "old", "f" * 64)
    shutil.copyfile(published_path(tmp_path, EARLIER), published_path(tmp_path, NEAR))
    assert previous_edition(tmp_path, DAY) == (NEAR, "near")


def test_editions_that_cannot_be_listed_are_refused(tmp_path: Path) -> None:
    """Only a missing folder is an empty one."""
    publish(tmp_path, NEAR, "near")
    (tmp_path / "editions").write_text("not a folder")
    with pytest.raises(DamagedFile, match="cannot be listed"):
        previous_edition(tmp_path, DAY)
