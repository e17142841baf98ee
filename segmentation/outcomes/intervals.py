"""95 % confidence intervals of a segment's rate or mean, and of its lift over all customers.

Which customers are in them is decided in judging.py, intervals of R squared are in held_out.py.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from schemas.validation import Interval

RESAMPLES = 2000
BOOTSTRAP_LIMIT = 2000
Z = 1.959963984540054  # the normal distribution's 97.5 % quantile


class SampleMoments(NamedTuple):
    """Values of n customers: their mean, and their variance with n - 1."""

    n: int
    mean: float
    variance: float


def estimate_rate(positives: int, n: int) -> Interval:
    """Wilson's (1927) score interval of a rate, which Brown, Cai and DasGupta (2001) recommend.

    >>> interval = estimate_rate(8, 10)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.4902, 0.9433)
    """
    rate, z2 = positives / n, Z * Z
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


def estimate_mean(values: np.ndarray, seed: int) -> Interval:
    """The interval of the mean of values (n,), n >= 2.

    Of few values a percentile bootstrap (Efron and Tibshirani 1993), which never leaves their range: amounts
    are skewed, and no mean of revenue is below 0. Of many Student's (1908) t interval, which then agrees.
    """
    if len(values) < BOOTSTRAP_LIMIT:
        draws = np.random.default_rng(seed).integers(0, len(values), (RESAMPLES, len(values)), np.int32)
        low, high = np.quantile(values[draws].mean(axis=1), [0.025, 0.975])
        return Interval(low=float(low), high=float(high))
    half = float(student.ppf(0.975, len(values) - 1)) * float(values.std(ddof=1)) / math.sqrt(len(values))
    mean = float(values.mean())
    return Interval(low=mean - half, high=mean + half)


def estimate_lift(values: np.ndarray, is_inside: np.ndarray) -> tuple[float, Interval | None] | None:
    """A segment's mean / the mean of all values (n,), and its interval. None where that mean is 0 or less.

    The segment is a part of all customers, so the two means move together: the variance is that of the
    linearised ratio of two sample means (Särndal, Swensson, Wretman 1992), and the interval is taken on the
    logarithm, since a lift cannot be negative. Without an interval if the lift is 0 or less.
    """
    mean, n = float(values.mean()), len(values)
    if mean <= 0:
        return None
    inside, share = float(values[is_inside].mean()), float(is_inside.mean())
    lift = inside / mean
    if lift <= 0:
        return lift, None
    residuals = (is_inside * (values - inside) / share - lift * (values - mean)) / mean
    half = Z * math.sqrt(float(np.square(residuals).mean()) / n) / lift
    return lift, Interval(low=lift * math.exp(-half), high=lift * math.exp(half))


def estimate_sample_mean(sample: SampleMoments) -> Interval:
    """Student's (1908) t interval of a mean."""
    half = float(student.ppf(0.975, sample.n - 1)) * math.sqrt(sample.variance / sample.n)
    return Interval(low=sample.mean - half, high=sample.mean + half)


def estimate_rate_difference(first: SampleMoments, second: SampleMoments) -> Interval:
    """The interval of the first rate less the second: Newcombe (1998), method 10, from Wilson's intervals.

    >>> interval = estimate_rate_difference(SampleMoments(70, 56 / 70, 0.0), SampleMoments(80, 48 / 80, 0.0))
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0524, 0.3339)
    """
    first_rate, second_rate = (
        estimate_rate(round(sample.mean * sample.n), sample.n) for sample in (first, second)
    )
    difference = first.mean - second.mean
    return Interval(
        low=difference - math.hypot(first.mean - first_rate.low, second_rate.high - second.mean),
        high=difference + math.hypot(first_rate.high - first.mean, second.mean - second_rate.low),
    )


def estimate_mean_difference(first: SampleMoments, second: SampleMoments) -> Interval:
    """The interval of the first mean less the second: Welch's (1947), since the two groups differ in size."""
    parts = [sample.variance / sample.n for sample in (first, second)]
    difference, variance = first.mean - second.mean, sum(parts)
    if variance <= 0:
        return Interval(low=difference, high=difference)
    freedom = variance**2 / (parts[0] ** 2 / (first.n - 1) + parts[1] ** 2 / (second.n - 1))
    half = float(student.ppf(0.975, freedom)) * math.sqrt(variance)
    return Interval(low=difference - half, high=difference + half)
