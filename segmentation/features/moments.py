"""Exact-order moments of columns, part by part: mean, variance and skewness that can be merged.

Pairwise update formulas of Chan, Golub, LeVeque (1983) and, for the third moment, Pebay (2008).
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """Of d columns over n rows: mean, and sums of squared and cubed deviations from it, each (d,)."""

    n: int
    mean: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation (divides by n), as scikit-learn's StandardScaler. (d,)."""
        return np.sqrt(self.m2 / self.n)

    @property
    def skewness(self) -> np.ndarray:
        """Population skewness m3 / n / std^3, as scipy.stats.skew; 0 for a constant column. (d,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            skewness = self.m3 / self.n / (self.m2 / self.n) ** 1.5
        # The mean of a constant column may be off in its last bit, so m2 does not tell.
        return np.where((self.high > self.low) & (self.m2 > 0), skewness, 0.0)


def measure(matrix: np.ndarray) -> Moments:
    """Moments of the rows of a matrix (d, n), n > 0, finite values.

    >>> measure(np.array([[1.0, 2.0, 3.0]])).m2
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


def merge(a: Moments, b: Moments) -> Moments:
    """Moments of two sets of rows taken together."""
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


def merge_all(parts: Iterable[Moments]) -> Moments:
    """Moments over all parts, merged in the order given; at least one."""
    return reduce(merge, parts)


def significant(value: float, digits: int = 12) -> float:
    """Round to significant digits: hides the last bits, in which machines differ.

    >>> significant(0.1 + 0.2)
    0.3
    """
    return float(f"{value:.{digits - 1}e}")
