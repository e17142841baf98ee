"""Stage 5, choose: which k, by the definition's rule, and why.

The evidence is computed in tasks/sweep.py; limits on segments are checked in tasks/check.py.
"""

from collections.abc import Sequence

import numpy as np

from config.plans import KPlan
from schemas.records import Choice, Curve, CurvePoint, Night
from tasks.artifacts import show_sweep
from tasks.options import stage


def find_knee(k: np.ndarray, values: np.ndarray) -> int:
    """Position of the knee of a falling curve: the point farthest below the chord of its ends.

    k and values (m,), ascending k. Both axes scaled to 0..1, as in Satopaa, Albrecht, Irwin, Raghavan
    (2011, "Kneedle"), without smoothing. The first of equals; 0 with fewer than 3 points or a flat curve.

    >>> find_knee(np.array([1, 2, 3, 4]), np.array([10.0, 2.0, 1.0, 0.5]))
    1
    """
    if len(values) < 3 or values[0] <= values[-1]:
        return 0
    x = (k - k[0]) / (k[-1] - k[0])
    y = (values - values[-1]) / (values[0] - values[-1])
    below = (1.0 - x) - y
    return int(np.argmax(below > below.max() - 1e-12))


def log_inertia(inertia: np.ndarray) -> np.ndarray:
    """Natural logarithm of inertia (m,); NaN where inertia is 0, as when k reaches the distinct rows."""
    with np.errstate(divide="ignore"):
        return np.where(inertia > 0, np.log(inertia), np.nan)


def choose_elbow(points: Sequence[CurvePoint]) -> tuple[int, str]:
    """The knee of the logarithm of inertia, and the reason in words.

    On the linear scale the first drop hides all others; on the log scale a drop counts by its ratio.
    """
    k = np.array([point.k for point in points])
    logs = log_inertia(np.array([point.inertia for point in points]))
    usable = np.isfinite(logs)
    if not usable.any():
        return int(k[0]), f"every k from {k[0]} on explains all of the variance"
    knee = int(k[usable][find_knee(k[usable], logs[usable])])
    return knee, f"knee of the log of inertia over k = {k[usable][0]}..{k[usable][-1]}"


def choose_k(plan: KPlan, curve: Curve) -> Choice:
    """Apply the rule. `auto` is the elbow."""
    if plan.rule == "fixed" and plan.fixed is not None:
        last = curve.points[-1].k
        k, why = min(plan.fixed, last), "fixed by the definition"
        if k < plan.fixed:
            why = f"fixed at {plan.fixed} by the definition, lowered to the number of distinct rows"
    else:
        k, why = choose_elbow(curve.points)
    return Choice(k=k, rule=plan.rule, reasons=(why,), curve=curve.points)


@stage("choose {night.as_of}")
def choose(night: Night, curve: Curve) -> Choice:
    """Choose k from the curve."""
    choice = choose_k(night.segmentation.k, curve)
    show_sweep(night, choice)
    return choice
