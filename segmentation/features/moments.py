"""Moments of columns that can be merged part by part: mean, variance and skewness.

Pairwise update formulas of Chan, Golub, LeVeque (1983) and, for the third moment, Pebay (2008). Merged in the
order of the parts, so the last bits do not depend on threads. Reading parts is in feature_moments.py.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of d columns over n rows, each (d,): mean, sums of squared and cubed deviations from it, extremes."""

    n: int
    mean: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation (divides by n), like scikit-learn's StandardScaler. (d,)."""
        return np.sqrt(self.m2 / self.n)

    @property
    def skewness(self) -> np.ndarray:
        """Population skewness m3 / n / std^3, like scipy.stats.skew; 0 for a constant column. (d,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            skewness = self.m3 / self.n / (self.m2 / self.n) ** 1.5
        # The mean of a constant column may be off in its last bit, so m2 alone does not show it.
        return np.where((self.high > self.low) & (self.m2 > 0), skewness, 0.0)


def compute_moments(matrix: np.ndarray) -> Moments:
    """Moments of the rows of a matrix (d, n), n > 0, finite values.

    >>> compute_moments(np.array([[1.0, 2.0, 3.0]])).m2
    array([2.])
    """
    mean = matrix.mean(axis=1)
    deviation = matrix - mean[:, None]
    squared = deviation * deviation
    return Moments(
        matrix.shape[1],
        mean,
        squared.sum(axis=1),
        np.einsum("ij,ij->i", squared, deviation),
        matrix.min(axis=1),
        matrix.max(axis=1),
    )


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Moments of two sets of rows together."""
    n = a.n + b.n
    delta = b.mean - a.mean
    m2 = a.m2 + b.m2 + delta**2 * (a.n * b.n / n)
    m3 = (
        a.m3
        + b.m3
        + delta**3 * (a.n * b.n * (a.n - b.n) / n**2)
        + 3.0 * delta * (a.n * b.m2 - b.n * a.m2) / n
    )
    mean = a.mean + delta * (b.n / n)
    return Moments(n, mean, m2, m3, np.minimum(a.low, b.low), np.maximum(a.high, b.high))


def merge_all_moments(parts: Iterable[Moments]) -> Moments:
    """Moments over all parts, merged in their order; at least one."""
    return reduce(merge_moments, parts)


def round_significant(value: float, digits: int = 12) -> float:
    """Round to significant digits. This hides the last bits, in which machines differ.

    >>> round_significant(0.1 + 0.2)
    0.3
    """
    # By formatting, because round() counts decimals and not significant digits.
    return float(f"{value:.{digits - 1}e}")


def round_finite(value: float) -> float | None:
    """Round to significant digits; None for NaN and infinities.

    >>> round_finite(float("nan")) is None
    True
    """
    return round_significant(value) if np.isfinite(value) else None
