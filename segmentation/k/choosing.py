"""Which k: the rules, and how sure the choice is. Pure functions of the curve and the evidence.

Measures are computed in segmentation/k/weighing.py; how the rules compare is in docs/choosing-k.md.
"""

from collections.abc import Sequence

import numpy as np

from config.plans import KPlan
from schemas.evidence import Choice, Curve, CurvePoint, Evidence, Measures, Strength
from segmentation.k.borders import DEEPEST, settle
from segmentation.k.gap import Gap, first_within_error

STABLE, HOLDS = 0.85, 0.75  # bootstrap Jaccard, Hennig (2007)
ALIKE = 0.05  # differences of stability that resampling alone makes
CLEAR = 0.5  # of a border: half as many customers as inside, errors included
FEW_DISTINCT = 4  # distinct rows per segment tried, below which shape measures degenerate


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


def linear_elbow(points: Sequence[CurvePoint]) -> int:
    """The knee of inertia itself."""
    k = np.array([point.k for point in points])
    return int(k[find_knee(k, np.array([point.inertia for point in points]))])


def best_by(measures: Sequence[Measures], name: str, smallest: bool = False) -> int | None:
    """The k with the largest (or smallest) value of a measure, the first of equals; None without any."""
    values = [(one.k, getattr(one, name)) for one in measures if getattr(one, name) is not None]
    sign = -1.0 if smallest else 1.0
    return max(values, key=lambda pair: (sign * pair[1], -pair[0]))[0] if values else None


def choose_gap(measures: Sequence[Measures], pca: bool = False) -> int | None:
    """Tibshirani's rule on the gap of either reference; None where there is no gap."""
    name = "gap_pca" if pca else "gap"
    usable = [one for one in measures if getattr(one, name) is not None]
    if not usable:
        return None
    gaps = np.array([[getattr(one, name), getattr(one, f"{name}_error")] for one in usable]).T
    return usable[first_within_error(Gap(*gaps))].k


def divide(allowed: Sequence[Measures]) -> tuple[int, str]:
    """The best division of customers without borders: the most stable; of equals the coarsest."""
    held = [one for one in allowed if one.k > 1]
    if not held:
        return allowed[0].k, "no natural segments, and no more than one is allowed"
    best = max(one.stability for one in held)
    taken = next(one for one in held if one.stability >= best - ALIKE)
    why = (
        "no natural borders between customers; this is a division, not a discovery: the coarsest of the "
        f"most stable within k = {held[0].k}..{held[-1].k}, bootstrap Jaccard {taken.stability:.2f} "
        "of its least stable segment"
    )
    return taken.k, why


def choose_auto(allowed: Sequence[Measures], natural: Sequence[int]) -> tuple[int, str]:
    """By the borders between segments: as many as are natural, else the best division."""
    settled = settle(natural)
    if settled <= 1:
        return divide(allowed)
    ks = [one.k for one in allowed]
    if settled in ks:
        return settled, f"{settled} segments with borders between them; a larger k only cuts these in two"
    if settled > ks[-1]:
        k = best_by(allowed, "silhouette") or ks[-1]
        return k, (
            f"{settled} or more groups with borders, beyond k = {ks[-1]}: the best silhouette within the "
            "range was taken; raise k.max"
        )
    k = max((one for one in ks if one < settled), default=ks[0])
    why = "k.min" if ks[0] > settled else "k.smallest_share"
    return k, f"{settled} segments with borders between them, but {why} does not allow so many or so few"


def allow(plan: KPlan, measures: Sequence[Measures]) -> list[Measures]:
    """The k within the definition's range whose smallest segment is no sliver; all, if each has one."""
    within = [one for one in measures if one.smallest_share >= plan.smallest_share]
    return within or list(measures)


def choose_k(plan: KPlan, curve: Curve, evidence: Evidence) -> Choice:
    """Apply the definition's rule, and judge what it chose."""
    allowed = allow(plan, evidence.measures)
    if plan.rule == "fixed" and plan.fixed is not None:
        k, why = plan.fixed, "fixed by the definition"
    elif plan.rule == "elbow":
        k, why = choose_elbow(curve.points)
    elif plan.rule == "silhouette":
        k = best_by(allowed, "silhouette") or allowed[0].k
        why = "largest average silhouette"
    elif plan.rule == "gap":
        k = choose_gap(allowed) or allowed[0].k
        why = "smallest k whose gap is within one standard error of the next (Tibshirani)"
    else:
        k, why = choose_auto(allowed, evidence.natural)
    strength, reason = judge(k, evidence, find_degenerate(plan, evidence))
    return Choice(
        k=k,
        rule=plan.rule,
        reasons=(why, reason),
        strength=strength,
        doubts=(*find_degenerate(plan, evidence), *compare(k, curve, evidence)),
        curve=curve.points,
        measures=evidence.measures,
    )


def judge(k: int, evidence: Evidence, degenerate: Sequence[str]) -> tuple[Strength, str]:
    """How strong the evidence for k is, and why."""
    settled = settle(evidence.natural)
    at = next((one for one in evidence.measures if one.k == k), None)
    if settled <= 1:
        return "none", "the evidence for segments is none: customers form one crowd"
    if at is None or k != settled:
        return "weak", f"the evidence is weak: the borders speak for {settled} segments"
    held = f"bootstrap Jaccard {at.stability:.2f} of the least stable segment"
    if degenerate:
        return "weak", f"the evidence is weak: {degenerate[0]}"
    faintest = DEEPEST if at.faintest_border is None else at.faintest_border
    if at.stability >= STABLE and faintest < CLEAR:
        return "strong", f"the evidence is strong: every border is clear, {held}"
    if faintest >= DEEPEST:
        return "weak", f"the evidence is weak: at k = {k} itself two segments have no border between them"
    if at.stability >= HOLDS:
        return (
            "fair",
            f"the evidence is fair: {held}, on the faintest border {faintest:.0%} of the customers inside",
        )
    return "weak", f"the evidence is weak: {held}"


def find_degenerate(plan: KPlan, evidence: Evidence) -> list[str]:
    """Evidence that says more about the table than about its customers."""
    found = []
    top = evidence.measures[-1].k
    if evidence.distinct < FEW_DISTINCT * top:
        found.append(
            f"only {evidence.distinct} distinct rows for up to {top} segments: the silhouette optimum is "
            f"degenerate, 1 at k = {evidence.distinct}, where every segment is one row"
        )
    elif (best := best_by(evidence.measures, "silhouette")) is not None and best == top and top > 2:
        found.append(f"the silhouette optimum is degenerate: it lies at the end of the range, k = {top}")
    values = [one.silhouette for one in evidence.measures if one.silhouette is not None]
    if len(values) > 1 and sorted(values)[-1] - sorted(values)[-2] < 1e-9:
        found.append("two k have the same silhouette")
    slivers = [one.k for one in evidence.measures if one.smallest_share < plan.smallest_share]
    if slivers:
        found.append(f"a segment below {plan.smallest_share:.1%} of customers at k = {_list(slivers)}")
    return found


def compare(k: int, curve: Curve, evidence: Evidence) -> list[str]:
    """What each measure would have chosen."""
    measures = evidence.measures
    others: dict[str, int | None] = {
        "borders": settle(evidence.natural),
        "elbow on the linear scale": linear_elbow(curve.points),
        "elbow on the log scale": choose_elbow(curve.points)[0],
        "silhouette": best_by(measures, "silhouette"),
        "Calinski-Harabasz": best_by(measures, "calinski_harabasz"),
        "Davies-Bouldin": best_by(measures, "davies_bouldin", smallest=True),
        "gap": choose_gap(measures),
        "gap, principal components": choose_gap(measures, pca=True),
    }
    agree = [name for name, other in others.items() if other == k]
    differ = [f"{name} {other}" for name, other in others.items() if other not in (None, k)]
    said = [f"k = {k} also by {', '.join(agree)}"] if agree else []
    return [*said, f"other k by {', '.join(differ)}"] if differ else said


def _list(ks: Sequence[int]) -> str:
    return ", ".join(map(str, ks))
