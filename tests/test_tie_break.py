"""Ties between numbers of segments that hold, broken by what an earlier edition's segments said."""

import json
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from config.clauses import KOptions
from config.definition import Definition
from config.outcome import Outcome
from resegment.what_if import what_if_app
from schemas.evidence import Choice
from schemas.identity import PreviousEdition
from schemas.validation import GroupingSkill
from segmentation.errors import Refused
from segmentation.identity.refitting import decide_k
from segmentation.k.rules import choose_k
from segmentation.k.ties import OutcomeScores, explain_unbroken, falls_short, list_tied
from segmentation.outcomes.tie_breaking import compute_due_date, look_up_missing
from segmentation.rebuilding import compare_rebuilt, plan_rebuild, prepare_scratch
from segmentation.store.catalogue.editions import resolve_edition
from segmentation.store.repair.audit import audit_store
from segmentation.store.validations import FOLDER, read_validation
from tests.event_inputs import AS_OF, define
from tests.outcome_shop import CHECKS, DAYS, Shop, open_shop
from tests.test_choose import CROWD, CURVE, THREE

OPTIONS = KOptions(max=6, aim=(2, 5))  # of the crowd, 2 to 5 segments hold
NEXT = date(2026, 3, 2)  # a Monday: the edition of AS_OF is the newest before the last complete one


def score(error: float = 0.02, **by_k: float) -> OutcomeScores:
    """Scores by k, as `k4=0.3`."""
    skills = {
        int(name[1:]): GroupingSkill(kind="division", label="", groups=int(name[1:]), r2=r2, error=error)
        for name, r2 in by_k.items()
    }
    return OutcomeScores("revenue", AS_OF, skills)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        (score(k2=0.1, k3=0.2, k4=0.29, k5=0.3), 4),
        (score(k2=0.1, k3=0.2, k4=0.2, k5=0.3), 5),
        (score(k2=0.3, k3=0.3, k4=0.3, k5=0.3), 2),
        (score(k2=0.1, k3=0.4, k4=0.3, k5=0.3), 3),
        (score(k2=0.1, k3=0.2, k6=0.9), 3),  # 6 does not hold
        (score(k3=0.2), 5),  # nothing to compare
        (score(), 5),
        (None, 5),
    ],
)
def test_the_coarsest_within_one_standard_error_of_the_best(
    scores: OutcomeScores | None, expected: int
) -> None:
    """Among the k within k.aim that hold; without scores, the finest of them."""
    choice = choose_k(OPTIONS, CURVE, CROWD, scores)
    assert choice.k == expected and choice.is_division
    has_tie = scores is not None and len(scores.by_k) > 1
    assert ("by revenue of the customers of 2026-02-01, R² 0." in choice.reasons[0]) == has_tie


def test_natural_segments_are_never_overruled() -> None:
    """Borders between customers decide, whatever the outcome says."""
    scores = score(k2=0.9, k3=0.1, k4=0.1)
    assert choose_k(OPTIONS, CURVE, THREE, scores).k == choose_k(OPTIONS, CURVE, THREE).k == 3


def test_an_outcome_that_breaks_no_tie_says_why() -> None:
    """No edition is judged, or its segments say nothing."""
    assert "no earlier edition" in (explain_unbroken(None) or "")
    assert "say nothing about revenue" in (explain_unbroken(score()) or "")
    assert explain_unbroken(score(k2=0.1)) is None


def decide(previous_k: int, scores: OutcomeScores, wanted_nights: int = 0) -> tuple[Choice, int, int]:
    """The night's own choice, the k that is published, and how many nights have asked for another."""
    choice = choose_k(OPTIONS, CURVE, CROWD, scores)
    previous = PreviousEdition(
        edition="0" * 16,
        as_of=AS_OF,
        k=previous_k,
        sizes=(100,) * previous_k,
        wanted_k=choice.k if wanted_nights else None,
        wanted_nights=wanted_nights,
    )
    is_outdone = falls_short(scores, list_tied(OPTIONS, choice.measures), previous_k)
    decision = decide_k(OPTIONS, 3, choice, previous, falls_short=is_outdone)
    return choice, decision.k, decision.wanted_nights


def test_last_nights_k_stays_while_it_says_as_much() -> None:
    """Within one standard error it is kept. Below it, another k needs as many nights as any change."""
    as_good = score(k2=0.1, k3=0.2, k4=0.29, k5=0.3)
    choice, k, nights = decide(5, as_good)
    assert (choice.k, k, nights) == (4, 5, 0)
    for before, expected in ((0, (3, 1)), (1, (3, 2)), (2, (4, 0))):
        assert decide(3, as_good, before)[1:] == expected


@pytest.mark.parametrize(("days", "as_of"), [(28, NEXT), (90, date(2026, 5, 7)), (None, NEXT)])
def test_an_edition_is_due_once_a_week(days: int | None, as_of: date) -> None:
    """The same Monday for seven nights, at most a week before the horizon's beginning, and never tonight."""
    outcome = Outcome(days=days, column=None if days else "churn")
    dates = [compute_due_date(outcome, as_of + timedelta(offset)) for offset in range(28)]
    assert len(set(dates)) in (4, 5)
    for offset, due in enumerate(dates):
        newest = as_of + timedelta(offset - (days or 1))
        assert due.weekday() == 0 and 0 <= (newest - due).days < 7


def test_only_the_rule_auto_leaves_a_tie() -> None:
    """The definition is refused with any other."""
    with pytest.raises(ValidationError, match=r"breaks_ties needs k\.rule auto; gap leaves no tie"):
        define(outcome={"days": DAYS, "breaks_ties": True}, k={"rule": "gap"})


def test_the_clause_is_in_an_editions_name_only_if_it_breaks_ties() -> None:
    """Without where its table is."""
    plain = define().decisive_content()
    assert define(outcome={"days": DAYS}).decisive_content() == plain
    content = define(outcome={"days": DAYS, "breaks_ties": True}).decisive_content()
    assert content.pop("outcome")["days"] == DAYS and content == plain


def draw_crowd() -> Iterator[str]:
    """One crowd of customers, who order in February about as often as in January."""
    rng = np.random.default_rng(5)
    for i in range(300):
        level, price = rng.lognormal(1, 0.5), rng.lognormal(2, 0.3)
        for start, days in ((date(2026, 1, 2), 30), (AS_OF, 29)):
            for order in range(1 + int(rng.poisson(level))):
                day = start + timedelta(int(rng.integers(0, days)))
                yield f"c{i:03d},{start}-{i}-{order},{day} 10:00:00,1,{price * rng.lognormal(0, 0.3):.2f}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop of one crowd, with two nights: the second has the first one's outcome."""
    shop = open_shop(
        tmp_path_factory.mktemp("crowd"),
        draw_crowd(),
        k={"max": 5, "aim": (2, 5)},
        fit={"starts": 2},
        outcome={"days": DAYS, "measures": ["orders"], "breaks_ties": True},
        checks=CHECKS,
    )
    shop.run(NEXT)
    return shop


@pytest.mark.slow
def test_a_night_judges_the_edition_that_it_needs(shop: Shop) -> None:
    """Nobody has validated. The first night had nothing to go by, and says so."""
    first = resolve_edition(shop.home, AS_OF, None).manifest
    assert first.validation is None and any("no earlier edition" in reason for reason in first.why_k)
    manifest = resolve_edition(shop.home, NEXT, None).manifest
    validation = read_validation(shop.home, AS_OF)
    assert manifest.validation == validation and validation is not None
    assert validation.edition == first.edition
    assert "by orders of the customers of 2026-02-01" in " ".join(manifest.why_k)
    assert audit_store(shop.home).damage == []
    # Its own outcome is not known yet, so what if shows the one that it was chosen by.
    options = ["demo", "--store", str(shop.folder / "store"), "--json"]
    content = json.loads(CliRunner().invoke(what_if_app, options).stdout)
    assert content["judged_on"] == str(AS_OF) and content["divisions"][2]["outcome"].startswith("orders: R²")


@pytest.mark.slow
def test_it_does_not_matter_whether_a_person_has_validated(shop: Shop, tmp_path: Path) -> None:
    """A backfill in another store, with a validation in between, makes the same editions."""
    again = Shop(tmp_path, shop.definition)
    shutil.copyfile(shop.folder / "orders.csv", tmp_path / "orders.csv")
    again.run()
    again.validate("2026-03-01")
    again.run(NEXT)
    for day in (AS_OF, NEXT):
        assert (
            resolve_edition(again.home, day, None).manifest == resolve_edition(shop.home, day, None).manifest
        )


@pytest.mark.slow
def test_a_published_date_keeps_what_it_was_published_with(shop: Shop, tmp_path: Path) -> None:
    """It judges nothing again, though the validation is gone."""
    shutil.copytree(shop.folder, tmp_path, dirs_exist_ok=True)
    copy = Shop(tmp_path, shop.definition)
    shutil.rmtree(copy.home / FOLDER / str(AS_OF))
    assert look_up_missing(copy.make_night(NEXT)) is None
    assert copy.run(NEXT).outcome == "already-published"
    assert read_validation(copy.home, AS_OF) is None


@pytest.mark.slow
@pytest.mark.parametrize("day", [AS_OF, NEXT])
def test_a_rebuild_gives_the_same_bytes(shop: Shop, tmp_path: Path, day: date) -> None:
    """With the validation from the manifest, or without one as in the first night."""
    edition = resolve_edition(shop.home, day, None)
    plan = plan_rebuild(shop.home, edition, str(shop.folder / "orders.csv"))
    store, _ = prepare_scratch(shop.home, edition, plan, tmp_path)
    scratch = Shop(store.parent, Definition.model_validate(plan.definition))
    shutil.copyfile(shop.folder / "orders.csv", scratch.folder / "orders.csv")
    rebuilt = scratch.run(day)
    result = compare_rebuilt(shop.home, edition, scratch.home, rebuilt.edition)
    assert result.differences == [] and result.files > 5


@pytest.mark.slow
def test_a_damaged_validation_is_reported_and_made_again(shop: Shop, tmp_path: Path) -> None:
    """Audit names the command, what reads it is refused, and the night judges the edition again."""
    shutil.copytree(shop.folder, tmp_path, dirs_exist_ok=True)
    copy = Shop(tmp_path, shop.definition)
    path = copy.home / FOLDER / str(AS_OF) / "validation.json"
    content = path.read_bytes()
    path.write_bytes(content[:100])
    path.with_suffix(".parquet").write_bytes(b"PAR1")
    damage, table = audit_store(copy.home).damage
    assert table.problem == "cannot be read" and table.advice == damage.advice
    assert damage.path.endswith("validations/2026-02-01/validation.json")
    assert f"resegment validate demo --as-of {AS_OF}" in damage.advice
    with pytest.raises(Refused, match="resegment validate"):
        read_validation(copy.home, AS_OF)
    copy.run(NEXT + timedelta(1))
    assert path.read_bytes() == content
