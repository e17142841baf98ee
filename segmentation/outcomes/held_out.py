"""What groups say about customers that they have not seen: cross-fitted R squared and AUC.

Each customer is predicted by the mean of its group over the customers of the other folds. Groups that say
nothing therefore score 0 or slightly less, however many they are; with the customers' own means, many small
groups would always seem to say something. Which groups there are is in groupings.py.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from schemas.validation import GroupingSkill, Interval
from segmentation.outcomes.groupings import Grouping

FOLDS = 10
RESAMPLES = 500
MOST_RESAMPLED = 50_000  # customers that tests and intervals by resampling look at
PERMUTATIONS = 999
SIGNIFICANT = 0.01  # of shuffled outcomes, at most this share is said to depend on the segments


class Prediction(NamedTuple):
    """For each customer (n,): the mean of the group and of everyone, both without the customer's fold."""

    group: np.ndarray
    everyone: np.ndarray


def assign_folds(keys: np.ndarray) -> np.ndarray:
    """The fold of each customer, int64 (n,), from keys in [0, 1). By low bits: random groups use the high."""
    return (keys * 2.0**53).astype(np.int64) % FOLDS


def predict_held_out(values: np.ndarray, grouping: Grouping, folds: np.ndarray) -> Prediction:
    """Predict values (n,). A group without other folds gets the mean of everyone in them."""
    cells = grouping.labels * FOLDS + folds
    shape = (grouping.groups, FOLDS)
    length = grouping.groups * FOLDS
    counts = np.bincount(cells, minlength=length).reshape(shape)
    sums = np.bincount(cells, values, minlength=length).reshape(shape)
    # What a fold does not see is the total without it.
    counts_left, sums_left = counts.sum(1, keepdims=True) - counts, sums.sum(1, keepdims=True) - sums
    everyone = sums_left.sum(0) / np.maximum(counts_left.sum(0), 1)
    means = np.where(counts_left > 0, sums_left / np.maximum(counts_left, 1), everyone)
    return Prediction(means[grouping.labels, folds], everyone[folds])


def compute_r2(values: np.ndarray, prediction: Prediction) -> float | None:
    """1 - squared errors of the groups / squared errors of the common mean; None if nothing varies."""
    errors, total = (float(np.square(values - means).sum()) for means in prediction)
    return None if total <= 1e-300 else 1 - errors / total


def compute_auc(values: np.ndarray, prediction: Prediction, folds: np.ndarray) -> float | None:
    """The mean over folds of the share of pairs of a 1 and a 0 that are in the right order; ties count half.

    Within folds, since the held-out means of different folds are shifted against each other. None if no fold
    has both. Mann and Whitney 1947; Hanley and McNeil 1982.
    """
    total, pairs = 0.0, 0
    for fold in range(FOLDS):
        is_inside = folds == fold
        is_positive = values[is_inside] > 0
        positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
        ranks = rankdata(prediction.group[is_inside])
        total += float(ranks[is_positive].sum()) - positives * (positives + 1) / 2
        pairs += positives * negatives
    return total / pairs if pairs else None


def estimate_r2_error(values: np.ndarray, prediction: Prediction) -> float | None:
    """The standard error of R squared over customers: that of the linearised ratio of two sums.

    Särndal, Swensson, Wretman 1992, as for lifts. None if nothing varies.
    """
    errors, total = (np.square(values - means) for means in prediction)
    if float(total.sum()) <= 1e-300:
        return None
    residuals = errors - errors.sum() / total.sum() * total
    return float(np.sqrt(np.square(residuals).sum()) / total.sum())


def estimate_auc_error(values: np.ndarray, prediction: Prediction, folds: np.ndarray) -> float | None:
    """The standard error of the AUC: its spread over the folds, as cross-validation has it.

    Breiman, Friedman, Olshen, Stone 1984, section 3.4.3. None if fewer than two folds have both outcomes.
    """
    areas = []
    for fold in range(FOLDS):
        is_inside = folds == fold
        inside = Prediction(*(means[is_inside] for means in prediction))
        areas.append(compute_auc(values[is_inside], inside, folds[is_inside]))
    computed = [area for area in areas if area is not None]
    return float(np.std(computed, ddof=1) / np.sqrt(len(computed))) if len(computed) > 1 else None


def bootstrap_r2(values: np.ndarray, prediction: Prediction, seed: int) -> Interval | None:
    """The percentile interval of R squared over customers drawn again (Efron and Tibshirani 1993).

    Customers come in random order, so of many the first will do.
    """
    rng = np.random.default_rng(seed)
    n = min(len(values), MOST_RESAMPLED)
    errors = [np.square(values - means)[:n] for means in prediction]
    ratios = []
    for _ in range(RESAMPLES):
        # How often each customer is drawn: Poisson counts are drawn much faster than multinomial ones.
        weights = rng.poisson(1.0, n)
        total = float(weights @ errors[1])
        if total > 0:
            ratios.append(1 - float(weights @ errors[0]) / total)
    if len(ratios) < RESAMPLES // 2:
        return None
    # The spread is that of n customers; it shrinks with the square root of how many there are.
    centre = compute_r2(values, prediction) or 0.0
    shrinkage = np.sqrt(n / len(values))
    low, high = np.quantile(ratios, [0.025, 0.975]) - np.median(ratios)
    return Interval(low=centre + low * shrinkage, high=centre + high * shrinkage)


def compute_p_value(values: np.ndarray, grouping: Grouping, seed: int) -> float:
    """How likely groups of these sizes, drawn at random, differ as much: a permutation test on ranks.

    The statistic is that of Kruskal and Wallis (1952). Ranks, since one customer's revenue may be more than
    that of a thousand others. p = (1 + as large) / (1 + permutations), after Phipson and Smyth 2010.
    """
    rng = np.random.default_rng(seed)
    n = min(len(values), MOST_RESAMPLED)
    ranks, labels = rankdata(values[:n]), grouping.labels[:n]
    ranks -= ranks.mean()
    sizes = np.maximum(np.bincount(labels, minlength=grouping.groups), 1)

    def compute_statistic(order: np.ndarray) -> float:
        return float((np.bincount(labels, order, minlength=grouping.groups) ** 2 / sizes).sum())

    actual = compute_statistic(ranks)
    # A hair less, so that equal sums in another order count as equal.
    limit = actual * (1 - 1e-9)
    larger = sum(compute_statistic(rng.permutation(ranks)) >= limit for _ in range(PERMUTATIONS))
    return (1 + larger) / (1 + PERMUTATIONS)


def measure_skill(
    values: np.ndarray, grouping: Grouping, folds: np.ndarray, *, is_rate: bool, seed: int
) -> GroupingSkill:
    """How well the groups predict values (n,)."""
    prediction = predict_held_out(values, grouping, folds)
    r2, is_division = compute_r2(values, prediction), grouping.kind == "division"
    skill = GroupingSkill(
        kind=grouping.kind,
        label=grouping.label,
        groups=grouping.groups,
        r2=r2,
        # Many divisions are judged, and a bootstrap of each would take longer than everything else.
        r2_interval=None if r2 is None or is_division else bootstrap_r2(values, prediction, seed),
        auc=compute_auc(values, prediction, folds) if is_rate else None,
    )
    if not is_division and grouping.kind != "segments":
        return skill
    error = (
        estimate_auc_error(values, prediction, folds) if is_rate else estimate_r2_error(values, prediction)
    )
    return skill.model_copy(update={"error": error})
