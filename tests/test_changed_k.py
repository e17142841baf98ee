"""When the number of segments changes, last night's segments are merged or split, and most customers stay."""

from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from config.clauses import FitOptions
from segmentation.k.changed_k import change_k, merge_nearest
from segmentation.k.fits import WeightedRows
from tests.nights import create_town, ids, manifest

BALLS = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0], [12.0, 10.0]])


def draw_balls() -> WeightedRows:
    """Five balls; the last two are near each other. Every second row counts twice."""
    rows = BALLS[np.arange(1000) % 5] + np.random.default_rng(1).normal(0, 0.3, (1000, 2))
    return WeightedRows(rows, np.where(np.arange(1000) % 2, 2.0, 1.0))


def compute_inertia(centres: np.ndarray, sample: WeightedRows) -> float:
    """Plain numpy."""
    squares = ((sample.rows[:, None] - centres) ** 2).sum(axis=2)
    return float(sample.weights @ squares.min(axis=1))


def test_the_pair_that_costs_least_is_merged() -> None:
    """As found by merging every pair and assigning its rows to the mean."""
    sample = draw_balls()
    labels = ((sample.rows[:, None] - BALLS) ** 2).sum(axis=2).argmin(axis=1)

    def merge(pair: tuple[int, ...]) -> float:
        inside = np.isin(labels, pair)
        rows, weights = sample.rows[inside], sample.weights[inside]
        return float(weights @ np.square(rows - np.average(rows, axis=0, weights=weights)).sum(axis=1))

    cheapest = min(combinations(range(5), 2), key=merge)
    merged = merge_nearest(BALLS, sample)
    assert cheapest == (3, 4)
    assert merged[:3].tolist() == BALLS[:3].tolist()
    assert np.abs(merged[3] - [11.0, 10.0]).max() < 0.1


def test_the_segment_of_two_groups_is_split() -> None:
    """From the four centres that see the near pair as one, the fifth is found."""
    sample = draw_balls()
    four = np.array([*BALLS[:3], [11.0, 10.0]])
    five = change_k(four, sample, 5, FitOptions(), 0)
    best = KMeans(5, n_init=10, random_state=0).fit(sample.rows, sample_weight=sample.weights)
    assert five[:3].tolist() == four[:3].tolist()
    assert compute_inertia(five, sample) < 1.05 * best.inertia_


@pytest.mark.parametrize("k", [1, 2, 3, 7, 8])
def test_any_k_is_reached(k: int) -> None:
    """By as many steps as it takes."""
    assert change_k(BALLS, draw_balls(), k, FitOptions(), 0).shape == (k, 2)


def test_segments_of_equal_rows_are_not_split() -> None:
    """Three distinct rows cannot be divided into four: the caller needs a new fit."""
    rows = np.repeat([[0.0], [5.0], [9.0]], 4, axis=0)
    assert len(change_k(np.array([[0.0], [7.0]]), WeightedRows(rows, np.ones(12)), 4, FitOptions(), 0)) == 3


def test_an_empty_segment_is_merged_first() -> None:
    """It costs nothing: the other segment's centre does not move."""
    rows = WeightedRows(np.array([[0.0], [0.2], [5.0]]), np.ones(3))
    merged = merge_nearest(np.array([[0.1], [5.0], [100.0]]), rows)
    assert merged.ravel().tolist() == [5.0, 0.1] or merged.ravel().tolist() == [0.1, 5.0]


NAMES = ["spend", "visits", "months"]
FEATURES: dict[str, Any] = {
    "rows": {"id": "id", "columns": {name: {"type": "float"} for name in NAMES}},
    "features": NAMES,
}


def draw_crowd(customers: int) -> pd.DataFrame:
    """One crowd without borders: many divisions are nearly as good as each other."""
    values = np.random.default_rng(4).normal(50, 9, (customers, 3)).round(6)
    return pd.DataFrame(values, columns=NAMES).assign(id=[f"c{row:05d}" for row in range(customers)])


@pytest.mark.parametrize(("first", "second"), [(8, 7), (6, 7)])
def test_most_customers_of_a_crowd_stay(tmp_path: Path, first: int, second: int) -> None:
    """With one segment more or less, fewer move than with a new fit, and inertia is as good."""
    customers, moved, inertia = draw_crowd(3000), {}, {}
    for mode in ("warm", "cold"):
        (tmp_path / mode).mkdir()
        before, after = (
            create_town(
                tmp_path / mode, **FEATURES, k={"fixed": k, "rule": "fixed"}, refit={"mode": mode}
            ).night(number, customers)
            for number, k in enumerate((first, second), start=1)
        )
        moved[mode] = int((ids(before) != ids(after)).sum())
        inertia[mode] = manifest(after)["inertia"]
        assert (manifest(before)["k"], after.k, manifest(after)["how"]) == (first, second, mode)
    assert moved["warm"] < 0.8 * moved["cold"]
    assert inertia["warm"] <= 1.01 * inertia["cold"]
