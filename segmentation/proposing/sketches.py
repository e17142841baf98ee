"""Sketches of bounded size: how many distinct values there are, and whether rows with one id agree.

A sketch keeps the smallest hashes, so neither the order of rows nor the batches matter. Hash functions
are in segmentation/keys.py, profiles of columns in segmentation/proposing/column_profile.py.
"""

from typing import NamedTuple

import numpy as np

SKETCH_SIZE = 2048
MOST_IDS = 65_536


class Distinct(NamedTuple):
    """The smallest hashes of a column's values, ascending: uint64 (m,); and rows with each: int64 (m,)."""

    keys: np.ndarray
    counts: np.ndarray

    @property
    def values(self) -> int:
        """Number of different values: exact below SMALLEST, otherwise within about 4 %.

        (m - 1) / (largest hash / 2^64): Bar-Yossef, Jayram, Kumar, Sivakumar, Trevisan (2002).
        """
        if len(self.keys) < SKETCH_SIZE:
            return len(self.keys)
        return round((SKETCH_SIZE - 1) / (float(self.keys[-1]) / 2.0**64))

    @property
    def rows_per_value(self) -> float:
        """Mean number of rows per value, exactly 1 if no value in the sketch repeats."""
        return float(self.counts.sum() / len(self.counts)) if len(self.counts) else 0.0


def sketch(keys: np.ndarray) -> Distinct:
    """The sketch of some rows' hashes, uint64 (n,).

    >>> sketch(np.array([7, 5, 7], np.uint64)).counts.tolist()
    [1, 2]
    """
    smallest, counts = np.unique(keys, return_counts=True)
    return Distinct(smallest[:SKETCH_SIZE], counts[:SKETCH_SIZE])


NO_VALUES = sketch(np.empty(0, np.uint64))


def merge_sketches(a: Distinct, b: Distinct) -> Distinct:
    """The sketch of two sets of rows together. Counts stay exact: a key kept now was kept in both before."""
    keys, positions = np.unique(np.concatenate([a.keys, b.keys]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, positions, np.concatenate([a.counts, b.counts]))
    return Distinct(keys[:SKETCH_SIZE], counts[:SKETCH_SIZE])


class Agreement(NamedTuple):
    """For the ids with the smallest hashes: number of rows, smallest and largest row hash, each (m,)."""

    ids: np.ndarray
    rows: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def conflicting(self) -> float:
        """Share of rows whose id also has different rows. 0 without rows."""
        total = int(self.rows.sum())
        return float(self.rows[self.low != self.high].sum() / total) if total else 0.0

    @property
    def repeated(self) -> float:
        """Share of rows that are not the first of their id. 0 without rows."""
        total = int(self.rows.sum())
        return float((total - len(self.ids)) / total) if total else 0.0


def agree(ids: np.ndarray, rows: np.ndarray) -> Agreement:
    """The sketch of some rows from hashes of their ids and of their values, uint64 (n,) each."""
    return _combine(Agreement(ids, np.ones(len(ids), np.int64), rows, rows))


def merge_agreements(a: Agreement, b: Agreement) -> Agreement:
    """The sketch of two sets of rows together."""
    return _combine(Agreement(*(np.concatenate(pair) for pair in zip(a, b, strict=True))))


def _combine(agreement: Agreement) -> Agreement:
    order = np.argsort(agreement.ids, kind="stable")
    ids, starts = np.unique(agreement.ids[order], return_index=True)
    # reduceat fails on empty arrays.
    if not len(ids):
        return agreement
    return Agreement(
        ids[:MOST_IDS],
        np.add.reduceat(agreement.rows[order], starts)[:MOST_IDS],
        np.minimum.reduceat(agreement.low[order], starts)[:MOST_IDS],
        np.maximum.reduceat(agreement.high[order], starts)[:MOST_IDS],
    )


NO_ROWS = agree(np.empty(0, np.uint64), np.empty(0, np.uint64))
