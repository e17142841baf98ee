"""A person puts an edition live: one that was held, or an earlier one again."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.verdicts import Verdict
from segmentation.errors import Conflict, Refused
from segmentation.promoting import PromotionRequest, promote_edition
from segmentation.store.audit import audit_store
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import LIVE, read_live, read_pointer
from segmentation.store.published import published_edition
from tasks.check import check
from tests.nights import Town, day, draw_customers, found_town, manifest

SIZES = {"a": 120, "b": 120, "c": 120}


def asked(number: int, edition: str | None = None) -> PromotionRequest:
    """What Ana asks for."""
    return PromotionRequest(day(number), edition, "ana", "the campaign was real")


@pytest.fixture
def town(tmp_path: Path) -> Town:
    """Two nights were published; the third lost most of its rows and is held."""
    town = found_town(tmp_path)
    customers = draw_customers(SIZES)
    assert [town.night(number, customers).outcome for number in (1, 2)] == ["published"] * 2
    assert town.night(3, customers.iloc[::3]).outcome == "held"
    return town


def test_a_held_edition_goes_live(town: Town) -> None:
    """Its table is the date's, live.json names it, the ledger says who and why, and the store is sound."""
    was = read_live(town.home)
    assert was and was[0] == day(2)
    promoted = promote_edition(town.home, asked(3))
    assert (promoted.outcome, promoted.previous_live) == ("promoted", was)
    assert read_live(town.home) == (day(3), promoted.edition)
    assert published_edition(town.home, day(3)) == promoted.edition
    row = read_rows(town.home)[-1]
    assert (row["outcome"], row["who"], row["edition"]) == ("promoted", "ana", promoted.edition)
    assert row["reasons"] == ["by ana: the campaign was real"]
    assert audit_store(town.home)[1] == []


def test_a_constant_feature_is_accepted_once(tmp_path: Path) -> None:
    """Its night is held; promoted, it is the new normal, and the next such night is published."""
    town = found_town(tmp_path)
    customers = draw_customers(SIZES)
    town.night(1, customers)
    customers["visits"] = 10.0
    held = town.night(2, customers)
    assert any("features-vary: one value only: visits" in said for said in held.reasons)
    promote_edition(town.home, asked(2))
    assert town.night(3, customers).outcome == "published"


def test_again_is_the_same(town: Town) -> None:
    """The second time there is nothing to do, and nothing is written."""
    promote_edition(town.home, asked(3))
    before = {path: path.stat().st_mtime_ns for path in town.home.rglob("*") if path.is_file()}
    assert promote_edition(town.home, asked(3)).outcome == "already-live"
    assert before == {path: path.stat().st_mtime_ns for path in town.home.rglob("*") if path.is_file()}


def test_rolling_back_sets_later_dates_aside(town: Town) -> None:
    """The later table stays under its date; a re-run of it does not make it live again, and says so."""
    first = promote_edition(town.home, asked(1))
    assert first.superseded == (day(2),)
    second = published_edition(town.home, day(2))
    assert read_pointer(town.home).superseded == {second}
    assert audit_store(town.home)[1] == []
    again = town.run(2, town.folder / "night-2.csv")
    assert (again.outcome, again.edition) == ("already-published", second)
    assert "resegment promote" in again.warnings[0]
    assert read_live(town.home) == (day(1), first.edition)


def test_the_next_night_builds_on_the_one_promoted(town: Town) -> None:
    """After a rollback the edition before is the live one, not the newer one that was set aside."""
    first = promote_edition(town.home, asked(1))
    fourth = town.night(4, draw_customers(SIZES))
    manifest = json.loads((Path(fourth.report_path).parent / "manifest.json").read_text())
    assert (manifest["previous"], manifest["previous_as_of"]) == (first.edition, str(day(1)))
    assert read_live(town.home) == (day(4), fourth.edition)
    assert len(read_pointer(town.home).superseded) == 1, "what is set aside stays so"
    assert audit_store(town.home)[1] == []


def test_the_night_after_a_mended_input_is_live_again(town: Town) -> None:
    """The date set aside, run again on another input, is another edition: it is published and live."""
    promote_edition(town.home, asked(1))
    mended = town.night(2, draw_customers({**SIZES, "a": 121}))
    assert mended.outcome == "published"
    assert read_live(town.home) == (day(2), mended.edition)


def test_a_night_under_way_does_not_undo_a_promotion(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """It builds on what is set aside meanwhile: a conflict, and run again it builds on the one promoted."""

    def judge(*stage_inputs: Any) -> Verdict:
        promote_edition(town.home, asked(1))
        return check(*stage_inputs)

    with monkeypatch.context() as patch:
        patch.setattr("bench.nights.check", SimpleNamespace(fn=judge))
        with pytest.raises(Conflict, match="set aside by a promotion meanwhile"):
            town.night(4, draw_customers(SIZES))
    live = read_live(town.home)
    assert live and live[0] == day(1)
    again = town.run(4, town.folder / "night-4.csv")
    assert (again.outcome, manifest(again)["previous"]) == ("published", live[1])


def test_a_lost_pointer_is_the_newest_date(town: Town) -> None:
    """live.json is gone, and an earlier night is run again: live is not moved back to it."""
    before = read_pointer(town.home)
    (town.home / LIVE).unlink()
    assert town.run(1, town.folder / "night-1.csv").outcome == "already-published"
    assert read_pointer(town.home) == before


def test_an_edition_set_aside_can_be_promoted(town: Town) -> None:
    """Forward again: nothing is set aside then."""
    promote_edition(town.home, asked(1))
    promote_edition(town.home, asked(2))
    assert read_pointer(town.home).superseded == set()
    assert audit_store(town.home)[1] == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (PromotionRequest(day(9), None, "ana", ""), "no-edition: there is no edition 2026-01-09"),
        (PromotionRequest(day(1), "ffff", "ana", ""), "no-edition: there is no edition 2026-01-01 ffff"),
        (PromotionRequest(day(1), "../..", "ana", ""), "is not an edition"),
        (PromotionRequest(day(1), None, " ", ""), "who must be one line"),
        (PromotionRequest(day(1), None, "ana", "two\nlines"), "reason must be one line"),
    ],
)
def test_what_cannot_be_promoted_is_refused(town: Town, wrong: PromotionRequest, said: str) -> None:
    """In one line, and the live edition stays."""
    live = read_live(town.home)
    with pytest.raises(Refused, match=said):
        promote_edition(town.home, wrong)
    assert read_live(town.home) == live


def test_a_damaged_edition_is_refused(town: Town) -> None:
    """One byte is enough."""
    held = next((town.home / "editions" / str(day(3))).iterdir())
    with (held / "segments.parquet").open("r+b") as file:
        file.write(b"?")
    with pytest.raises(Refused, match=r"damaged-edition: .* segments.parquet: damaged"):
        promote_edition(town.home, asked(3))
    assert published_edition(town.home, day(3)) is None


def test_of_two_editions_one_must_be_named(town: Town) -> None:
    """A date that is published and has a held edition too: which is meant is not guessed."""
    assert town.night(2, draw_customers({**SIZES, "a": 20, "b": 20})).outcome == "held"
    with pytest.raises(Refused, match=r"could be any of 2 editions: .*published.*held|held.*published"):
        promote_edition(town.home, asked(2))
    held = {path.name for path in (town.home / "editions" / str(day(2))).iterdir()}
    held -= {published_edition(town.home, day(2))}
    assert promote_edition(town.home, asked(2, held.pop()[:8])).outcome == "promoted"
