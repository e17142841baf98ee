"""Refit or score: what the numbers of a night ask for."""

from datetime import date, timedelta

import pytest

from config.clauses import RefitOptions
from schemas.numbers import Training
from segmentation.identity.refitting import decide_refit

DAY = date(2026, 1, 1)


@pytest.mark.parametrize(("trained", "tonight", "refits"), [(0, 0, False), (0, 0.1, True), (1, 1.05, False)])
def test_a_rise_of_inertia_refits(trained: float, tonight: float, refits: bool) -> None:
    """A model that fitted exactly fits no more where customers lie beside its centres."""
    training = Training(as_of=DAY, since=DAY, customers=9, inertia=trained, bins=())
    assert decide_refit(RefitOptions(), training, DAY, (tonight, {"spend": 0.0})).refits == refits


@pytest.mark.parametrize(
    ("mode", "days", "rescales"), [("warm", 1, False), ("cold", 1, True), ("warm", 400, True)]
)
def test_a_refit_keeps_the_scaling_while_the_model_is_young(mode: str, days: int, rescales: bool) -> None:
    """Also where every night is refitted: another scaling would move customers who changed nothing."""
    plan = RefitOptions.model_validate({"policy": "always", "mode": mode})
    training = Training(as_of=DAY, since=DAY, customers=9, inertia=1.0, bins=())
    decision = decide_refit(plan, training, DAY + timedelta(days=days), (1.0, {"spend": 0.0}))
    assert (decision.refits, decision.rescales) == (True, rescales)
