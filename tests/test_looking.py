"""Which nights measure every k, and what the others carry on."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config.clauses import KOptions
from flows.resegment import resegment
from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.night import Night, Published
from segmentation.identity.looking import LookOccasion, explain_look
from tasks.choose import choose
from tests.nights import FOUR, create_town, day, draw_customers, manifest, read
from tests.test_retry import expect_stage_states, read_messages

QUIET = LookOccasion(date(2026, 1, 8), date(2026, 1, 2), False, False, 0, None)


def folder_of(night: Published) -> Path:
    """The edition's folder."""
    return Path(night.report_path).parent


def look_of(night: Published) -> dict[str, Any]:
    """The evidence that an edition has."""
    content: dict[str, Any] = json.loads((folder_of(night) / "evidence.json").read_bytes())
    return content


def read_page(night: Published) -> str:
    """The page's text without its markup."""
    return re.sub(r"<[^>]*>", "", (folder_of(night) / "report.html").read_text(encoding="utf-8"))


def test_a_quiet_night_carries_the_evidence() -> None:
    """Six days after the last look, with nothing new."""
    assert explain_look(KOptions(), QUIET) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"last": None}, "the evidence of the previous edition is not known"),
        ({"last": date(2026, 1, 1)}, "the last look was 7 days ago"),
        ({"changed": True}, "the definition changed"),
        ({"refits": True}, "the model is refitted"),
        ({"emptied": 2}, "2 segments have hardly any customers left"),
        ({"wanted_k": 5}, "k = 5 is pending"),
    ],
)
def test_whatever_may_change_k_calls_for_a_look(change: dict[str, Any], reason: str) -> None:
    """Each by itself, and the reason says which."""
    assert explain_look(KOptions(), QUIET._replace(**change)) == reason


def test_nights_look_every_few_days(tmp_path: Path) -> None:
    """The date of the last look is in the edition; the nights in between keep its bytes."""
    town = create_town(tmp_path, k={"max": 6, "look_every": 3})
    nights = [town.night(number, draw_customers(FOUR)) for number in (1, 2, 3, 4, 5)]
    measured = [date.fromisoformat(look_of(night)["as_of"]) for night in nights]
    assert measured == [day(1), day(1), day(1), day(4), day(4)]
    assert [manifest(night)["measured_on"] for night in nights] == [str(look_date) for look_date in measured]
    evidence = [(folder_of(night) / "evidence.json").read_bytes() for night in nights]
    assert evidence[0] == evidence[1] == evidence[2]
    assert evidence[3] == evidence[4]
    assert f"Every k was last measured on {day(1)}." in read_page(nights[1])
    assert f"would have been on {day(1)}, when every k was last measured." in read_page(nights[1])
    assert "last measured" not in read_page(nights[3])


def test_carried_evidence_says_what_was_measured(tmp_path: Path) -> None:
    """The sweep and the divisions that were not published are the look's, the segments are tonight's."""
    town = create_town(tmp_path)
    first = town.night(1, draw_customers(FOUR))
    second = town.night(2, draw_customers({**FOUR, "a": 155}))
    assert read(first, "sweep.parquet").equals(read(second, "sweep.parquet"))
    tables = [read(night, "alternatives.parquet") for night in (first, second)]
    alternatives = [
        table[~table["is_published"]].drop(columns="name").reset_index(drop=True) for table in tables
    ]
    assert alternatives[0].equals(alternatives[1])
    published = tables[1].loc[tables[1]["is_published"], "size"]
    assert sum(published) == sum(FOUR.values()) + 5


def test_only_a_look_changes_k(tmp_path: Path) -> None:
    """With refit.nights 1 a look replaces last night's k at once; carried evidence leaves it pending."""
    town = create_town(tmp_path, refit={"nights": 1})
    first = town.night(1, draw_customers(FOUR))
    look = Look.model_validate(look_of(first))
    assert first.k is not None
    other = first.k + 1
    previous = PreviousEdition(edition="e", as_of=day(0), k=other, sizes=(100,) * other)
    choices = [
        choose(
            Night(
                run_id="r",
                definition=town.definition,
                as_of=as_of,
                store=town.store,
                force=False,
                source=None,
            ),
            look,
            previous,
        )
        for as_of in (day(1), day(2))
    ]
    assert [(choice.k, choice.wanted_k) for choice in choices] == [(first.k, None), (other, first.k)]


def test_damaged_evidence_is_measured_again(tmp_path: Path) -> None:
    """The night says so, and has another name than with whole evidence."""
    whole, damaged = (create_town(tmp_path / name) for name in ("whole", "damaged"))
    names = {}
    for town in (whole, damaged):
        town.folder.mkdir()
        first = town.night(1, draw_customers(FOUR))
        if town is damaged:
            (folder_of(first) / "evidence.json").write_text("{}")
        second = town.night(2, draw_customers(FOUR))
        names[town.folder.name] = second.edition
        assert look_of(second)["as_of"] == str(day(2 if town is damaged else 1))
        has_warned = any("has lost its evidence for k" in warning for warning in second.warnings)
        assert has_warned is (town is damaged)
    assert names["whole"] != names["damaged"]


@pytest.mark.usefixtures("prefect_server")
def test_the_ui_shows_which_stages_were_skipped(tmp_path: Path) -> None:
    """They are in state Skipped, with the reason; the others are completed."""
    store = str(tmp_path / "store")
    resegment("article", as_of=date(2026, 1, 1), store=store)
    state = resegment("article", as_of=date(2026, 1, 2), store=store, return_state=True)
    run_id = str(state.state_details.flow_run_id)
    expected = {"sweep": {"Skipped"}, "evaluate": {"Skipped"}, "fit": {"Completed"}}
    expect_stage_states(run_id, expected)
    reason = "k was measured on 2026-01-01, and will be again on 2026-01-08 or when the model is refitted"
    assert set(read_messages(run_id, "Skipped")) == {reason}
