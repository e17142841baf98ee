"""Exact order statistics over parts, in bounded memory: a radix search on the bits of the values.

Each round is one pass that counts, per group and column, the values by their next 16 bits; at most
four rounds settle all 64. Numbers of rows do not matter to memory; groups times columns do.
"""

from collections.abc import Callable, Iterable

import numpy as np

DIGITS = 16
_SIGN = np.uint64(1 << 63)

Batches = Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]


def to_keys(values: np.ndarray) -> np.ndarray:
    """uint64 keys that sort as the float64 values do (no NaN). -0.0 counts as 0.0."""
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def from_keys(keys: np.ndarray) -> np.ndarray:
    """The float64 values of keys."""
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float64)


def select(batches: Batches, ranks: np.ndarray, columns: int) -> np.ndarray:
    """The values at the given ranks (0 = smallest), per group and column.

    batches() starts a pass that yields (matrix (d, n) float64, labels (n,) ints below g). ranks:
    int64 (g, d). Returns float64 (g, d). A rank outside its group's size raises IndexError.
    """
    groups = len(ranks)
    found = np.zeros((groups, columns), np.uint64)
    left = ranks.astype(np.int64).copy()
    for depth in range(64 // DIGITS):
        counts = _count_digits(batches(), found, depth)
        ends = counts.cumsum(axis=2)
        if (left >= ends[:, :, -1]).any() or (left < 0).any():
            raise IndexError("a rank lies outside its group")
        digit = (ends <= left[:, :, None]).sum(axis=2)
        before = np.take_along_axis(ends - counts, digit[:, :, None], axis=2)[:, :, 0]
        left -= before
        found |= digit.astype(np.uint64) << np.uint64(64 - DIGITS * (depth + 1))
    return from_keys(found)


def _count_digits(
    batches: Iterable[tuple[np.ndarray, np.ndarray]], found: np.ndarray, depth: int
) -> np.ndarray:
    """How many values share the digits found so far, by their next digit: int64 (g, d, 2**16)."""
    groups, columns = found.shape
    counts = np.zeros((groups, columns, 1 << DIGITS), np.int64)
    shift = np.uint64(64 - DIGITS * (depth + 1))
    for matrix, labels in batches:
        for j in range(columns):
            keys = to_keys(matrix[j])
            digits = (keys >> shift) & np.uint64((1 << DIGITS) - 1)
            group = labels
            if depth:
                high = shift + np.uint64(DIGITS)
                same = (keys >> high) == (found[labels, j] >> high)
                digits, group = digits[same], labels[same]
            cell = group.astype(np.int64) << DIGITS | digits.astype(np.int64)
            counts[:, j] += np.bincount(cell, minlength=groups << DIGITS).reshape(groups, -1)
    return counts
