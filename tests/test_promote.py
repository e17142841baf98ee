"""Promoting an edition: one that was held, or an earlier one again."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.verdicts import Verdict
from segmentation.errors import Conflict, Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.catalogue.published import published_edition
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import LIVE, read_live, read_pointer
from segmentation.store.repair.audit import audit_store
from tasks.check import check
from tests.nights import Town, create_town, day, draw_customers, manifest

SIZES = {"a": 120, "b": 120, "c": 120}


def make_request(number: int, edition: str | None = None) -> PromotionRequest:
    """Ana's request to promote an edition of a night."""
    return PromotionRequest(day(number), edition, "ana", "the campaign was real")


@pytest.fixture(scope="module")
def three_nights(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Two nights were published; the third lost most of its rows and is held."""
    town = create_town(tmp_path_factory.mktemp("town"))
    customers = draw_customers(SIZES)
    assert [town.night(number, customers).outcome for number in (1, 2)] == ["published"] * 2
    assert town.night(3, customers.iloc[::3]).outcome == "held"
    return town


@pytest.fixture
def town(three_nights: Town, tmp_path: Path) -> Town:
    """A copy of the three nights."""
    return three_nights.copy_to(tmp_path)


def test_a_held_edition_goes_live(town: Town) -> None:
    """Its table is published, live.json names it, the ledger says who and why, and the store is intact."""
    old_live = read_live(town.home)
    assert old_live and old_live.as_of == day(2)
    promoted = promote_edition(town.home, make_request(3))
    assert (promoted.outcome, promoted.previous_live) == ("promoted", old_live)
    assert read_live(town.home) == (day(3), promoted.edition)
    assert published_edition(town.home, day(3)) == promoted.edition
    row = read_rows(town.home)[-1]
    assert (row["outcome"], row["who"], row["edition"]) == ("promoted", "ana", promoted.edition)
    assert row["reasons"] == ["by ana: the campaign was real"]
    assert audit_store(town.home).damage == []


def test_a_constant_feature_is_accepted_once(tmp_path: Path) -> None:
    """A night with one is held; once promoted, the next such night is published."""
    town = create_town(tmp_path)
    customers = draw_customers(SIZES)
    town.night(1, customers)
    customers["visits"] = 10.0
    held = town.night(2, customers)
    assert any("features-vary: constant: visits" in reason for reason in held.reasons)
    promote_edition(town.home, make_request(2))
    assert town.night(3, customers).outcome == "published"


def test_promoting_twice_changes_nothing(town: Town) -> None:
    """The second time nothing is written."""
    promote_edition(town.home, make_request(3))
    times = {path: path.stat().st_mtime_ns for path in town.home.rglob("*") if path.is_file()}
    assert promote_edition(town.home, make_request(3)).outcome == "already-live"
    assert times == {path: path.stat().st_mtime_ns for path in town.home.rglob("*") if path.is_file()}


def test_rolling_back_supersedes_later_dates(town: Town) -> None:
    """The later table stays published; a re-run of its date does not make it live, and warns about it."""
    first = promote_edition(town.home, make_request(1))
    assert first.superseded == (day(2),)
    second = published_edition(town.home, day(2))
    assert read_pointer(town.home).superseded == {second}
    assert audit_store(town.home).damage == []
    rerun = town.run(2, town.folder / "night-2.csv")
    assert (rerun.outcome, rerun.edition) == ("already-published", second)
    assert "resegment promote" in rerun.warnings[0]
    assert read_live(town.home) == (day(1), first.edition)


def test_the_next_night_builds_on_the_promoted_edition(town: Town) -> None:
    """After a rollback the previous edition is the live one, not the newer, superseded one."""
    first = promote_edition(town.home, make_request(1))
    fourth = town.night(4, draw_customers(SIZES))
    manifest = json.loads((Path(fourth.report_path).parent / "manifest.json").read_text())
    assert (manifest["previous"], manifest["previous_as_of"]) == (first.edition, str(day(1)))
    assert read_live(town.home) == (day(4), fourth.edition)
    assert len(read_pointer(town.home).superseded) == 1, "a superseded edition stays superseded"
    assert audit_store(town.home).damage == []


def test_a_superseded_date_with_a_new_input_is_live_again(town: Town) -> None:
    """A superseded date, run again on another input, gives another edition, which is published and live."""
    promote_edition(town.home, make_request(1))
    corrected = town.night(2, draw_customers({**SIZES, "a": 121}))
    assert corrected.outcome == "published"
    assert read_live(town.home) == (day(2), corrected.edition)


def test_a_running_night_does_not_undo_a_promotion(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """If its previous edition is superseded meanwhile, it gets Conflict; a re-run builds on the live one."""

    def promote_and_check(*stage_inputs: Any) -> Verdict:
        promote_edition(town.home, make_request(1))
        return check(*stage_inputs)

    with monkeypatch.context() as patch:
        patch.setattr("flows.resegment.check", promote_and_check)
        with pytest.raises(Conflict, match="superseded by a promotion during the run"):
            town.night(4, draw_customers(SIZES))
    live = read_live(town.home)
    assert live and live.as_of == day(1)
    rerun = town.run(4, town.folder / "night-4.csv")
    assert (rerun.outcome, manifest(rerun)["previous"]) == ("published", live.edition)


def test_a_lost_pointer_is_the_newest_date(town: Town) -> None:
    """If live.json is missing and an earlier night is run again, live does not move back to it."""
    pointer = read_pointer(town.home)
    (town.home / LIVE).unlink()
    assert town.run(1, town.folder / "night-1.csv").outcome == "already-published"
    assert read_pointer(town.home) == pointer


def test_a_superseded_edition_can_be_promoted(town: Town) -> None:
    """After going forward again, no edition is superseded."""
    promote_edition(town.home, make_request(1))
    promote_edition(town.home, make_request(2))
    assert read_pointer(town.home).superseded == set()
    assert audit_store(town.home).damage == []


@pytest.mark.parametrize(
    ("promotion_request", "message"),
    [
        (PromotionRequest(day(9), None, "ana", ""), "no-edition: edition 2026-01-09 does not exist"),
        (PromotionRequest(day(1), "ffff", "ana", ""), "no-edition: edition 2026-01-01 ffff does not exist"),
        (PromotionRequest(day(1), "../..", "ana", ""), "is not an edition"),
        (PromotionRequest(day(1), None, " ", ""), "who must be one line"),
        (PromotionRequest(day(1), None, "ana", "two\nlines"), "reason must be one line"),
    ],
)
def test_a_wrong_request_is_refused(town: Town, promotion_request: PromotionRequest, message: str) -> None:
    """The refusal is one line, and the live edition stays."""
    live = read_live(town.home)
    with pytest.raises(Refused, match=message):
        promote_edition(town.home, promotion_request)
    assert read_live(town.home) == live


def test_a_damaged_edition_is_refused(town: Town) -> None:
    """One changed byte is enough."""
    held = next((town.home / "editions" / str(day(3))).iterdir())
    with (held / "segments.parquet").open("r+b") as file:
        file.write(b"?")
    with pytest.raises(Refused, match=r"damaged-edition: .* segments.parquet: damaged"):
        promote_edition(town.home, make_request(3))
    assert published_edition(town.home, day(3)) is None


def test_of_two_editions_one_must_be_named(town: Town) -> None:
    """If a date has a published and a held edition, the request must say which one."""
    assert town.night(2, draw_customers({**SIZES, "a": 20, "b": 20})).outcome == "held"
    with pytest.raises(Refused, match=r"could be any of 2 editions: .*published.*held|held.*published"):
        promote_edition(town.home, make_request(2))
    held = {path.name for path in (town.home / "editions" / str(day(2))).iterdir()}
    held -= {published_edition(town.home, day(2))}
    assert promote_edition(town.home, make_request(2, held.pop()[:8])).outcome == "promoted"
