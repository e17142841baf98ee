"""Exact order statistics over parts, in bounded memory: a radix search on the bits of the values.

Each round is one pass in which every part counts, per group and column, its values by their next bits, as far
as they occur. Usually two rounds determine all 64 bits. Memory depends neither on the number of rows nor on
that of groups and columns.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from segmentation.partitions import map_parts

P = TypeVar("P")
R = TypeVar("R")
FIRST = 20  # bits of the first round: sign, exponent, and an octave in 256 steps
MOST_BITS = 44  # bits of another round
FEWEST_BITS = 8  # bits of a round after one that met too many different values
CELLS = 4_096  # groups times columns counted at once
MOST_COUNTED = 2_000_000  # different values of all cells, 32 MB
_SIGN = np.uint64(1 << 63)


class Pass(Protocol):
    """A pass over all rows: the kernel's results for each part's matrix (d, n) and labels (n,)."""

    def __call__(self, kernel: Callable[[np.ndarray, np.ndarray], R], /) -> Iterable[R]:
        """The results, in any order."""


class Counts(NamedTuple):
    """Ascending keys (m,) uint64, a cell's number before the bits counted, and how often each occurs (m,)."""

    keys: np.ndarray
    counts: np.ndarray


class Prefixes(NamedTuple):
    """The leading bits of the values to find: bits (g, d) uint64, the lowest `open_bits` of them still 0.

    has_all: the last of the g groups is made up of all rows, and no row has its label.
    """

    bits: np.ndarray
    open_bits: int
    has_all: bool


def pass_over(parts: Sequence[P], read: Callable[[P], tuple[np.ndarray, np.ndarray]]) -> Pass:
    """A pass that reads the matrix and labels of each part in the thread that counts them."""

    def run(kernel: Callable[[np.ndarray, np.ndarray], R], /) -> Iterable[R]:
        return map_parts(lambda part: kernel(*read(part)), parts)

    return run


def to_keys(values: np.ndarray) -> np.ndarray:
    """uint64 keys that sort as the float64 values do (no NaN). -0.0 counts as 0.0."""
    # IEEE 754: the bits of positive numbers sort as integers, those of negative ones the other way around.
    bits = (values + 0.0).view(np.int64)
    keys: np.ndarray = (bits ^ (bits >> 63 | np.int64(-(1 << 63)))).view(np.uint64)
    return keys


def from_keys(keys: np.ndarray) -> np.ndarray:
    """The float64 values of keys."""
    return np.where(keys & _SIGN, keys ^ _SIGN, ~keys).view(np.float64)


def select_ranks(read: Pass, ranks: np.ndarray, columns: int, *, has_all: bool = False) -> np.ndarray:
    """The values at the given ranks (0 = smallest), per group and column.

    ranks: int64 (g, d); has_all: see Prefixes. Returns float64 (g, d).
    A rank outside its group's size raises IndexError.
    """
    width = max(1, CELLS // len(ranks))
    blocks = [slice(start, start + width) for start in range(0, columns, width)]
    return np.concatenate([_select_block(read, ranks[:, block], block, has_all) for block in blocks], axis=1)


def _select_block(read: Pass, ranks: np.ndarray, block: slice, has_all: bool) -> np.ndarray:
    """`select_ranks` for a few columns."""
    prefixes, remaining = Prefixes(np.zeros(ranks.shape, np.uint64), 64, has_all), ranks.astype(np.int64)
    bits = FIRST
    while prefixes.open_bits:
        shift = prefixes.open_bits - bits
        count = partial(_count_values, block=block, prefixes=prefixes, shift=shift)
        counts = _add_up(read(count), max(MOST_COUNTED, ranks.size << FEWEST_BITS))
        if counts is None:
            bits = FEWEST_BITS
            continue
        digits, remaining = _locate(counts, remaining)
        prefixes = Prefixes(prefixes.bits | digits << np.uint64(shift), shift, has_all)
        bits = min(shift, MOST_BITS)
    return from_keys(prefixes.bits)


def _count_values(
    matrix: np.ndarray, labels: np.ndarray, block: slice, prefixes: Prefixes, shift: int
) -> Counts:
    """How many values of a part begin with their cell's prefix, by cell and by their bits down to `shift`."""
    groups, columns = prefixes.bits.shape
    by_column, digit = [], np.uint64((1 << prefixes.open_bits - shift) - 1)
    labels = labels.astype(np.uint64)
    for j, values in enumerate(matrix[block]):
        keys, pieces = to_keys(values), []
        members = [labels, np.full(len(labels), groups - 1, np.uint64)] if prefixes.has_all else [labels]
        for group in members:
            digits = keys
            if prefixes.open_bits < 64:
                has_prefix = keys >> np.uint64(prefixes.open_bits) == (
                    prefixes.bits[:, j] >> np.uint64(prefixes.open_bits)
                ).take(group.view(np.int64))
                digits, group = keys[has_prefix], group[has_prefix]
            cell = group * np.uint64(columns) + np.uint64(j)
            pieces.append(cell << np.uint64(MOST_BITS) | digits >> np.uint64(shift) & digit)
        by_column.append(_count_repeats(np.sort(np.concatenate(pieces))))
    return Counts(*map(np.concatenate, zip(*by_column, strict=True)))


def _count_repeats(ordered: np.ndarray) -> Counts:
    is_first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    starts = np.flatnonzero(is_first)
    return Counts(ordered[starts], np.diff(starts, append=len(ordered)))


def _add_up(by_part: Iterable[Counts], limit: int) -> Counts | None:
    """The counts of all parts together; None if there are more different keys than `limit`."""
    total, waiting, size = Counts(np.empty(0, np.uint64), np.empty(0, np.int64)), list[Counts](), 0
    for counts in by_part:
        waiting.append(counts)
        size += len(counts.keys)
        if size > len(total.keys) + limit // 4:
            total, waiting, size = _merge([total, *waiting]), [], 0
            if len(total.keys) > limit:
                return None
    total = _merge([total, *waiting])
    return total if len(total.keys) <= limit else None


def _merge(pieces: list[Counts]) -> Counts:
    keys, counts = map(np.concatenate, zip(*pieces, strict=True))
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(keys[order]) != 0)[: len(keys)])
    return Counts(keys[order][starts], np.add.reduceat(counts[order], starts) if len(starts) else counts)


def _locate(counts: Counts, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bits at each cell's rank (g, d), and the rank among the values that have these bits."""
    cells = np.arange(ranks.size + 1, dtype=np.uint64) << np.uint64(MOST_BITS)
    ends = np.append(0, counts.counts.cumsum())
    borders = ends[np.searchsorted(counts.keys, cells)]
    places = borders[:-1] + ranks.ravel()
    if (ranks < 0).any() or (places >= borders[1:]).any():
        raise IndexError("a rank is outside its group")
    key = np.searchsorted(ends, places, side="right") - 1
    digits = counts.keys[key] & np.uint64((1 << MOST_BITS) - 1)
    return digits.reshape(ranks.shape), (places - ends[key]).reshape(ranks.shape)
