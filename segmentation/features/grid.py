"""Fixed-point grid of the scaled features, and the k-means arithmetic that is exact on it.

Scaled values and centres are multiples of one power of two, the quantum, with so few bits that every
product, squared distance and sum below is an exact float64. So labels, sums and inertia do not depend on the
order of rows, the number of threads, or the machine's BLAS: a backfill on another machine gives the night's
bytes. docs/decisions/0004-grid.md has the error bound; choosing the quantum is in grid_step.py.

Matrices are (d, n): one row per feature, one column per customer, as Arrow stores them.
"""

from math import ceil, frexp, log2
from typing import NamedTuple

import numpy as np

BLOCK = 8192  # columns: with 8 features, 512 KiB
_HALF = 2.0**26  # float64 holds 53 bits, so 2^26 halves add up exactly


def compute_quantum(largest: float, features: int) -> float:
    """The grid step for values up to `largest` in absolute value, in `features` dimensions.

    With b bits per value, |x - c|^2 <= 4 d 2^(2b) quanta^2 must stay below 2^53, and float32 files have
    24 bits. A power of two, so that scaling by it is exact; 1.0 if all values are 0.

    >>> compute_quantum(892.0, 3) == 2.0 ** (10 - 24)
    True
    """
    # frexp's exponent e is the least with largest < 2^e.
    return 2.0 ** (frexp(largest)[1] - _count_bits(features)) if largest > 0 else 1.0


def compute_reach(quantum: float, features: int) -> float:
    """The largest absolute value for which compute_quantum returns this quantum.

    >>> compute_quantum(compute_reach(0.25, 3), 3)
    0.25
    """
    return quantum * (2.0 ** _count_bits(features) - 1.0)


def _count_bits(features: int) -> int:
    return min(24, (51 - ceil(log2(max(features, 1)))) // 2)


def snap(values: np.ndarray, quantum: float) -> np.ndarray:
    """The nearest multiples of quantum, halves to even. Same shape, float64.

    >>> snap(np.array([0.3, -0.3, 1.0]), 0.25)
    array([ 0.25, -0.25,  1.  ])
    """
    # In place: memory for three results would take longer than the arithmetic.
    multiples: np.ndarray = np.asarray(values / quantum)
    np.rint(multiples, out=multiples)
    multiples *= quantum
    return multiples


def squared_distances(x: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances (k, n) of columns of x (d, n) to centres (k, d). Exact on the grid.

    |x|^2 - 2 c.x + |c|^2; no cancellation error, since every term is exact.
    """
    # In place after the product: a block's distances stay in the cache.
    distances: np.ndarray = centres @ x
    distances *= -2.0
    distances += np.einsum("ij,ij->i", centres, centres)[:, None]
    distances += np.einsum("ij,ij->j", x, x)
    return distances


def nearest_centres(distances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row index (n,) int32 of each column's smallest value, lowest index on a tie, and the value.

    distances (k, n). Faster than argmin over the short axis: k passes over contiguous rows.
    """
    best = distances[0].copy()
    labels = np.zeros(best.size, np.int32)
    for label in range(1, len(distances)):
        closer = distances[label] < best
        labels[closer] = label
        np.minimum(best, distances[label], out=best)
    return labels, best


def exact_sum(values: np.ndarray, unit: float) -> int:
    """Sum of at most 2^26 non-negative multiples of unit, each below 2^53 units: in units.

    Split into two halves whose float64 sums are exact, so that order never matters.

    >>> exact_sum(np.array([0.5, 0.25]), 0.25)
    3
    """
    whole = values / unit
    high = np.floor(whole / _HALF)
    whole -= high * _HALF
    return (int(high.sum()) << 26) + int(whole.sum())


def blocks(x: np.ndarray) -> list[np.ndarray]:
    """Views of at most BLOCK columns, so that distances to all centres fit into the cache."""
    return [x[:, start : start + BLOCK] for start in range(0, x.shape[1], BLOCK)]


class DivisionSums(NamedTuple):
    """Of one set of centres: inertia in quantum^2, and each centre's customers (k,) and their value (k,)."""

    inertia: int
    sizes: np.ndarray
    values: np.ndarray


def sum_divisions(
    x: np.ndarray, centres: list[np.ndarray], quantum: float, values: np.ndarray | None = None
) -> list[DivisionSums]:
    """Inertia, sizes and sums of values of x (d, n), for each set of centres (k, d).

    values (n,): of the customers, in any unit; without them the sums are 0. Inertia and sizes are exact.
    """
    stacked = np.concatenate(centres)
    starts = np.cumsum([0, *(len(division) for division in centres)])
    totals = [DivisionSums(0, np.zeros(len(c), np.int64), np.zeros(len(c))) for c in centres]
    weights = None if values is None else [values[i : i + BLOCK] for i in range(0, len(values), BLOCK)]
    for number, block in enumerate(blocks(x)):
        distances = squared_distances(block, stacked)
        for i, (total, start) in enumerate(zip(totals, starts, strict=False)):
            k = len(total.sizes)
            labels, best = nearest_centres(distances[start : start + k])
            sizes = total.sizes + np.bincount(labels, minlength=k)
            sums = total.values
            if weights is not None:
                sums = sums + np.bincount(labels, weights[number], minlength=k)
            totals[i] = DivisionSums(total.inertia + exact_sum(best, quantum * quantum), sizes, sums)
    return totals


class ClusterSums(NamedTuple):
    """Sums (k, d) and counts (k,) of each centre's members, and their inertia in quantum^2."""

    sums: np.ndarray
    counts: np.ndarray
    inertia: int


def cluster_sums(x: np.ndarray, centres: np.ndarray, quantum: float) -> ClusterSums:
    """One exact Lloyd pass over x (d, n)."""
    k = len(centres)
    # inertia is a Python int: a float64 would lose bits beyond 2^53.
    sums, counts, inertia = np.zeros(centres.shape), np.zeros(k, np.int64), 0
    for block in blocks(x):
        labels, best = nearest_centres(squared_distances(block, centres))
        # float64, because numpy multiplies only floats by BLAS. On the grid, BLAS's order of
        # terms does not matter.
        member = (labels == np.arange(k)[:, None]).astype(np.float64)
        sums += member @ block.T
        counts += np.bincount(labels, minlength=k)
        inertia += exact_sum(best, quantum * quantum)
    return ClusterSums(sums, counts, inertia)


def move_centres(sums: np.ndarray, counts: np.ndarray, centres: np.ndarray, quantum: float) -> np.ndarray:
    """Means of the members, snapped to the grid. A centre without members stays where it is."""
    filled = counts > 0
    moved = centres.copy()
    moved[filled] = snap(sums[filled] / counts[filled, None], quantum)
    return moved
