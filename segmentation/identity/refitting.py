"""When to refit the model, and when to change the number of segments. Pure functions of what was measured.

How the model fits tonight is measured in segmentation/identity/rescoring.py; tonight's choice of k comes from
segmentation/k/rules.py.
"""

from datetime import date
from math import inf
from typing import NamedTuple

import numpy as np

from config.clauses import KOptions, RefitOptions
from schemas.evidence import STILL_HOLDS, Choice
from schemas.identity import PreviousEdition
from schemas.numbers import Training
from schemas.wording import format_count


class ModelFit(NamedTuple):
    """How a model fits tonight's customers: inertia per customer, and PSI by scaled number."""

    inertia: float
    drift: dict[str, float]


class RefitDecision(NamedTuple):
    """Whether to refit, whether to refit the scaling too, and the reasons, for people."""

    refits: bool
    rescales: bool
    reasons: tuple[str, ...]


class KDecision(NamedTuple):
    """The k to publish, why it is kept or replaces last night's, and another that is wanted."""

    k: int
    reason: str = ""
    wanted_k: int | None = None
    wanted_nights: int = 0


class _Finding(NamedTuple):
    """One comparison with a limit, and whether the limit was reached."""

    is_over: bool
    message: str


def count_emptied(sizes: np.ndarray, smallest_share: float) -> int:
    """Segments of sizes (k,) that have hardly any customers: none, or below that share of all."""
    return int(np.count_nonzero((sizes < smallest_share * sizes.sum()) | (sizes == 0)))


def decide_refit(options: RefitOptions, training: Training, as_of: date, fit: ModelFit) -> RefitDecision:
    """Does the model still fit?

    A refit keeps the scaling while the model is young: another scaling changes the distances, and so moves
    customers who did not change.
    """
    if options.policy == "never":
        return RefitDecision(False, False, ("refit.policy is never",))
    is_old = (as_of - training.since).days >= options.max_age_days
    findings = _compare_with_limits(options, training, as_of, fit)
    reasons = ["refit.policy is always"] if options.policy == "always" else []
    reasons += [finding.message for finding in findings if finding.is_over]
    # A rescale every night was measured: one new group raised the variance, and customers who had changed
    # nothing moved (decision 14).
    rescales = is_old or (bool(reasons) and options.mode == "cold")
    messages = reasons or [finding.message for finding in findings]
    return RefitDecision(bool(reasons), rescales, tuple(messages))


def _compare_with_limits(
    options: RefitOptions, training: Training, as_of: date, fit: ModelFit
) -> list[_Finding]:
    age = (as_of - training.since).days
    rise = _compute_rise(training.inertia, fit.inertia)
    worst = max(fit.drift, key=lambda name: fit.drift[name])
    psi = fit.drift[worst]
    return [
        _Finding(
            age >= options.max_age_days,
            f"the model is {format_count(age, 'day')} old, limit {options.max_age_days}",
        ),
        _Finding(
            rise > options.max_inertia_rise,
            f"inertia per customer {rise:+.1%} since training, limit +{options.max_inertia_rise:.0%}",
        ),
        _Finding(
            psi > options.max_drift,
            f"PSI of {worst} {psi:.3f} against its training, limit {options.max_drift:g}",
        ),
    ]


def _compute_rise(trained: float, tonight: float) -> float:
    """The relative rise of inertia. A model that fitted exactly, with inertia 0, may have an infinite one."""
    if trained > 0:
        return tonight / trained - 1
    return inf if tonight > 0 else 0.0


def decide_k(
    options: KOptions,
    nights: int,
    choice: Choice,
    previous: PreviousEdition,
    *,
    falls_short: bool = False,
) -> KDecision:
    """Last night's k until the evidence has asked for another k `nights` nights in a row, else tonight's.

    Another k is used at once if a person fixed it, if last night's k was not tried (it may be outside the
    range), or if one of last night's segments has hardly any customers left. A division of one crowd stays
    until a refit is due, and then as long as it holds, unless it falls short: it says clearly less about the
    outcome than another.
    """
    if previous.is_cold or choice.rule == "fixed" or choice.k == previous.k:
        return KDecision(choice.k)
    last_k = f"k = {previous.k} of {previous.as_of}"
    smallest = options.smallest_share * sum(previous.sizes)
    # Such a night would be held anyway: tasks/check.py requires smallest-share.
    emptied = sum(size < smallest for size in previous.sizes)
    if emptied:
        return KDecision(
            choice.k, f"{last_k} is dropped: {emptied} of its segments are below k.smallest_share"
        )
    last = next((point for point in choice.measures if point.k == previous.k), None)
    if last is None:
        return KDecision(choice.k, f"{last_k} is dropped: it was not tried")
    aim_min, aim_max = options.division_range
    # Stability says how many customers later refits would move. A change of k because of it would move
    # them now: on Online Retail, the stability of k = 8 goes up and down around 0.7 from night to night.
    stays = not previous.needs_refit or last.stability >= STILL_HOLDS
    if choice.is_division and aim_min <= last.k <= aim_max and stays and not falls_short:
        why = "the model still fits" if not previous.needs_refit else "it still holds"
        return KDecision(last.k, f"{last_k} is kept: it divides one crowd, and {why}")
    wanted_nights = previous.wanted_nights + 1 if previous.wanted_k == choice.k else 1
    if wanted_nights >= nights:
        reason = f"{last_k} is replaced: the rule chose {choice.k} {wanted_nights} nights in a row"
        return KDecision(choice.k, reason)
    reason = f"{last_k} is kept: night {wanted_nights} of {nights} on which the rule chooses {choice.k}"
    return KDecision(last.k, reason, choice.k, wanted_nights)
