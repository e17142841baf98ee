"""Which figure represents a feature, its median or its mean, and how far a segment's is from everyone's.

Words, arrows and shades follow this one comparison, so they agree with the figure that is shown. The figures
themselves are computed over all customers in profile_table.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale
from schemas.words import Statistic, TypicalFigure
from segmentation.features.moments import compute_moments, round_significant
from segmentation.features.transforms import apply_transform, is_bent

SKEWED = 1.0  # skewness from which a mean is far from the usual customer, as for scaling
_LEAST_SPREAD = 0.2  # of shares: among 4 % of customers with a mark, half a percent more is no difference
_LEAST_SIDE = 0.1  # of customers below the median, and above it: else no segment can have less, or more
_DECILES = 2.5631  # standard deviations between the first and the last decile of a normal distribution


class Figures(NamedTuple):
    """A statistic of every feature: by segment (k, d), and of all customers (d,)."""

    segments: np.ndarray
    overall: np.ndarray


class Statistics(NamedTuple):
    """Means and medians, between which a feature's figure is chosen."""

    means: Figures
    medians: Figures


def choose_figures(
    columns: Sequence[ColumnScale], indicators: Sequence[bool], sample: np.ndarray, statistics: Statistics
) -> tuple[TypicalFigure, ...]:
    """The figure of each feature. sample: customers (d, n) in original units.

    The median of a skewed feature, else the mean. The mean too where the median says nothing: it hardly
    separates the segments although the means do, or it is the lowest value, as where most customers have 0.
    A segment of those who never bought would be near the average.
    """
    skewness = np.nan_to_num(compute_moments(sample).skewness)
    figures = []
    for j, (column, is_indicator) in enumerate(zip(columns, indicators, strict=True)):
        transformed = apply_transform(sample[j], column)
        deviation = float(compute_moments(transformed[np.newaxis]).std[0])
        if is_indicator:
            figures.append(_make_figure(column, "mean", max(deviation, _LEAST_SPREAD)))
            continue
        low, high = np.quantile(transformed, (0.1, 0.9))
        robust = float(high - low) / _DECILES or deviation
        is_skewed = is_bent(column) or abs(float(skewness[j])) > SKEWED
        gaps = [_measure_gap(figures_of, column, j) for figures_of in statistics]
        is_central = _is_central(sample[j], float(statistics.medians.overall[j]))
        takes_median = is_skewed and is_central and gaps[1] >= 0.5 * gaps[0]
        figures.append(
            _make_figure(column, "median", robust)
            if takes_median
            else _make_figure(column, "mean", deviation)
        )
    return tuple(figures)


def _is_central(values: np.ndarray, median: float) -> bool:
    """Are some customers (n,) below everyone's median, and some above it?"""
    return min(float(np.mean(values < median)), float(np.mean(values > median))) >= _LEAST_SIDE


def _make_figure(column: ColumnScale, statistic: Statistic, spread: float) -> TypicalFigure:
    return TypicalFigure(feature=column.feature, statistic=statistic, spread=round_significant(spread))


def _measure_gap(figures: Figures, column: ColumnScale, j: int) -> float:
    """The largest distance of a segment's figure from everyone's, transformed."""
    distances = apply_transform(figures.segments[:, j], column) - apply_transform(figures.overall[j], column)
    return float(np.abs(distances).max())


def select_figures(figures: Sequence[TypicalFigure], statistics: Statistics) -> Figures:
    """The chosen statistic of each feature."""
    is_median = np.array([figure.statistic == "median" for figure in figures])
    means, medians = statistics
    return Figures(
        np.where(is_median, medians.segments, means.segments),
        np.where(is_median, medians.overall, means.overall),
    )


class TypicalContrasts(NamedTuple):
    """The figures that stand for the features, and the contrasts of the segments' with everyone's (k, d)."""

    figures: tuple[TypicalFigure, ...]
    values: Figures
    contrasts: np.ndarray


def measure_typical(
    figures: Sequence[TypicalFigure], statistics: Statistics, columns: Sequence[ColumnScale]
) -> TypicalContrasts:
    """Tonight's figures under the model's choice of statistics."""
    values = select_figures(figures, statistics)
    return TypicalContrasts(tuple(figures), values, compute_contrasts(figures, values, columns))


def compute_contrasts(
    figures: Sequence[TypicalFigure], values: Figures, columns: Sequence[ColumnScale]
) -> np.ndarray:
    """How far each segment's figure is from everyone's, float64 (k, d): above 0 exactly if it is larger.

    contrast = (t(figure of the segment) - t(figure of all)) / spread, with t as in the scaling. 0 for a
    feature whose customers are equal.
    """
    contrasts = np.zeros(values.segments.shape)
    for j, (figure, column) in enumerate(zip(figures, columns, strict=True)):
        if figure.spread > 0:
            distances = apply_transform(values.segments[:, j], column) - apply_transform(
                values.overall[j], column
            )
            contrasts[:, j] = distances / figure.spread
    # Rounded, so that machines that differ in the last bits choose the same words.
    return np.round(np.nan_to_num(contrasts, posinf=1e9, neginf=-1e9), 9)
