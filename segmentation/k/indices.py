"""Indices of a division, from its rows and labels alone. INDICES has them by the name of their measure.

Which of them are scikit-learn's, and why: docs/decisions/0022-validity-indices.md. Silhouette, which needs
the distances between rows, is in segmentation/k/silhouettes.py.
"""

from collections.abc import Callable

import numpy as np


def calinski_harabasz(rows: np.ndarray, labels: np.ndarray) -> float:
    """Between-segment over within-segment variance, per degree of freedom (Calinski, Harabasz 1974).

    rows (n, d), labels (n,) 0..k-1, every label in use. Larger is better. NaN for one segment, or as many
    as rows; 1.0 where nothing varies within segments. scikit-learn's.
    """
    from sklearn.metrics import calinski_harabasz_score

    if not 1 < labels.max() + 1 < len(rows):
        return float("nan")
    return float(calinski_harabasz_score(rows, labels))


def davies_bouldin(rows: np.ndarray, labels: np.ndarray) -> float:
    """Mean over segments of the worst ratio of two segments' widths to their distance (Davies, Bouldin 1979).

    rows (n, d), labels (n,) 0..k-1, every label in use. A width is the mean distance of a segment's rows
    to their mean. Smaller is better. NaN for one segment; 0.0 where all widths, or all distances, are 0.
    """
    sizes = np.bincount(labels)
    if len(sizes) < 2:
        return float("nan")
    means = np.stack([np.bincount(labels, column) for column in rows.T], axis=1) / sizes[:, None]
    # Differences first: scikit-learn expands the square, whose cancellation shows where rows are equal.
    distances = np.sqrt(np.square(rows - means[labels]).sum(axis=1))
    widths = np.bincount(labels, distances) / sizes
    between = np.sqrt(np.square(means[:, None] - means).sum(axis=2))
    if np.allclose(widths, 0) or np.allclose(between, 0):
        return 0.0
    between[between == 0] = np.inf
    return float(((widths[:, None] + widths) / between).max(axis=1).mean())


# A new index also needs a field in schemas/evidence.py, from which its column and its vote follow. To let its
# best value be a rule for k, add its name to the rules in config/clauses.py.
INDICES: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "calinski_harabasz": calinski_harabasz,
    "davies_bouldin": davies_bouldin,
}
