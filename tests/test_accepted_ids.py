"""New segment ids after damage: only with a person's word, which manifest and name record.

What damage leads there is in test_identity_damage.py, changed features are in test_identity.py.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.nights import run_night
from flows.backfill import backfill
from schemas.backfills import BackfillResult
from schemas.night import Night
from segmentation.backfill_plan import BackfillFailed
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.store.catalogue.editions import resolve_edition
from tests.damaged_nights import TwoNights, cut
from tests.dated_days import Days, create_days, outcomes
from tests.dated_days import day as dated_day
from tests.nights import day, files, ids, manifest
from tests.test_identity_damage import REFUSED


def test_a_person_may_accept_new_ids(nights: TwoNights) -> None:
    """It is in manifest and name. Running the date again needs no second word and gives the same bytes."""
    (nights.folder / "model.json").unlink()
    third = nights.run_third(accept_new_ids=True)
    assert set(ids(third)) == {"S05", "S06", "S07", "S08"}
    facts = manifest(third)
    assert (facts["accept_new_ids"], facts["previous"], facts["churn"]) == (True, None, None)
    assert any("new ids were accepted" in warning for warning in third.warnings)
    assert third.edition != nights.third.edition
    expected = files(third)
    again = nights.run_third()
    assert (again.outcome, again.edition) == ("already-published", third.edition)
    assert files(nights.run_third(force=True)) == expected
    fourth = nights.town.run(4, nights.town.folder / "night-3.csv")
    assert manifest(fourth)["previous"] == third.edition
    assert set(ids(fourth)) == set(ids(third))


def test_accepted_new_ids_have_the_same_bytes_after_any_damage(two_nights: TwoNights, tmp_path: Path) -> None:
    """Nothing of the damaged edition is in them, so neither is the kind of damage."""
    accepted = []
    for name in ("a bit of the model", "a page of both tables", "edition and published table lost"):
        nights = two_nights.copy_to(tmp_path / name)
        REFUSED[name](nights)
        accepted.append(files(nights.run_third(accept_new_ids=True)))
    assert accepted[0] == accepted[1] == accepted[2]


def test_after_a_repair_accepted_new_ids_are_taken_back(nights: TwoNights) -> None:
    """Tonight run again builds on the repaired edition, with its ids, and needs neither word nor force."""
    model = nights.folder / "model.json"
    content = model.read_bytes()
    cut(model)
    nights.run_third(accept_new_ids=True)
    model.write_bytes(content)
    third = nights.run_third()
    assert third.outcome == "published"
    assert files(third) == nights.expected


def test_accepted_new_ids_can_be_rebuilt(nights: TwoNights, tmp_path: Path) -> None:
    """The manifest has the person's word, so the same bytes come from a scratch nights."""
    cut(nights.folder / "manifest.json")
    third, home = nights.run_third(accept_new_ids=True), nights.town.home
    past = resolve_edition(home, day(3), third.edition)
    plan = plan_rebuild(home, past, str(nights.town.folder / "night-3.csv"))
    scratch, _ = prepare_scratch(home, past, plan, tmp_path / "scratch")
    night = Night(
        run_id="rebuild",
        definition=plan.definition,
        as_of=day(3),
        source=plan.source,
        store=scratch,
        force=False,
        accept_new_ids=past.manifest.accept_new_ids,
    )
    rebuilt = run_night(night)
    assert compare_rebuilt(home, past, scratch / home.name, rebuilt.edition).differences == []


def test_a_word_that_is_not_needed_changes_nothing(nights: TwoNights) -> None:
    """With a sound previous edition, or with none, --accept-new-ids gives the bytes of a plain run."""
    assert files(nights.run_third(accept_new_ids=True)) == nights.expected
    shutil.rmtree(nights.town.store)
    first = [
        nights.town.run(1, nights.town.folder / "night-1.csv", accept_new_ids=accepts, force=True)
        for accepts in (False, True)
    ]
    assert first[0].edition == first[1].edition
    assert "accept_new_ids" not in manifest(first[1])


def backfill_days(days: Days, first: int, last: int, **options: Any) -> BackfillResult:
    """Backfill these days."""
    result = backfill("demo", dated_day(first), dated_day(last), store=str(days.folder / "store"), **options)
    assert isinstance(result, BackfillResult)
    return result


@pytest.mark.slow
@pytest.mark.usefixtures("prefect_server")
def test_new_ids_are_accepted_for_the_dates_that_need_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the word the date after the damaged one fails; with it only that date starts over."""
    days = create_days(tmp_path, 5, monkeypatch)
    days.forward(range(1, 3))
    (model,) = (days.home / "editions" / str(dated_day(2))).glob("*/model.json")
    model.write_bytes(b"")
    with pytest.raises(BackfillFailed, match="damaged-previous"):
        backfill_days(days, 3, 5)
    result = backfill_days(days, 3, 5, accept_new_ids=True)
    assert outcomes(result) == ["published"] * 3
    manifests = [
        json.loads(path.read_text()) for path in sorted(days.home.glob("editions/*/*/manifest.json"))
    ]
    assert [facts.get("accept_new_ids", False) for facts in manifests] == [False, False, True, False, False]
    rebuilt = backfill_days(days, 3, 5, mode="rebuild")  # the word is in the manifest
    assert [entry.edition for entry in rebuilt.dates] == [entry.edition for entry in result.dates]
