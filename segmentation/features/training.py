"""What a model was trained on, in bins, and how far tonight's customers have drifted from it.

Whether drift calls for a refit is decided in segmentation/identity/refitting.py.
"""

from collections.abc import Sequence

import numpy as np

from schemas.numbers import Bins

BINS = 10
LEAST = 1e-4  # a share of 0 would make the index infinite


def compute_bins(features: Sequence[str], sample: np.ndarray) -> tuple[Bins, ...]:
    """Deciles of each scaled feature (d, n), fewer where values are equal, and the shares between them.

    Where nine in ten have the smallest value, the larger values are one bin. A constant feature has no edge.
    """
    bins = []
    for name, values in zip(features, sample, strict=True):
        inner = np.quantile(values, np.arange(1, BINS) / BINS, method="lower")
        above = values[values > values.min()]
        edges = np.unique(inner[inner > values.min()]) if inner[-1] > values.min() else np.sort(above)[:1]
        shares = count_bins(values, edges) / len(values)
        bins.append(Bins(feature=name, edges=tuple(edges.tolist()), shares=tuple(shares.tolist())))
    return tuple(bins)


def count_bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Values (n,) between ascending edges (m,), int64 (m + 1,). A value on an edge is in the bin above.

    >>> count_bins(np.array([0.0, 1.0, 1.5]), np.array([1.0]))
    array([1, 2])
    """
    # For a few edges, comparing all values with each is 16 times as fast as a binary search for each value.
    below = [np.count_nonzero(values < edge) for edge in edges]
    return np.diff([0, *below, len(values)])


def population_stability_index(expected: np.ndarray, observed: np.ndarray) -> float:
    """The population stability index of two distributions over the same bins, shares (m,) each.

    sum (p - q) ln(p / q): the symmetrised Kullback-Leibler divergence (Jeffreys). By convention below 0.1
    means no change and above 0.25 a major one (Siddiqi 2006). Shares below LEAST count as LEAST.

    >>> round(population_stability_index(np.array([0.5, 0.5]), np.array([0.6, 0.4])), 4)
    0.0405
    """
    p, q = np.maximum(expected, LEAST), np.maximum(observed, LEAST)
    return float(((p - q) * np.log(p / q)).sum())
