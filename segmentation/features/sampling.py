"""The sample that the sweep sees: all distinct rows with counts where they are few, else a coreset.

Which customers are drawn depends on their ids and the seed alone, so the sample is the same however
the rows were ordered, and nearly the same from one night to the next.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.records import Part, Sample
from segmentation.keys import hash_texts, mix, to_unit
from segmentation.partitions import fold_parts, over_parts
from segmentation.parts import read_part, to_matrix, write_part

WEIGHT = "(weight)"  # no feature can be called so
COVERAGE_ROWS = 5_000
EVEN_ROWS = 10_000
ENOUGH_COVERAGE = 0.5
MOST_DISTINCT = 50_000
CORESET_ROWS = 10_000


class Slice(NamedTuple):
    """A scaled part with what is needed to draw from it; `ids` is None where rows have none."""

    scaled: Part
    ids: Part | None
    first: int


class Spread(NamedTuple):
    """Of scaled rows: number, sum (d,), sum of squared norms. Exact sums, on the grid."""

    n: int
    total: np.ndarray
    squares: float


def coverage(counts: np.ndarray) -> float:
    """Good-Turing estimate (Good 1953) of the share of rows whose value the sample has seen.

    1 - singletons / n, for the counts (m,) of a sample's distinct rows.

    >>> coverage(np.array([3, 1]))
    0.75
    """
    return float(1.0 - np.count_nonzero(counts == 1) / counts.sum())


def count_distinct(rows: np.ndarray, counts: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Distinct rows of (n, d) in lexicographic order, and how often each occurs (int64)."""
    if len(rows) == 0:
        return rows, np.empty(0, np.int64)
    order = np.lexsort(rows.T[::-1])
    ordered = rows[order]
    is_new = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    weights = np.ones(len(rows), np.int64) if counts is None else counts[order]
    return ordered[is_new], np.add.reduceat(weights, np.flatnonzero(is_new))


def draw_keys(piece: Slice, seed: int) -> np.ndarray:
    """A number in [0, 1) per row (n,): from the id, or from the row's place in canonical order."""
    if piece.ids is not None:
        ids = read_part(piece.ids, ["customer_id"])["customer_id"].combine_chunks()
        return to_unit(hash_texts(ids), seed)
    return to_unit(mix(np.arange(piece.first, piece.first + piece.scaled.rows, dtype=np.uint64)), seed)


def _read_rows(part: Part) -> np.ndarray:
    return to_matrix(read_part(part)).T


def _draw_share(piece: Slice, share: float, seed: int) -> np.ndarray:
    """The rows whose key is below share, their keys in the last column."""
    keys = draw_keys(piece, seed)
    drawn = keys < share
    return np.column_stack([_read_rows(piece.scaled)[drawn], keys[drawn]])


def _draw_coreset(piece: Slice, centre: np.ndarray, spread: Spread, seed: int) -> np.ndarray:
    """Rows of a lightweight coreset with their weights in the last column.

    Bachem, Lucic, Krause (2018): q = 1/2 * 1/n + 1/2 * d^2(x, mean) / sum d^2; here each row is
    drawn independently with probability min(1, m q), and weighs the inverse.
    """
    rows = _read_rows(piece.scaled)
    distances = np.square(rows - centre).sum(axis=1)
    whole = max(spread.squares, np.finfo(np.float64).tiny)
    chance = np.minimum(1.0, CORESET_ROWS * (0.5 / spread.n + 0.5 * distances / whole))
    drawn = draw_keys(piece, seed) < chance
    return np.column_stack([rows[drawn], 1.0 / chance[drawn]])


def measure_spread(parts: Sequence[Part]) -> tuple[np.ndarray, Spread]:
    """The mean (d,) of all scaled rows, and their spread about it."""
    measured = list(fold_parts(_sum_part, parts))
    n = sum(one.n for one in measured)
    mean = np.sum([one.total for one in measured], axis=0) / n
    squares = sum(one.squares for one in measured) - n * float(mean @ mean)
    return mean, Spread(n, mean * n, squares)


def _sum_part(part: Part) -> Spread:
    matrix = to_matrix(read_part(part))
    return Spread(part.rows, matrix.sum(axis=1), float(np.einsum("ij,ij->", matrix, matrix)))


def draw_sample(scaled: Sequence[Part], ids: Sequence[Part], seed: int, folder: Path) -> Sample:
    """Write two samples of the scaled parts: one with WEIGHT for the fits, one drawn evenly.

    ids: parts, or empty.
    """
    starts = np.concatenate([[0], np.cumsum([part.rows for part in scaled])])
    slices = [Slice(part, ids[i] if ids else None, int(starts[i])) for i, part in enumerate(scaled)]
    names = read_part(scaled[0]).column_names
    share = min(1.0, COVERAGE_ROWS / int(starts[-1]))
    even_share = min(1.0, EVEN_ROWS / int(starts[-1]))
    even = np.concatenate(list(over_parts(partial(_draw_share, share=even_share, seed=seed), slices)))
    times = count_distinct(even[even[:, -1] < share, :-1])[1]
    found = None
    if share == 1.0 or coverage(times) >= ENOUGH_COVERAGE:
        found = _count_all(scaled)
    is_exact = found is not None
    if found is None:
        centre, spread = measure_spread(scaled)
        draw = partial(_draw_coreset, centre=centre, spread=spread, seed=seed)
        drawn = np.concatenate(list(over_parts(draw, slices)))
        found = drawn[:, :-1], drawn[:, -1]
    rows, weights = found
    common = float((weights if is_exact else times).max() / (weights if is_exact else times).sum())
    columns = {name: rows[:, j] for j, name in enumerate(names)}
    weighted = pa.table({**columns, WEIGHT: weights.astype(np.float64)})
    drawn = pa.table({name: even[:, j] for j, name in enumerate(names)})
    return Sample(
        part=write_part(folder / "sample.parquet", weighted),
        exact=is_exact,
        distinct=len(count_distinct(rows)[0]),
        common=common,
        even=write_part(folder / "even.parquet", drawn),
    )


def _count_all(scaled: Sequence[Part]) -> tuple[np.ndarray, np.ndarray] | None:
    """All distinct rows with their counts, or None if there are more than MOST_DISTINCT."""
    rows: np.ndarray | None = None
    counts = np.empty(0, np.int64)
    for found, times in over_parts(_count_part, scaled):
        merged = found if rows is None else np.concatenate([rows, found])
        rows, counts = count_distinct(merged, np.concatenate([counts, times]))
        if len(rows) > MOST_DISTINCT:
            return None
    return None if rows is None else (rows, counts)


def _count_part(part: Part) -> tuple[np.ndarray, np.ndarray]:
    return count_distinct(_read_rows(part))
