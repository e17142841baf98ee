"""Exact order statistics over parts, in bounded memory: a radix search on the bits of the values.

Each round is one pass that counts, per group and column, the values by their next 16 bits. At most four
rounds determine all 64 bits; as soon as few values are left, they are gathered and partitioned. Memory
depends neither on the number of rows nor on the number of groups and columns.
"""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

DIGITS = 16
CELLS = 512  # groups times columns counted at once: 512 KiB of counts each
GATHER_LIMIT = 2_000_000  # values that may be gathered, 16 MB
_SIGN = np.uint64(1 << 63)

Batches = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


def to_keys(values: np.ndarray) -> np.ndarray:
    """uint64 keys that sort as the float64 values do (no NaN). -0.0 counts as 0.0."""
    # IEEE 754: the bits of positive numbers sort as integers, those of negative ones the other way around.
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def from_keys(keys: np.ndarray) -> np.ndarray:
    """The float64 values of keys."""
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float64)


def select_ranks(batches: Batches, ranks: np.ndarray, columns: int) -> np.ndarray:
    """The values at the given ranks (0 = smallest), per group and column.

    batches() starts a pass that yields (matrix (d, n) float64, labels (n,) ints below g). ranks:
    int64 (g, d). Returns float64 (g, d). A rank outside its group's size raises IndexError.
    """
    width = max(1, CELLS // len(ranks))
    blocks = [slice(start, start + width) for start in range(0, columns, width)]
    return np.concatenate([_select_block(batches, ranks[:, block], block) for block in blocks], axis=1)


def _select_block(batches: Batches, ranks: np.ndarray, block: slice) -> np.ndarray:
    """`select_ranks` for a few columns: rounds of counting until the candidates are few enough to gather."""
    prefix = np.zeros(ranks.shape, np.uint64)  # the bits known so far, in their final place
    remaining = ranks.astype(np.int64).copy()  # the ranks among the values with these bits
    for depth in range(64 // DIGITS):
        counts = _count_digits(_cut(batches, block), prefix, depth)
        ends = counts.cumsum(axis=2)
        if (remaining >= ends[:, :, -1]).any() or (remaining < 0).any():
            raise IndexError("a rank is outside its group")
        digit = (ends <= remaining[:, :, None]).sum(axis=2)
        candidates = np.take_along_axis(counts, digit[:, :, None], axis=2)[:, :, 0]
        remaining -= np.take_along_axis(ends, digit[:, :, None], axis=2)[:, :, 0] - candidates
        shift = np.uint64(64 - DIGITS * (depth + 1))
        prefix |= digit.astype(np.uint64) << shift
        # After the last round all 64 bits are known, and nothing is left to gather.
        if shift and candidates.sum() <= GATHER_LIMIT:
            return _gather(_cut(batches, block), prefix >> shift, shift, remaining)
    return from_keys(prefix)


def _cut(batches: Batches, block: slice) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return ((matrix[block], labels) for matrix, labels in batches())


def _gather(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], prefix: np.ndarray, shift: np.uint64, ranks: np.ndarray
) -> np.ndarray:
    """The values at the ranks (g, d) among those whose keys begin with `prefix`: float64 (g, d)."""
    gathered: dict[tuple[int, int], list[np.ndarray]] = {cell: [] for cell in np.ndindex(*prefix.shape)}
    for matrix, labels in batches:
        for j, values in enumerate(matrix):
            matching = np.flatnonzero(to_keys(values) >> shift == prefix[labels, j])
            order = matching[np.argsort(labels[matching], kind="stable")]
            ends = np.bincount(labels[matching], minlength=len(prefix)).cumsum()
            for group, members in enumerate(np.split(values[order], ends[:-1])):
                gathered[group, j].append(members)
    selected = np.empty(prefix.shape)
    for cell, pieces in gathered.items():
        selected[cell] = np.partition(np.concatenate(pieces) + 0.0, ranks[cell])[ranks[cell]]
    return selected


def _count_digits(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], prefix: np.ndarray, depth: int
) -> np.ndarray:
    """How many values start with the bits of `prefix` (g, d), by their next digit: int64 (g, d, 2**16)."""
    groups, columns = prefix.shape
    counts = np.zeros((groups, columns, 1 << DIGITS), np.int64)
    shift = np.uint64(64 - DIGITS * (depth + 1))
    for matrix, labels in batches:
        for j in range(columns):
            keys = to_keys(matrix[j])
            digits = (keys >> shift) & np.uint64((1 << DIGITS) - 1)
            group = labels
            if depth:
                high = shift + np.uint64(DIGITS)
                matching = (keys >> high) == (prefix[labels, j] >> high)
                digits, group = digits[matching], labels[matching]
            cell = group.astype(np.int64) << DIGITS | digits.astype(np.int64)
            counts[:, j] += np.bincount(cell, minlength=groups << DIGITS).reshape(groups, -1)
    return counts
