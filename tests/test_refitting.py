"""When a night's numbers call for a refit, and when another k is used."""

from datetime import date, timedelta

import pytest

from config.clauses import RefitOptions
from schemas.numbers import Training
from segmentation.identity.refitting import ModelFit, decide_refit

DAY = date(2026, 1, 1)


@pytest.mark.parametrize(("trained", "tonight", "refits"), [(0, 0, False), (0, 0.1, True), (1, 1.05, False)])
def test_a_rise_of_inertia_refits(trained: float, tonight: float, refits: bool) -> None:
    """A model that fitted exactly no longer fits once customers are away from its centres."""
    training = Training(as_of=DAY, since=DAY, customers=9, inertia=trained, bins=())
    assert decide_refit(RefitOptions(), training, DAY, ModelFit(tonight, {"spend": 0.0})).refits == refits


@pytest.mark.parametrize(
    ("mode", "days", "rescales"), [("warm", 1, False), ("cold", 1, True), ("warm", 400, True)]
)
def test_a_refit_keeps_the_scaling_while_the_model_is_young(mode: str, days: int, rescales: bool) -> None:
    """Even if every night is refitted: another scaling would move customers who did not change."""
    options = RefitOptions.model_validate({"policy": "always", "mode": mode})
    training = Training(as_of=DAY, since=DAY, customers=9, inertia=1.0, bins=())
    decision = decide_refit(options, training, DAY + timedelta(days=days), ModelFit(1.0, {"spend": 0.0}))
    assert (decision.refits, decision.rescales) == (True, rescales)
