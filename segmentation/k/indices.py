"""Calinski-Harabasz and Davies-Bouldin of weighted rows, from the segments' means alone.

Silhouette, which needs the distances between rows, is segmentation/k/silhouettes.py's.
"""

import numpy as np


def scatter(
    rows: np.ndarray, weights: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each segment: mean (k, d), weight (k,), squared distances of its rows to the mean, summed (k,)."""
    sizes = np.bincount(labels, weights)
    means = np.stack([np.bincount(labels, weights * column) for column in rows.T], axis=1) / sizes[:, None]
    squares = np.square(rows - means[labels]).sum(axis=1)
    return means, sizes, np.bincount(labels, weights * squares)


def calinski_harabasz(rows: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> float:
    """Between-segment over within-segment variance, per degree of freedom (Calinski, Harabasz 1974).

    Rows (n, d) with weights (n,), labels (n,) 0..k-1, every label in use. NaN for one segment, or
    as many as rows; 1.0 where nothing varies within segments, as scikit-learn has it.
    """
    means, sizes, within = scatter(rows, weights, labels)
    k, n = len(sizes), weights.sum()
    if k < 2 or n <= k:
        return float("nan")
    centre = weights @ rows / n
    between = float(sizes @ np.square(means - centre).sum(axis=1))
    inner = float(within.sum())
    return 1.0 if inner == 0.0 else between * (n - k) / (inner * (k - 1))


def davies_bouldin(rows: np.ndarray, weights: np.ndarray, labels: np.ndarray) -> float:
    """Mean over segments of the worst ratio of two segments' widths to their distance (Davies, Bouldin 1979).

    A width is the mean distance of a segment's rows to their mean. Smaller is better. NaN for one
    segment; 0.0 where all widths, or all distances, are 0.
    """
    means, sizes, _ = scatter(rows, weights, labels)
    if len(sizes) < 2:
        return float("nan")
    distances = np.sqrt(np.square(rows - means[labels]).sum(axis=1))
    widths = np.bincount(labels, weights * distances) / sizes
    apart = np.sqrt(np.square(means[:, None] - means).sum(axis=2))
    if np.allclose(widths, 0) or np.allclose(apart, 0):
        return 0.0
    apart[apart == 0] = np.inf
    return float(((widths[:, None] + widths) / apart).max(axis=1).mean())
