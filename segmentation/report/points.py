"""Customers drawn for the page: at most 5,000, every segment with its share of them, none with an id.

A segment of fewer than FEWEST customers is not drawn at all. How points and spreads are shown is
segmentation/report/scatter.py's and segmentation/report/spreads.py's.
"""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from schemas.numbers import ColumnScale
from segmentation.features.grid import snap
from segmentation.features.sampling import Slice, draw_keys
from segmentation.features.transforms import to_scaled
from segmentation.partitions import over_parts
from segmentation.parts import read_part
from segmentation.report.profiles import Labelled, read_labelled

MOST_POINTS = 5_000
FLOOR = 250  # of each segment, as far as it has so many
FEWEST = 10  # customers below which a group is not shown
EXACT = 1e-6  # loadings are rounded to it: it hides the last bits, in which machines differ


class Points(NamedTuple):
    """Drawn customers, segment after segment. matrix: features in original units (d, n); labels: (n,)."""

    features: tuple[str, ...]
    matrix: np.ndarray
    labels: np.ndarray

    def of(self, segment: int) -> np.ndarray:
        """Those of one segment (d, m)."""
        own: np.ndarray = self.matrix[:, self.labels == segment]
        return own


class Projection(NamedTuple):
    """Points in the plane in which customers differ most. loadings: (2, d'); shares of variance: (2,)."""

    place: np.ndarray
    loadings: np.ndarray
    shares: np.ndarray


def share_out(sizes: Sequence[int], most: int = MOST_POINTS) -> np.ndarray:
    """How many customers of each segment are drawn: all if they are few, else FLOOR and their share.

    >>> share_out([100, 20]).tolist(), share_out([90_000, 10_000, 9]).tolist()
    ([100, 20], [4309, 690, 0])
    """
    shown = np.array([size if size >= FEWEST else 0 for size in sizes], np.int64)
    if shown.sum() <= most:
        return shown
    floor = np.minimum(shown, min(FLOOR, most // int(np.count_nonzero(shown))))
    left, rest = most - int(floor.sum()), shown - floor
    drawn: np.ndarray = floor + rest * left // np.maximum(1, rest.sum())
    return drawn


def draw_strata(
    pairs: Sequence[Labelled], features: Sequence[str], sizes: Sequence[int], seed: int
) -> Points:
    """The drawn customers: of each segment those with the smallest keys, which the seed decides."""
    wanted = share_out(sizes)
    # So wide that fewer than wanted are met in one of ten thousand draws only; then those are all.
    reach = (wanted + 4.0 * np.sqrt(wanted) + 4.0) / np.maximum(1, np.array(sizes))
    starts = np.cumsum([0, *(pair.customers.rows for pair in pairs)])
    slices = [
        (pair, Slice(pair.customers, None, int(start))) for pair, start in zip(pairs, starts, strict=False)
    ]
    draw = partial(_draw_part, features=tuple(features), reach=np.where(wanted > 0, reach, 0.0), seed=seed)
    matrix, labels, keys = (
        np.concatenate(one, axis=-1) for one in zip(*over_parts(draw, slices), strict=True)
    )
    order = np.lexsort((keys, labels))
    ends = np.bincount(labels, minlength=len(wanted)).cumsum()
    starts = ends - np.bincount(labels, minlength=len(wanted))
    kept = np.concatenate([order[a : min(b, a + n)] for a, b, n in zip(starts, ends, wanted, strict=True)])
    return Points(tuple(features), matrix[:, kept], labels[kept])


def _draw_part(
    piece: tuple[Labelled, Slice], features: tuple[str, ...], reach: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pair, own = piece
    keys = draw_keys(own, seed)
    labels = read_part(pair.labels, ["label"])["label"].to_numpy()
    drawn = np.flatnonzero(keys < reach[labels])
    matrix = np.empty((len(features), drawn.size))
    for row, name in zip(matrix, features, strict=True):
        row[:] = read_labelled(pair, [name])[0][0, drawn]
    return matrix, labels[drawn].astype(np.int64), keys[drawn]


def project(points: Points, columns: Sequence[ColumnScale], even: np.ndarray) -> Projection | None:
    """The points by the two principal components of evenly drawn scaled customers (n, d'); None in fewer
    than two dimensions, or where nothing differs."""
    if len(even) < 2 or even.shape[1] < 2:
        return None
    centre = even.mean(axis=0)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov((even - centre).T)))
    if values[-1] <= 0:
        return None
    loadings = vectors[:, ::-1][:, :2].T
    largest = np.abs(loadings).argmax(axis=1)  # its sign is +, whatever the machine's library says
    loadings = snap(loadings * np.sign(loadings[np.arange(2), largest])[:, None], EXACT)
    scaled = to_scaled(points.matrix, columns) - snap(centre, EXACT)[:, None]
    place = np.zeros((2, scaled.shape[1]))
    for row, own in zip(scaled, loadings.T, strict=True):  # in this order, which no library chooses
        place += own[:, None] * row
    return Projection(place, loadings, np.maximum(values[::-1][:2], 0) / np.maximum(values, 0).sum())
