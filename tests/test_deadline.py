"""Has the night been published by its deadline? Told from the store alone, with the reason."""

import json
from pathlib import Path

import pytest

from segmentation.deadline_check import check_deadline
from segmentation.errors import Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.ledger import ledger_path
from tests.nights import Town, day, draw_customers, found_town

SIZES = {"a": 120, "b": 120, "c": 120}


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Two nights were published, the third is held, the input of the fourth is refused."""
    town = found_town(tmp_path)
    customers = draw_customers(SIZES)
    for number in (1, 2):
        town.night(number, customers)
    assert town.night(3, customers.iloc[::3]).outcome == "held"
    with pytest.raises(Refused):
        town.night(4, customers.iloc[:0])
    return town


def test_a_published_night_is_told(town: Town) -> None:
    """With its edition."""
    found = check_deadline(town.home, day(2))
    assert found.status == "published"
    assert found.edition is not None
    assert found.edition in found.message


def test_a_held_night_is_missing_and_says_why(town: Town) -> None:
    """The failed check's words, what to do, and what is live instead."""
    found = check_deadline(town.home, day(3))
    assert found.status == "missing"
    assert "it was built but is held: " in found.message
    assert "promote it or mend the input" in found.message
    assert f"Live is {day(2)}" in found.message


def test_a_comparison_of_the_date_is_no_night_of_it(town: Town) -> None:
    """`resegment compare` leaves a row in the ledger as well; the night's own is what counts."""
    row = {"run_id": "later", "as_of": str(day(3)), "outcome": "compared", "began": "2199-01-01T00:00:00Z"}
    ledger_path(town.home, "later").write_text(json.dumps(row))
    assert "it was built but is held: " in check_deadline(town.home, day(3)).message


def test_a_refused_night_says_why(town: Town) -> None:
    """The refusal's words."""
    found = check_deadline(town.home, day(4))
    assert found.status == "missing"
    assert "its input was refused: no-rows: " in found.message


def test_a_night_that_never_began_is_missing(town: Town, tmp_path: Path) -> None:
    """Also in a store that is empty."""
    assert "no run of it has begun" in check_deadline(town.home, day(5)).message
    empty = check_deadline(tmp_path / "nowhere", day(5))
    assert (empty.status, "Nothing is live" in empty.message) == ("missing", True)


def test_a_run_that_has_not_ended_is_missing(town: Town) -> None:
    """Its row says when it began; whether its process lives is not the store's to know."""
    row = {"run_id": "r", "as_of": str(day(6)), "began": "2026-01-06T02:30:00", "outcome": "begun"}
    ledger_path(town.home, "r").write_text(json.dumps(row))
    assert "began at 2026-01-06T02:30:00 and has not ended" in check_deadline(town.home, day(6)).message


def test_a_declared_night_without_data_is_not_missing(town: Town) -> None:
    """The definition said that it is no fault."""
    row = {"run_id": "r", "as_of": str(day(6)), "outcome": "no-data", "reasons": ["no-file: none"]}
    ledger_path(town.home, "r").write_text(json.dumps(row))
    assert check_deadline(town.home, day(6)).status == "no-data"


def test_an_edition_that_is_set_aside_does_not_count(town: Town) -> None:
    """After a rollback the later date's table is there, and not live."""
    promote_edition(town.home, PromotionRequest(day(1), None, "ana", ""))
    found = check_deadline(town.home, day(2))
    assert (found.status, "set aside by a promotion" in found.message) == ("missing", True)


def test_a_held_night_that_was_promoted_is_published(town: Town) -> None:
    """What counts is the store, whoever put it there."""
    promote_edition(town.home, PromotionRequest(day(3), None, "ana", ""))
    assert check_deadline(town.home, day(3)).status == "published"
