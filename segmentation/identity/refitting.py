"""Refit, or score with the model that is there? And does last night's number of segments stand?

Pure functions of the definition and of what was measured: segmentation/identity/rescoring.py's and
choosing.py's.
"""

from datetime import date
from math import inf
from typing import NamedTuple

from config.clauses import KOptions, RefitOptions
from schemas.evidence import Choice
from schemas.identity import PreviousEdition
from schemas.numbers import Training


class RefitDecision(NamedTuple):
    """To refit or not, its scaling too or not, and why, for people."""

    refits: bool
    rescales: bool
    reasons: tuple[str, ...]


def decide_refit(
    plan: RefitOptions, trained: Training, as_of: date, measured: tuple[float, dict[str, float]]
) -> RefitDecision:
    """Does the model still fit? measured: tonight's inertia per customer, and PSI by scaled number.

    A refit keeps the scaling while the model is young: distances of another kind move customers who did
    not change, and are no answer to customers who did.
    """
    if plan.policy == "never":
        return RefitDecision(False, False, ("refit.policy is never",))
    inertia, drift = measured
    age = (as_of - trained.since).days
    rise = inertia / trained.inertia - 1 if trained.inertia > 0 else inf if inertia > 0 else 0.0
    worst = max(drift, key=lambda name: drift[name])
    found = [
        (age >= plan.max_age_days, f"the model is {age} days old, limit {plan.max_age_days}"),
        (
            rise > plan.max_inertia_rise,
            f"inertia per customer {rise:+.1%} since training, limit +{plan.max_inertia_rise:.0%}",
        ),
        (
            drift[worst] > plan.max_drift,
            f"PSI of {worst} {drift[worst]:.3f} against its training, limit {plan.max_drift:g}",
        ),
    ]
    against = tuple(words for is_against, words in found if is_against)
    always = ("refit.policy is always",) if plan.policy == "always" else ()
    reasons = (*always, *against)
    rescales = age >= plan.max_age_days or (bool(reasons) and plan.mode == "cold")
    return RefitDecision(bool(reasons), rescales, reasons or tuple(words for _, words in found))


def apply_hysteresis(plan: KOptions, nights: int, choice: Choice, memory: PreviousEdition) -> Choice:
    """Tonight's choice, unless last night's k stands.

    Another k is taken once the evidence has asked for it `nights` nights in a row, at once where last
    night's k is fixed by a person, is outside the range or was not tried, or one of its segments has
    hardly any customers left.
    """
    if memory.is_cold or choice.rule == "fixed" or choice.k == memory.k:
        return choice
    total = sum(memory.sizes)
    emptied = sum(size < plan.smallest_share * total for size in memory.sizes)
    tried = {point.k for point in choice.curve}
    asked = memory.wanted_nights + 1 if memory.wanted_k == choice.k else 1
    if memory.k not in tried or emptied:
        how = f"{emptied} of its segments hold less than k.smallest_share" if emptied else "it was not tried"
        why = f"k = {memory.k} of {memory.as_of} no longer stands: {how}"
        return choice.model_copy(update={"reasons": (*choice.reasons, why)})
    if asked >= nights:
        why = (
            f"k = {memory.k} of {memory.as_of} gives way: the evidence has asked for {choice.k} "
            f"{asked} nights in a row"
        )
        return choice.model_copy(update={"reasons": (*choice.reasons, why)})
    why = f"k = {memory.k} of {memory.as_of} stands: night {asked} of {nights} that asks for {choice.k}"
    return choice.model_copy(
        update={
            "k": memory.k,
            "reasons": (why, *choice.reasons),
            "wanted_k": choice.k,
            "wanted_nights": asked,
        }
    )
