"""The deadline check: published, without data or missing, from the store alone, and why."""

import json
from pathlib import Path

import pytest

from segmentation.deadline_check import check_deadline
from segmentation.errors import Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.ledger import ledger_path
from tests.nights import Town, create_town, day, draw_customers

SIZES = {"a": 120, "b": 120, "c": 120}


@pytest.fixture(scope="module")
def four_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Two nights were published, the third is held, the input of the fourth is refused."""
    town = create_town(tmp_path_factory.mktemp("town"))
    customers = draw_customers(SIZES)
    for number in (1, 2):
        town.night(number, customers)
    assert town.night(3, customers.iloc[::3]).outcome == "held"
    with pytest.raises(Refused):
        town.night(4, customers.iloc[:0])
    return town


@pytest.fixture
def town(four_nights: Town, tmp_path: Path) -> Town:
    """A copy of the four nights."""
    return four_nights.copy_to(tmp_path)


def test_a_published_night_meets_its_deadline(town: Town) -> None:
    """The result names its edition."""
    deadline = check_deadline(town.home, day(2))
    assert deadline.status == "published"
    assert deadline.edition is not None
    assert deadline.edition in deadline.message


def test_a_held_night_is_missing_and_says_why(town: Town) -> None:
    """The message has the failed check, the next step, and the live edition."""
    deadline = check_deadline(town.home, day(3))
    assert deadline.status == "missing"
    assert "it was built but is held: " in deadline.message
    assert "promote it or correct the input" in deadline.message
    assert f"Live is {day(2)}" in deadline.message


def test_a_comparison_does_not_count_as_a_run(town: Town) -> None:
    """`resegment compare` leaves a row in the ledger too, which the check ignores."""
    row = {"run_id": "later", "as_of": str(day(3)), "outcome": "compared", "began": "2199-01-01T00:00:00Z"}
    ledger_path(town.home, "later").write_text(json.dumps(row))
    assert "it was built but is held: " in check_deadline(town.home, day(3)).message


def test_a_refused_night_says_why(town: Town) -> None:
    """The message has the refusal."""
    deadline = check_deadline(town.home, day(4))
    assert deadline.status == "missing"
    assert "its input was refused: no-rows: " in deadline.message


def test_a_night_that_never_began_is_missing(town: Town, tmp_path: Path) -> None:
    """Also in an empty store."""
    assert "no run of it has begun" in check_deadline(town.home, day(5)).message
    empty = check_deadline(tmp_path / "nowhere", day(5))
    assert (empty.status, "Nothing is live" in empty.message) == ("missing", True)


def test_a_run_that_has_not_ended_is_missing(town: Town) -> None:
    """The message says when it began: it may be running, or its process died."""
    row = {"run_id": "r", "as_of": str(day(6)), "began": "2026-01-06T02:30:00", "outcome": "begun"}
    ledger_path(town.home, "r").write_text(json.dumps(row))
    assert "began at 2026-01-06T02:30:00 and has not ended" in check_deadline(town.home, day(6)).message


def test_a_night_that_may_have_no_data_is_not_missing(town: Town) -> None:
    """The definition allows days without data."""
    row = {"run_id": "r", "as_of": str(day(6)), "outcome": "no-data", "reasons": ["no-file: none"]}
    ledger_path(town.home, "r").write_text(json.dumps(row))
    assert check_deadline(town.home, day(6)).status == "no-data"


def test_a_superseded_edition_does_not_count(town: Town) -> None:
    """After a rollback the later date is published but not live."""
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    deadline = check_deadline(town.home, day(2))
    assert (deadline.status, "a promotion superseded edition" in deadline.message) == ("missing", True)


def test_a_held_night_that_was_promoted_is_published(town: Town) -> None:
    """A promotion counts as a publication."""
    promote_edition(town.home, PromotionRequest(day(3), None, "ana", ""))
    assert check_deadline(town.home, day(3)).status == "published"
