"""Sketches of bounded size: how many different values there are, and whether rows of one id agree.

They keep what has the smallest hashes, so neither order nor batches matter. Hashes are keys.py's,
profiles of columns are in segmentation/proposing/profiling.py.
"""

from typing import NamedTuple

import numpy as np

SMALLEST = 2048
MOST_IDS = 65_536


class Distinct(NamedTuple):
    """The smallest hashes of a column's values, ascending, and how many rows have each: (m,), (m,)."""

    keys: np.ndarray
    counts: np.ndarray

    @property
    def values(self) -> int:
        """Number of different values: exact below SMALLEST, else about (within some 4 %).

        (m - 1) / (largest hash / 2^64): Bar-Yossef, Jayram, Kumar, Sivakumar, Trevisan (2002).
        """
        if len(self.keys) < SMALLEST:
            return len(self.keys)
        return round((SMALLEST - 1) / (float(self.keys[-1]) / 2.0**64))

    @property
    def rows_per_value(self) -> float:
        """Mean number of rows with the same value; exactly 1 if no value that was kept repeats."""
        return float(self.counts.sum() / len(self.counts)) if len(self.counts) else 0.0


def sketch(keys: np.ndarray) -> Distinct:
    """The sketch of some rows' hashes, uint64 (n,).

    >>> sketch(np.array([7, 5, 7], np.uint64)).counts.tolist()
    [1, 2]
    """
    found, counts = np.unique(keys, return_counts=True)
    return Distinct(found[:SMALLEST], counts[:SMALLEST])


def merge_sketches(a: Distinct, b: Distinct) -> Distinct:
    """The sketch of two sets of rows taken together. Counts stay exact: a key that is kept always was."""
    keys, place = np.unique(np.concatenate([a.keys, b.keys]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, place, np.concatenate([a.counts, b.counts]))
    return Distinct(keys[:SMALLEST], counts[:SMALLEST])


class Agreement(NamedTuple):
    """Per id with one of the smallest hashes: rows, and smallest and largest hash of a row; all (m,)."""

    ids: np.ndarray
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def conflicting(self) -> float:
        """Share of rows whose id has rows that differ; 0 without rows."""
        total = int(self.rows.sum())
        return float(self.rows[self.low != self.high].sum() / total) if total else 0.0

    @property
    def repeated(self) -> float:
        """Share of rows that are not the first of their id; 0 without rows."""
        total = int(self.rows.sum())
        return float((total - len(self.ids)) / total) if total else 0.0


def agree(ids: np.ndarray, rows: np.ndarray) -> Agreement:
    """The sketch of some rows: hashes of their ids and of all their values, uint64 (n,) each."""
    return _combine(Agreement(ids, np.ones(len(ids), np.int64), rows, rows))


def merge_agreements(a: Agreement, b: Agreement) -> Agreement:
    """The sketch of two sets of rows taken together."""
    return _combine(Agreement(*(np.concatenate(pair) for pair in zip(a, b, strict=True))))


def _combine(many: Agreement) -> Agreement:
    order = np.argsort(many.ids, kind="stable")
    ids, starts = np.unique(many.ids[order], return_index=True)
    if not len(ids):
        return many
    return Agreement(
        ids[:MOST_IDS],
        np.add.reduceat(many.rows[order], starts)[:MOST_IDS],
        np.minimum.reduceat(many.low[order], starts)[:MOST_IDS],
        np.maximum.reduceat(many.high[order], starts)[:MOST_IDS],
    )
