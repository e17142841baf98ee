"""The gap statistic: how much smaller log inertia is than on data of the same extent without segments.

After Tibshirani, Walther, Hastie (2001). Choosing k by it is in segmentation/k/rules.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from config.clauses import FitOptions
from segmentation.k.evaluation_sample import EvaluationSample
from segmentation.k.fits import fit_kmeans
from segmentation.partitions import map_parts

ROWS = 1_000
REFERENCES = 10
_FIT = FitOptions(starts=1, max_iter=50)  # data and references are fitted alike, so a rough fit is enough


class Gap(NamedTuple):
    """For each k: the gap, and its standard error s = sd * sqrt(1 + 1/B). Both (m,)."""

    gap: np.ndarray
    error: np.ndarray


def draw_reference(rows: np.ndarray, rng: np.random.Generator, by_components: bool) -> np.ndarray:
    """Uniform rows (n, d) over the box of `rows`, or over the box of their principal components."""
    if not by_components:
        return rng.uniform(rows.min(axis=0), rows.max(axis=0), rows.shape)
    centre = rows.mean(axis=0)
    axes = np.linalg.svd(rows - centre, full_matrices=False)[2]
    scores = (rows - centre) @ axes.T
    reference: np.ndarray = rng.uniform(scores.min(axis=0), scores.max(axis=0), scores.shape) @ axes + centre
    return reference


def gap_statistic(logs: np.ndarray, references: np.ndarray) -> Gap:
    """The gap of log inertia (m,) of the data against log inertia (B, m) of B references."""
    error = references.std(axis=0) * np.sqrt(1.0 + 1.0 / len(references))
    return Gap(references.mean(axis=0) - logs, error)


def first_within_error(curve: Gap) -> int:
    """Position of the smallest k whose gap is at least the next one's less its error (their rule).

    The last position without such a k. NaN, where inertia is 0, counts as within.

    >>> first_within_error(Gap(np.array([0.1, 0.5, 0.52]), np.array([0.0, 0.01, 0.05])))
    1
    """
    gap, error = curve
    for i in range(len(gap) - 1):
        if not gap[i] < gap[i + 1] - error[i + 1]:
            return i
    return len(gap) - 1


def evaluate_gap(sample: EvaluationSample, ks: Sequence[int], by_components: bool) -> Gap:
    """The gap of each k below the number of distinct rows."""
    rows = sample.draw(ROWS, 13)
    # With a segment per distinct row inertia is 0, and its logarithm is not finite.
    ks = [k for k in ks if k < len(np.unique(rows, axis=0))]

    def fit_logs(reference: int) -> np.ndarray:
        """Log inertia by k: of the rows themselves (-1), or of a reference."""
        # Plus one, because numpy refuses negative seeds.
        rng = np.random.default_rng([sample.seed, 17, by_components, reference + 1])
        points = rows if reference < 0 else draw_reference(rows, rng, by_components)
        return np.log([fit_kmeans(points, k, _FIT, sample.seed).inertia for k in ks])

    logs = list(map_parts(fit_logs, range(-1, REFERENCES)))
    return gap_statistic(logs[0], np.array(logs[1:]))
