"""The gap statistic: how much smaller log inertia is than on data of the same extent without segments.

Tibshirani, Walther, Hastie (2001).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Gap(NamedTuple):
    """For each k: the gap, and its standard error s = sd * sqrt(1 + 1/B). Both (m,)."""

    gap: np.ndarray
    error: np.ndarray


def draw_reference(rows: np.ndarray, rng: np.random.Generator, turned: bool) -> np.ndarray:
    """Uniform rows (n, d) over the box of `rows`; `turned`: over the box of their principal components."""
    if not turned:
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


def first_within_error(found: Gap) -> int:
    """Position of the smallest k whose gap is at least the next one's less its error (their rule).

    The last position where there is none. NaN, where inertia is 0, is never reached.

    >>> first_within_error(Gap(np.array([0.1, 0.5, 0.52]), np.array([0.0, 0.01, 0.05])))
    1
    """
    gap, error = found
    for i in range(len(gap) - 1):
        if not gap[i] < gap[i + 1] - error[i + 1]:
            return i
    return len(gap) - 1


def largest(found: Gap) -> int:
    """Position of the largest gap, the first of equals."""
    return int(np.nanargmax(found.gap))


def log_inertias(rows: np.ndarray, ks: "list[int]", fit: Callable[[np.ndarray, int], float]) -> np.ndarray:
    """Natural log of the inertia that `fit(rows, k)` reaches, for each k (m,); -inf where it is 0."""
    with np.errstate(divide="ignore"):
        return np.log([fit(rows, k) for k in ks])
