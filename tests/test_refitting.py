"""Refit or score: what the numbers of a night ask for."""

from datetime import date

import pytest

from config.plans import RefitPlan
from schemas.numbers import Training
from segmentation.refitting import decide

DAY = date(2026, 1, 1)


@pytest.mark.parametrize(("trained", "tonight", "refits"), [(0, 0, False), (0, 0.1, True), (1, 1.05, False)])
def test_a_rise_of_inertia_refits(trained: float, tonight: float, refits: bool) -> None:
    """A model that fitted exactly fits no more where customers lie beside its centres."""
    training = Training(as_of=DAY, since=DAY, customers=9, inertia=trained, bins=())
    assert decide(RefitPlan(), training, DAY, (tonight, {"spend": 0.0})).refits == refits
