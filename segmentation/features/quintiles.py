"""Quintiles of one column: four cut points, and a score from 1 to 5 for each value.

A value on a cut point is below it, so equal values have equal scores. Scores of all customers by part are
computed in rfm.py.
"""

import numpy as np

GROUPS = 5


def list_cut_ranks(count: int) -> np.ndarray:
    """The ranks (0 = smallest) of the four cut points among `count` values: int64 (4,).

    floor((count - 1) * j / 5), which is numpy's quantile of j / 5 with method "lower". Values at or below it
    are those at or below the interpolated quantile, so bins are those of pandas.qcut.

    >>> list_cut_ranks(11).tolist()
    [2, 4, 6, 8]
    """
    ranks: np.ndarray = (count - 1) * np.arange(1, GROUPS) // GROUPS
    return ranks


def compute_cuts(values: np.ndarray) -> np.ndarray:
    """The cut points of values (n,) without NaN, n above 0: float64 (4,), ascending, perhaps equal."""
    ranks = list_cut_ranks(len(values))
    cuts: np.ndarray = np.partition(values, ranks)[ranks]
    return cuts


def score_quintiles(values: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """1 + the number of cut points below each value (n,): int64, 1 to 5. NaN scores 5: mask it.

    With many equal values some scores are skipped: a score of 4 always means that at least 60 % of values
    are smaller.

    >>> score_quintiles(np.array([1.0, 1.5, 2.0, 9.0]), np.array([1.0, 1.0, 2.0, 5.0])).tolist()
    [1, 3, 3, 5]
    """
    scores: np.ndarray = 1 + np.searchsorted(cuts, values, side="left")
    return scores
