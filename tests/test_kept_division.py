"""A division of one crowd stays from night to night as long as it holds, and no page says otherwise."""

from datetime import date

import pytest

from config.clauses import KOptions
from schemas.evidence import Choice
from schemas.identity import PreviousEdition
from segmentation.identity.refitting import decide_k
from segmentation.k.rules import choose_k
from segmentation.report.sections.alternatives import describe_stability
from segmentation.report.sections.trust import judge_evidence
from tests.test_choose import CURVE, evidence

LAST = PreviousEdition(edition="0" * 16, as_of=date(2026, 1, 1), k=5, customers=500, sizes=(100,) * 5)


def choose_tonight(stability: float) -> Choice:
    """Tonight's own choice, k = 4, where last night's k = 5 has this stability."""
    return choose_k(KOptions(max=6), CURVE, evidence([1] * 10, [0.92, 0.96, 0.9, stability, 0.3]))


@pytest.mark.parametrize(("stability", "expected"), [(0.74, 5), (0.71, 5), (0.69, 5)])
def test_another_division_has_to_wait(stability: float, expected: int) -> None:
    """Below 0.75 a division is not chosen again; from 0.70 on it stays, and below that for three nights."""
    choice = choose_tonight(stability)
    assert choice.k == 4
    decision = decide_k(KOptions(max=6), 3, choice, LAST)
    assert decision.k == expected
    assert (decision.wanted_k is None) is (stability >= 0.7)


@pytest.mark.parametrize(("stability", "level"), [(0.74, "good"), (0.3, "care")])
def test_a_division_stays_while_the_model_fits(stability: float, level: str) -> None:
    """However unstable it is: another k would move now the customers that a refit might move later."""
    choice = choose_tonight(stability)
    decision = decide_k(KOptions(max=6), 3, choice, LAST.model_copy(update={"needs_refit": False}))
    assert (choice.k, decision.k, decision.wanted_k) == (4, 5, None)
    page = judge_evidence(choice.model_copy(update={"k": 5, "is_kept": True}))
    assert page.level == level
    assert ("They stay while last night's model fits" in page.details) is (level == "care")


def test_a_kept_division_is_not_called_unstable() -> None:
    """The first screen says that it nearly holds, as does the table of what else was tried."""
    choice = choose_tonight(0.74).model_copy(update={"k": 5})
    page = judge_evidence(choice.model_copy(update={"is_kept": True}))
    assert (page.level, page.clause) == ("good", "the segments are stable")
    assert "0.7 is enough to keep last night's segments" in page.details
    assert judge_evidence(choice).level == "care"
    assert [describe_stability(5, value) for value in (0.75, 0.74, 0.69)] == [
        "0.75, holds",
        "0.74, nearly holds",
        "0.69, does not hold",
    ]
