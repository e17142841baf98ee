"""Customers drawn for the report: at most 5,000, each segment in proportion, without their ids.

Segments with fewer than MIN_SHOWN customers are not drawn, so that nobody can be recognised. The points are
shown by segmentation/report/sections/scatter.py and spreads.py.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale
from segmentation.features.grid import snap
from segmentation.features.sampling import DrawablePart, draw_keys, list_drawable
from segmentation.features.transforms import to_scaled
from segmentation.partitions import map_parts
from segmentation.report.labelled_parts import LabelledPart, read_labelled_part

# Quantiles of 250 customers are enough for a box 20 pixels wide: 19 times out of 20, a quartile is within 5 %
# of the customers of the true one.
MAX_POINTS = 5_000
MIN_POINTS = 250  # drawn from each segment, if it has that many customers
MIN_SHOWN = 10  # customers; smaller groups are not shown
_LOADING_STEP = 1e-6  # loadings are rounded to it, because their last bits differ between machines


class Points(NamedTuple):
    """Drawn customers, ordered by segment. matrix: features in original units (d, n). labels: (n,)."""

    features: tuple[str, ...]
    matrix: np.ndarray
    labels: np.ndarray

    def in_segment(self, segment: int) -> np.ndarray:
        """The points of one segment (d, m)."""
        points: np.ndarray = self.matrix[:, self.labels == segment]
        return points


class Projection(NamedTuple):
    """Points in the plane in which customers differ most.

    coordinates: (2, n). loadings: (2, d'). shares: of the variance (2,).
    """

    coordinates: np.ndarray
    loadings: np.ndarray
    shares: np.ndarray


class _KeyedPart(NamedTuple):
    """A labelled part, with what its draw keys are computed from."""

    labelled: LabelledPart
    drawable: DrawablePart


class _KeyedPoints(NamedTuple):
    """The points of one part, with their draw keys (n,)."""

    matrix: np.ndarray
    labels: np.ndarray
    keys: np.ndarray


def allocate_points(sizes: Sequence[int], maximum: int = MAX_POINTS) -> np.ndarray:
    """How many customers of each segment to draw: all of them if they fit, else MIN_POINTS and a share.

    >>> allocate_points([100, 20]).tolist(), allocate_points([90_000, 10_000, 9]).tolist()
    ([100, 20], [4309, 690, 0])
    """
    eligible = np.array([size if size >= MIN_SHOWN else 0 for size in sizes], np.int64)
    if eligible.sum() <= maximum:
        return eligible
    minimum = np.minimum(eligible, min(MIN_POINTS, maximum // int(np.count_nonzero(eligible))))
    points_left, customers_left = maximum - int(minimum.sum()), eligible - minimum
    # Integers, so that rounding never draws more than the maximum.
    counts: np.ndarray = minimum + customers_left * points_left // np.maximum(1, customers_left.sum())
    return counts


def draw_stratified_points(
    parts: Sequence[LabelledPart], features: Sequence[str], sizes: Sequence[int], seed: int
) -> Points:
    """The customers of each segment with the smallest keys; the seed decides the keys."""
    counts = allocate_points(sizes)
    # Wide enough that only one draw in ten thousand has too few points in a segment; it then shows fewer.
    reach = (counts + 4.0 * np.sqrt(counts) + 4.0) / np.maximum(1, np.array(sizes))
    drawable = list_drawable([part.customers for part in parts], ())
    keyed_parts = list(map(_KeyedPart, parts, drawable))
    draw = partial(_draw_part, features=tuple(features), reach=np.where(counts > 0, reach, 0.0), seed=seed)
    points_by_part = list(map_parts(draw, keyed_parts))
    matrix = np.concatenate([points.matrix for points in points_by_part], axis=-1)
    labels = np.concatenate([points.labels for points in points_by_part])
    order = np.lexsort((np.concatenate([points.keys for points in points_by_part]), labels))
    available = np.bincount(labels, minlength=len(counts))
    ends = available.cumsum()
    starts = ends - available
    stops = np.minimum(ends, starts + counts)
    selection = np.concatenate([order[start:stop] for start, stop in zip(starts, stops, strict=True)])
    return Points(tuple(features), matrix[:, selection], labels[selection])


def _draw_part(part: _KeyedPart, features: tuple[str, ...], reach: np.ndarray, seed: int) -> _KeyedPoints:
    keys = draw_keys(part.drawable, seed)
    matrix, labels = read_labelled_part(part.labelled, features)
    positions = np.flatnonzero(keys < reach[labels])
    return _KeyedPoints(matrix[:, positions], labels[positions].astype(np.int64), keys[positions])


def project_points(
    points: Points, columns: Sequence[ColumnScale], evenly_drawn: np.ndarray
) -> Projection | None:
    """The points in the plane of two principal components.

    evenly_drawn: scaled customers (n, d') that determine the components, all drawn with the same
    probability. None if they have fewer than two dimensions or do not differ.
    """
    if len(evenly_drawn) < 2 or evenly_drawn.shape[1] < 2:
        return None
    centre = evenly_drawn.mean(axis=0)
    # eigh, because a covariance is symmetric: real values, in ascending order.
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov((evenly_drawn - centre).T)))
    if values[-1] <= 0:
        return None
    loadings = vectors[:, ::-1][:, :2].T
    # An eigenvector's sign is arbitrary, so its largest loading is made positive.
    largest = np.abs(loadings).argmax(axis=1)
    signs = np.sign(loadings[np.arange(2), largest])
    loadings = snap(loadings * signs[:, None], _LOADING_STEP)
    scaled = to_scaled(points.matrix, columns) - snap(centre, _LOADING_STEP)[:, None]
    coordinates = np.zeros((2, scaled.shape[1]))
    # Summed in this order and not by a matrix product, whose order depends on the machine's library.
    for row, feature_loadings in zip(scaled, loadings.T, strict=True):
        coordinates += feature_loadings[:, None] * row
    return Projection(coordinates, loadings, np.maximum(values[::-1][:2], 0) / np.maximum(values, 0).sum())
