"""Silhouette of weighted rows: how much nearer each row is to its own segment than to the next one.

Rousseeuw (1987). A row of weight w counts as w rows, so distinct rows with their counts give the exact
value of the whole table. scikit-learn has no weights: docs/decisions/0022-validity-indices.md. Other
indices of a division are in segmentation/k/indices.py.
"""

from collections.abc import Sequence

import numpy as np

from segmentation.k.evaluation_sample import EvaluationSample, label_nearest
from segmentation.k.fits import WeightedRows

ROWS = 3_000  # 10,000 rows would take 9 to 11 s
_BLOCK = 512  # its distances to ROWS rows take 12 MB


def compute_silhouettes(sample: WeightedRows, divisions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Silhouette values (n,) of each row, for each division of rows (n, d).

    A division is labels (n,) 0..k-1. s = (b - a) / max(a, b), where a is the mean distance to the other
    rows of the row's segment and b the smallest mean distance to another segment; 0 where a segment is
    one row, where all distances are 0, or where there is one segment only. Distances are computed once
    for all divisions.
    """
    rows, weights = sample
    # One matrix product with these gives the summed distances to all segments of all divisions.
    members = [np.eye(int(labels.max()) + 1)[labels] * weights[:, None] for labels in divisions]
    columns = np.concatenate(members, axis=1)
    ends = np.cumsum([member.shape[1] for member in members])[:-1]
    silhouettes = [np.zeros(len(rows)) for _ in divisions]
    squares = np.einsum("ij,ij->i", rows, rows)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = squares[block, None] - 2.0 * (rows[block] @ rows.T) + squares
        np.sqrt(np.maximum(distances, 0.0, out=distances), out=distances)
        diagonal = np.arange(len(distances))
        distances[diagonal, start + diagonal] = 0.0  # off the grid, cancellation would leave some
        sums = np.split(distances @ columns, ends, axis=1)
        for values, labels, member, summed in zip(silhouettes, divisions, members, sums, strict=True):
            values[block] = _block_silhouettes(summed, member.sum(axis=0), labels[block])
    return silhouettes


def _block_silhouettes(sums: np.ndarray, sizes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Values of m rows from their summed distances (m, k) to each segment and its size (k,)."""
    row = np.arange(len(labels))
    # The row itself does not count, but its copies do, at distance 0: silhouettes of the
    # whole table see them.
    neighbours = sizes[labels] - 1.0
    within = sums[row, labels] / np.maximum(neighbours, 1.0)
    means = np.divide(sums, sizes, out=np.full_like(sums, np.inf), where=sizes > 0)
    means[row, labels] = np.inf
    between = means.min(axis=1)
    larger = np.maximum(within, between)
    comparable = (neighbours > 0) & np.isfinite(between) & (larger > 0)
    values: np.ndarray = np.divide(between - within, larger, out=np.zeros(len(labels)), where=comparable)
    return values


def mean_by_segment(values: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average silhouette of each segment (k,); NaN for a label without rows."""
    sizes = np.bincount(labels, weights)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.bincount(labels, weights * values) / sizes
    return means


def choose_silhouette_rows(sample: EvaluationSample, finest: np.ndarray) -> WeightedRows:
    """The rows to measure: all distinct rows with their counts where these are few, else at most ROWS rows.

    The latter are drawn from the segments of the finest centres (k, d) in proportion to their sizes.
    """
    candidates = sample.exact or WeightedRows(sample.rows, np.ones(len(sample.rows)))
    if len(candidates.rows) <= ROWS:
        return candidates
    # Even steps through the rows in segment order draw from each in proportion. A stable sort makes the draw
    # the same with every version of numpy.
    order = np.argsort(label_nearest(candidates.rows, finest), kind="stable")
    rows = candidates.rows[order[np.linspace(0, len(order) - 1, ROWS).astype(int)]]
    return WeightedRows(rows, np.ones(len(rows)))
