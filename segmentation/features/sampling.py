"""Samples of the customers: an even one, and one for the sweep, all distinct rows or a coreset of many.

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
    """A part and what draws from it: its customers' ids, or None, and its first row's position."""

    part: Part
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


def draw_keys(drawable: DrawablePart, seed: int) -> np.ndarray:
    """A number in [0, 1) per row (n,), from its id, or from its position in canonical order."""
    if drawable.ids is not None:
        ids = read_part(drawable.ids, ["customer_id"])["customer_id"].combine_chunks()
        return to_uniform(hash_texts(ids), seed)
    return to_uniform(
        mix(np.arange(drawable.first, drawable.first + drawable.part.rows, dtype=np.uint64)), seed
    )


def list_drawable(parts: Sequence[Part], ids: Sequence[Part]) -> list[DrawablePart]:
    """Parts with what draws from them. ids: the customers' parts, or empty if the rows have no ids."""
    firsts = np.cumsum([0, *(part.rows for part in parts)])
    return [DrawablePart(part, ids[i] if ids else None, int(firsts[i])) for i, part in enumerate(parts)]


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


class EvenDraw(NamedTuple):
    """Scaled rows drawn with equal chances from a part (m, d), their keys (m,), and the sums of all rows."""

    rows: np.ndarray
    keys: np.ndarray
    sums: RowSums


def draw_evenly(matrix: np.ndarray, keys: np.ndarray, total: int) -> EvenDraw:
    """About UNIFORM_ROWS of a night's `total` rows; of those, the ones in a part's scaled rows (d, n)."""
    is_drawn = keys < min(1.0, UNIFORM_ROWS / total)
    return EvenDraw(matrix[:, is_drawn].T, keys[is_drawn], sum_rows(matrix))


def _draw_coreset(drawable: DrawablePart, dispersion: Dispersion, seed: int) -> np.ndarray:
    """Rows of a lightweight coreset, with their weight as last column.

    Bachem, Lucic, Krause (2018): q = 1/2 * 1/n + 1/2 * d^2(x, mean) / sum d^2. Here each row is drawn
    independently with probability min(1, m q), and its weight is the inverse.
    """
    rows = _read_rows(drawable.part)
    distances = np.square(rows - dispersion.mean).sum(axis=1)
    # All rows are equal if the sum is 0. Then the first half of q draws evenly.
    total = max(dispersion.squares, np.finfo(np.float64).tiny)
    probability = np.minimum(1.0, CORESET_ROWS * (0.5 / dispersion.n + 0.5 * distances / total))
    is_drawn = draw_keys(drawable, seed) < probability
    return np.column_stack([rows[is_drawn], 1.0 / probability[is_drawn]])


def draw_sample(
    draws: Sequence[EvenDraw], names: Sequence[str], scaled: Sequence[DrawablePart], seed: int, folder: Path
) -> Sample:
    """Write the even sample and, if there are scaled parts to fit to, one of them with weights.

    draws: the even draws of all parts. names: the scaled features, as columns of the samples.
    """
    rows = np.concatenate([draw.rows for draw in draws])
    keys = np.concatenate([draw.keys for draw in draws])
    uniform = write_part(
        folder / "even.parquet", pa.table({name: rows[:, j] for j, name in enumerate(names)})
    )
    # A smaller threshold on the same keys: a sample of the sample, without another pass.
    share = min(1.0, COVERAGE_ROWS / sum(draw.sums.n for draw in draws))
    covered = count_distinct(rows[keys < share])
    if not scaled:
        return _describe_sample(None, covered, uniform, exact=False)
    distinct = None
    if share == 1.0 or estimate_coverage(covered.counts) >= ENOUGH_COVERAGE:
        distinct = _count_all([drawable.part for drawable in scaled])
    if distinct is not None:
        file = _write_weighted(names, distinct.rows, distinct.counts, folder)
        return _describe_sample(file, distinct, uniform, exact=True)
    draw = partial(_draw_coreset, dispersion=measure_dispersion([draw.sums for draw in draws]), seed=seed)
    coreset = np.concatenate(list(map_parts(draw, scaled)))
    file = _write_weighted(names, coreset[:, :-1], coreset[:, -1], folder)
    sampled = DistinctRows(count_distinct(coreset[:, :-1]).rows, covered.counts)
    return _describe_sample(file, sampled, uniform, exact=False)


def _write_weighted(names: Sequence[str], rows: np.ndarray, weights: np.ndarray, folder: Path) -> Part:
    columns = {name: rows[:, j] for j, name in enumerate(names)}
    return write_part(folder / "sample.parquet", pa.table({**columns, WEIGHT: weights.astype(np.float64)}))


def _describe_sample(file: Part | None, distinct: DistinctRows, uniform: Part, *, exact: bool) -> Sample:
    counts = distinct.counts
    return Sample(
        file=file,
        exact=exact,
        distinct=len(distinct.rows),
        commonest_share=float(counts.max() / counts.sum()),
        uniform=uniform,
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
