"""The k that each measure would choose on its own. Choosing one of them is in segmentation/k/rules.py.

An index with a preferred end (see SweepColumn) needs no function here: `best_k_by` takes it by name.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.evidence import SWEEP_COLUMNS, Curve, CurvePoint, Evidence, Measures
from segmentation.k.borders import plateau
from segmentation.k.gap import Gap, first_within_error


class Vote(NamedTuple):
    """A k, and the reason in words."""

    k: int
    reason: str


def knee_position(k: np.ndarray, values: np.ndarray) -> int:
    """Position of the knee of a falling curve: the point farthest below the chord of its ends.

    k and values (m,), ascending k. Both axes are scaled to 0..1, as in Satopaa, Albrecht, Irwin, Raghavan
    (2011, "Kneedle"), without smoothing. The first of equals; 0 with fewer than 3 points or a flat curve.

    >>> knee_position(np.array([1, 2, 3, 4]), np.array([10.0, 2.0, 1.0, 0.5]))
    1
    """
    if len(values) < 3 or values[0] <= values[-1]:
        return 0
    x = (k - k[0]) / (k[-1] - k[0])
    y = (values - values[-1]) / (values[0] - values[-1])
    below = (1.0 - x) - y
    # A plain argmax would let rounding choose between equally distant points.
    return int(np.argmax(below > below.max() - 1e-12))


def log_inertia(inertia: np.ndarray) -> np.ndarray:
    """Natural logarithm of inertia (m,); NaN where inertia is 0, as when k reaches the distinct rows."""
    with np.errstate(divide="ignore"):
        return np.where(inertia > 0, np.log(inertia), np.nan)


def choose_elbow(points: Sequence[CurvePoint]) -> Vote:
    """The knee of the logarithm of inertia.

    On the linear scale the first drop hides all later ones. On the log scale a drop counts by its ratio.
    """
    k = np.array([point.k for point in points])
    logs = log_inertia(np.array([point.inertia for point in points]))
    usable = np.isfinite(logs)
    if not usable.any():
        return Vote(int(k[0]), f"every k from {k[0]} on explains all of the variance")
    knee = int(k[usable][knee_position(k[usable], logs[usable])])
    return Vote(knee, f"knee of the log of inertia over k = {k[usable][0]}..{k[usable][-1]}")


def choose_linear_elbow(points: Sequence[CurvePoint]) -> int:
    """The knee of inertia itself."""
    k = np.array([point.k for point in points])
    return int(k[knee_position(k, np.array([point.inertia for point in points]))])


def best_k_by(measures: Sequence[Measures], name: str) -> int | None:
    """The k with a measure's best value, the first of equals; None if the measure has no value."""
    sign = -1.0 if SWEEP_COLUMNS[name].prefers == "smallest" else 1.0
    values = {point.k: getattr(point, name) for point in measures}
    # Of equal values the smallest k.
    scores = {k: (sign * value, -k) for k, value in values.items() if value is not None}
    return max(scores, key=lambda k: scores[k]) if scores else None


def choose_gap(measures: Sequence[Measures], by_components: bool = False) -> int | None:
    """Tibshirani's rule on the gap of either reference; None without gaps."""
    name = "gap_pca" if by_components else "gap"
    usable = [point for point in measures if getattr(point, name) is not None]
    if not usable:
        return None
    gaps = np.array([[getattr(point, name), getattr(point, f"{name}_error")] for point in usable]).T
    return usable[first_within_error(Gap(*gaps))].k


def list_votes(curve: Curve, evidence: Evidence) -> dict[str, int | None]:
    """The k of each measure, by its name in a sentence; None where a measure has no value."""
    measures = evidence.measures
    return {
        "borders": plateau(evidence.natural),
        "linear elbow": choose_linear_elbow(curve.points),
        "log elbow": choose_elbow(curve.points).k,
        **{
            column.label: best_k_by(measures, name)
            for name, column in SWEEP_COLUMNS.items()
            if column.prefers is not None
        },
        "gap": choose_gap(measures),
        "largest gap": best_k_by(measures, "gap"),
        "PCA gap": choose_gap(measures, by_components=True),
        "largest PCA gap": best_k_by(measures, "gap_pca"),
    }
