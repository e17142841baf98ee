"""Silhouette of weighted rows: how much nearer each row is to its own segment than to the next one.

Rousseeuw (1987). Rows that occur w times count as w rows, so distinct rows with their counts give
the exact value of the whole table. Other measures of a division are segmentation/k/indices.py's.
"""

from collections.abc import Sequence

import numpy as np

_BLOCK = 512


def silhouettes(rows: np.ndarray, weights: np.ndarray, divisions: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Silhouette values (n,) of each row, for each division of rows (n, d) with weights (n,).

    A division is labels (n,) 0..k-1. s = (b - a) / max(a, b): a is the mean distance to the other
    rows of the own segment, b the smallest mean distance to another segment; 0 where a segment is
    one row, or where there is one segment only. Distances are computed once for all divisions.
    """
    members = [np.eye(int(labels.max()) + 1)[labels] * weights[:, None] for labels in divisions]
    found = [np.zeros(len(rows)) for _ in divisions]
    squares = np.einsum("ij,ij->i", rows, rows)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = squares[block, None] - 2.0 * (rows[block] @ rows.T) + squares
        np.sqrt(np.maximum(distances, 0.0, out=distances), out=distances)
        own = np.arange(len(distances))
        distances[own, start + own] = 0.0  # off the grid, cancellation would leave some
        for values, labels, member in zip(found, divisions, members, strict=True):
            values[block] = _silhouette_block(distances @ member, member.sum(axis=0), labels[block])
    return found


def _silhouette_block(sums: np.ndarray, sizes: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Values of some rows from their summed distances (m, k) to each segment and its size (k,)."""
    at = np.arange(len(own))
    others = sizes[own] - 1.0
    within = sums[at, own] / np.maximum(others, 1.0)
    means = np.divide(sums, sizes, out=np.full_like(sums, np.inf), where=sizes > 0)
    means[at, own] = np.inf
    nearest = means.min(axis=1)
    larger = np.maximum(within, nearest)
    comparable = (others > 0) & np.isfinite(nearest) & (larger > 0)
    values: np.ndarray = np.divide(nearest - within, larger, out=np.zeros(len(own)), where=comparable)
    return values


def mean_by_segment(values: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Average silhouette of each segment (k,); NaN for a label without rows."""
    sizes = np.bincount(labels, weights)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = np.bincount(labels, weights * values) / sizes
    return means
