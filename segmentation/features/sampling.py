"""The sample for the sweep: all distinct rows with counts where they are few, else a coreset.

Which customers are drawn depends only on their ids and the seed, so the sample does not depend on the order
of rows, and is nearly the same from one night to the next. Hashing ids is in segmentation/keys.py.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.clustering import Sample
from schemas.part import Part
from segmentation.keys import hash_texts, mix, to_uniform
from segmentation.partitions import map_parts
from segmentation.parts import read_part, to_matrix, write_part

WEIGHT = "(weight)"  # no feature can have this name
# Counting distinct rows makes the sweep 180 times faster with 1,511 of them in 1M rows, and 0.8 times as fast
# when all differ. So a sample is asked first whether copies are common.
COVERAGE_ROWS = 5_000
UNIFORM_ROWS = 10_000
ENOUGH_COVERAGE = 0.5
MOST_DISTINCT = 50_000
# Uniform samples of this size misjudge heavy tails by up to 6 % of inertia, a coreset stays within 0.5 %.
CORESET_ROWS = 10_000


class DrawablePart(NamedTuple):
    """A scaled part and what draws from it: its customers' ids, or None, and its first row's position."""

    scaled: Part
    ids: Part | None
    first: int


class Dispersion(NamedTuple):
    """Of n scaled rows: their mean (d,), and the sum of their squared distances to it."""

    n: int
    mean: np.ndarray
    squares: float


class DistinctRows(NamedTuple):
    """Distinct rows (m, d) in lexicographic order, and how often each occurs, int64 (m,)."""

    rows: np.ndarray
    counts: np.ndarray


def estimate_coverage(counts: np.ndarray) -> float:
    """Good-Turing estimate (Good 1953) of the share of rows whose value occurs in the sample.

    1 - singletons / n, for the counts (m,) of a sample's distinct rows. NaN for an empty sample.

    >>> estimate_coverage(np.array([3, 1]))
    0.75
    """
    return float(1.0 - np.count_nonzero(counts == 1) / counts.sum())


def count_distinct(rows: np.ndarray, counts: np.ndarray | None = None) -> DistinctRows:
    """The distinct rows of (n, d), each counting once or as often as counts (n,) says."""
    if len(rows) == 0:
        return DistinctRows(rows, np.empty(0, np.int64))
    # lexsort's last key is the primary one.
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    is_new = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    weights = np.ones(len(rows), np.int64) if counts is None else counts[order]
    return DistinctRows(ordered[is_new], np.add.reduceat(weights, np.flatnonzero(is_new)))


def draw_keys(part: DrawablePart, seed: int) -> np.ndarray:
    """A number in [0, 1) per row (n,), from its id, or from its position in canonical order."""
    if part.ids is not None:
        ids = read_part(part.ids, ["customer_id"])["customer_id"].combine_chunks()
        return to_uniform(hash_texts(ids), seed)
    return to_uniform(mix(np.arange(part.first, part.first + part.scaled.rows, dtype=np.uint64)), seed)


def _read_rows(part: Part) -> np.ndarray:
    return to_matrix(read_part(part)).T


class RowSums(NamedTuple):
    """Of the rows of a part: their number, sum (d,), and sum of squared norms. Exact, on the grid."""

    n: int
    total: np.ndarray
    squares: float


def sum_rows(matrix: np.ndarray) -> RowSums:
    """The sums of a part's scaled rows, given as (d, n)."""
    return RowSums(matrix.shape[1], matrix.sum(axis=1), float(np.einsum("ij,ij->", matrix, matrix)))


def measure_dispersion(sums: Sequence[RowSums]) -> Dispersion:
    """Mean and dispersion of all rows, from the sums of each part."""
    n = sum(part.n for part in sums)
    mean = np.sum([part.total for part in sums], axis=0) / n
    # Safe to subtract: both sums are exact on the grid.
    squares = sum(part.squares for part in sums) - n * float(mean @ mean)
    return Dispersion(n, mean, squares)


def _draw_share(part: DrawablePart, share: float, seed: int) -> tuple[np.ndarray, RowSums]:
    """The rows whose key is below share, with the key as last column; the sums of all rows."""
    keys, rows = draw_keys(part, seed), _read_rows(part.scaled)
    is_drawn = keys < share
    return np.column_stack([rows[is_drawn], keys[is_drawn]]), sum_rows(rows.T)


def _draw_coreset(part: DrawablePart, dispersion: Dispersion, seed: int) -> np.ndarray:
    """Rows of a lightweight coreset, with their weight as last column.

    Bachem, Lucic, Krause (2018): q = 1/2 * 1/n + 1/2 * d^2(x, mean) / sum d^2. Here each row is drawn
    independently with probability min(1, m q), and its weight is the inverse.
    """
    rows = _read_rows(part.scaled)
    distances = np.square(rows - dispersion.mean).sum(axis=1)
    # All rows are equal if the sum is 0. Then the first half of q draws evenly.
    total = max(dispersion.squares, np.finfo(np.float64).tiny)
    probability = np.minimum(1.0, CORESET_ROWS * (0.5 / dispersion.n + 0.5 * distances / total))
    is_drawn = draw_keys(part, seed) < probability
    return np.column_stack([rows[is_drawn], 1.0 / probability[is_drawn]])


def draw_sample(scaled: Sequence[Part], ids: Sequence[Part], seed: int, folder: Path) -> Sample:
    """Write two samples of the scaled parts: a weighted one for the fits, and a uniform one.

    ids: the customers' parts, or empty if the rows have no ids.
    """
    starts = np.concatenate([[0], np.cumsum([part.rows for part in scaled])])
    n = int(starts[-1])
    drawable = [DrawablePart(part, ids[i] if ids else None, int(starts[i])) for i, part in enumerate(scaled)]
    names = read_part(scaled[0]).column_names
    coverage_share, uniform_share = min(1.0, COVERAGE_ROWS / n), min(1.0, UNIFORM_ROWS / n)
    drawn, sums = zip(*map_parts(partial(_draw_share, share=uniform_share, seed=seed), drawable), strict=True)
    uniform = np.concatenate(drawn)
    # A smaller threshold on the same keys: a sample of the sample, without another pass.
    counts = count_distinct(uniform[uniform[:, -1] < coverage_share, :-1]).counts
    distinct = None
    if coverage_share == 1.0 or estimate_coverage(counts) >= ENOUGH_COVERAGE:
        distinct = _count_all(scaled)
    if distinct is not None:
        rows, weights = distinct
        counts = distinct.counts
    else:
        draw = partial(_draw_coreset, dispersion=measure_dispersion(sums), seed=seed)
        coreset = np.concatenate(list(map_parts(draw, drawable)))
        rows, weights = coreset[:, :-1], coreset[:, -1]
    columns = {name: rows[:, j] for j, name in enumerate(names)}
    weighted = pa.table({**columns, WEIGHT: weights.astype(np.float64)})
    unweighted = pa.table({name: uniform[:, j] for j, name in enumerate(names)})
    return Sample(
        part=write_part(folder / "sample.parquet", weighted),
        exact=distinct is not None,
        distinct=len(count_distinct(rows).rows),
        commonest_share=float(counts.max() / counts.sum()),
        uniform=write_part(folder / "even.parquet", unweighted),
    )


def _count_all(scaled: Sequence[Part]) -> DistinctRows | None:
    """All distinct rows with their counts, or None if there are more than MOST_DISTINCT."""
    total: DistinctRows | None = None
    for part in map_parts(_count_part, scaled):
        if total is None:
            total = part
        else:
            rows = np.concatenate([total.rows, part.rows])
            total = count_distinct(rows, np.concatenate([total.counts, part.counts]))
        if len(total.rows) > MOST_DISTINCT:
            return None
    return total


def _count_part(part: Part) -> DistinctRows:
    return count_distinct(_read_rows(part))
