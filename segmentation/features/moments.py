"""Moments of columns that can be merged part by part: mean, variance and skewness.

Pairwise update formulas of Chan, Golub, LeVeque (1983) and, for the third moment, Pebay (2008). Merged in the
order of the parts, so the last bits do not depend on threads. Reading parts is in feature_moments.py.

Columns of any size have moments: where squares and cubes would leave float64, they are those of the column
divided by a power of two, which is exact.
"""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import numpy as np

# Cubes reach 1e270, and float64 ends at 1.8e308: room for the sum over 2^29 customers.
_SAFE = (1e-90, 1e90)
_ZERO = -1100  # exponent of a column of zeros: below that of any number


class Moments(NamedTuple):
    """Of d columns over n rows, each (d,): mean, sums of squared and cubed deviations from it, extremes.

    mean, low and high are in the columns' units. m2 and m3 are those of the columns divided by 2^exponent.
    """

    n: int
    mean: np.ndarray
    m2: np.ndarray
    m3: np.ndarray
    low: np.ndarray
    high: np.ndarray
    exponent: np.ndarray

    @property
    def std(self) -> np.ndarray:
        """Population standard deviation (divides by n), like scikit-learn's StandardScaler. (d,)."""
        deviation: np.ndarray = np.ldexp(np.sqrt(self.m2 / self.n), self.exponent)
        return deviation

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
    low, high = matrix.min(axis=1), matrix.max(axis=1)
    exponent = choose_exponents(np.maximum(np.abs(low), np.abs(high)))
    if ((exponent != 0) & (exponent != _ZERO)).any():  # columns of usual size are not copied
        matrix = np.ldexp(matrix, -exponent[:, None])
    mean = matrix.mean(axis=1)
    m2, m3 = np.empty_like(mean), np.empty_like(mean)
    # Row by row, so that deviations stay in the processor's cache.
    for j, row in enumerate(matrix):
        deviation = row - mean[j]
        squared = deviation * deviation
        m2[j], m3[j] = squared.sum(), np.einsum("i,i->", squared, deviation)
    return Moments(matrix.shape[1], np.ldexp(mean, exponent), m2, m3, low, high, exponent)


def choose_exponents(largest: np.ndarray) -> np.ndarray:
    """Powers of two (d,) that bring columns to a safe size; 0 for a column that has one.

    >>> choose_exponents(np.array([892.0, 2.0**900]))
    array([  0, 901], dtype=int32)
    """
    is_safe = (_SAFE[0] <= largest) & (largest <= _SAFE[1])
    return np.where(is_safe, 0, np.where(largest > 0, np.frexp(largest)[1], _ZERO)).astype(np.int32)


def merge_moments(a: Moments, b: Moments) -> Moments:
    """Moments of two sets of rows together."""
    if (a.exponent != b.exponent).any():
        exponent = np.maximum(a.exponent, b.exponent)
        a, b = _to_exponent(a, exponent), _to_exponent(b, exponent)
    n, exponent = a.n + b.n, a.exponent
    mean_a = np.ldexp(a.mean, -exponent)
    delta = np.ldexp(b.mean, -exponent) - mean_a
    m2 = a.m2 + b.m2 + delta**2 * (a.n * b.n / n)
    m3 = (
        a.m3
        + b.m3
        + delta**3 * (a.n * b.n * (a.n - b.n) / n**2)
        + 3.0 * delta * (a.n * b.m2 - b.n * a.m2) / n
    )
    mean = np.ldexp(mean_a + delta * (b.n / n), exponent)
    return Moments(n, mean, m2, m3, np.minimum(a.low, b.low), np.maximum(a.high, b.high), exponent)


def _to_exponent(moments: Moments, exponent: np.ndarray) -> Moments:
    """The same moments in larger units. What underflows is negligible next to the other part's values."""
    shift = moments.exponent - exponent
    m2, m3 = np.ldexp(moments.m2, 2 * shift), np.ldexp(moments.m3, 3 * shift)
    return moments._replace(m2=m2, m3=m3, exponent=exponent)


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
