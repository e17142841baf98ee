"""The cross-table of two divisions: counted, matched segment by segment, and summed up as one index.

Pure functions of counts, except for count_customers. The Hungarian assignment is in
segmentation/identity/matching.py.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from segmentation.comparing.sides import PairedCustomers
from segmentation.identity.matching import Contingency, assign_pairs


def count_customers(batches: Iterable[PairedCustomers], segments: tuple[int, int]) -> Contingency:
    """Customers by segment of either side. segments: how many the first side has, and the second."""
    rows, columns = segments
    counts = np.zeros((rows + 1) * (columns + 1), np.int64)
    for batch in batches:
        # Position -1, not on that side, is the first row or column.
        cells = (batch.first + 1) * (columns + 1) + batch.second + 1
        counts += np.bincount(cells, minlength=len(counts))
    table = counts.reshape(rows + 1, columns + 1)
    return Contingency(shared=table[1:, 1:], left=table[1:, 0], joined=table[0, 1:])


def compute_adjusted_rand(shared: np.ndarray) -> float:
    """Adjusted Rand index of a contingency table (k0, k), Hubert and Arabie (1985).

    1 for equal divisions, about 0 for independent ones. 1 where both have one segment, or one per customer.

    >>> compute_adjusted_rand(np.array([[3, 0], [0, 2]]))
    1.0
    """
    # Python's whole numbers: a product of two counts of pairs overflows int64 from 80,000 customers on.
    together = _count_pairs(shared.ravel())
    first, second = _count_pairs(shared.sum(axis=1)), _count_pairs(shared.sum(axis=0))
    total = _count_pairs([shared.sum()])
    # Numerator and denominator times 2 * total.
    excess = 2 * (total * together - first * second)
    most = total * (first + second) - 2 * first * second
    return excess / most if most else 1.0


def _count_pairs(counts: Iterable[int]) -> int:
    return sum(int(count) * (int(count) - 1) // 2 for count in counts)


def match_by_overlap(
    shared: np.ndarray, first_ids: Sequence[str], second_ids: Sequence[str], *, ids_are_comparable: bool
) -> list[tuple[int, int]]:
    """Positions of the segments that correspond: the assignment under which most customers agree.

    ids_are_comparable: both are of one store, where the same id is the same segment and so matches itself.
    """
    pairs = []
    if ids_are_comparable:
        pairs = [(i, second_ids.index(name)) for i, name in enumerate(first_ids) if name in second_ids]
    rows = sorted({*range(len(first_ids))} - {i for i, _ in pairs})
    columns = sorted({*range(len(second_ids))} - {j for _, j in pairs})
    matched_pairs = assign_pairs(shared[np.ix_(rows, columns)].astype(np.float64))
    return sorted([*pairs, *((rows[i], columns[j]) for i, j in matched_pairs)])
