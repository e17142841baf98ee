"""The knee of the inertia, by hand, on the article's data and against Kneedle's definition."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from config.clauses import FitOptions
from segmentation.k.fits import WeightedRows, fit_weighted
from segmentation.k.votes import choose_elbow, knee_position, log_inertia
from segmentation.samples.catalogue import article_table
from tests.test_choose import curve


@pytest.fixture(scope="module")
def article_rows() -> np.ndarray:
    """The article's rows (n, 3)."""
    return np.column_stack([column.to_numpy() for column in article_table().columns])


def knee_oracle(k: Sequence[float], values: Sequence[float]) -> int:
    """The point with the greatest perpendicular distance below the chord of the scaled curve."""
    deepest, position = 0.0, 0
    for i, (x, y) in enumerate(zip(k, values, strict=True)):
        scaled_x = (x - k[0]) / (k[-1] - k[0])
        scaled_y = (y - values[-1]) / (values[0] - values[-1])
        depth = (1 - scaled_x - scaled_y) / math.sqrt(2)
        if depth > deepest + 1e-12:
            deepest, position = depth, i
    return position


def test_knee_is_the_point_farthest_below_the_chord() -> None:
    """On falling curves of all kinds the knee equals that of an independent loop."""
    random = np.random.default_rng(0)
    for _ in range(200):
        m = int(random.integers(3, 15))
        values = np.sort(random.lognormal(0, 2, m))[::-1]
        k = np.cumsum(random.integers(1, 4, m))
        assert knee_position(k, values) == knee_oracle(k.tolist(), values.tolist())


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([10.0, 2.0, 1.0, 0.5], 1),
        ([10.0, 9.0, 1.0, 0.5], 2),
        ([3.0, 2.0, 1.0], 0),
        ([1.0, 1.0, 1.0], 0),
        ([1.0, 2.0, 3.0], 0),
        ([5.0, 1.0], 0),
        ([5.0], 0),
        ([], 0),
    ],
)
def test_knee_by_hand(values: list[float], expected: int) -> None:
    """A sharp bend is the knee; of a straight, flat, rising or too short curve it is the first point."""
    assert knee_position(np.arange(1, len(values) + 1), np.array(values)) == expected


def test_knee_needs_one_k_per_value() -> None:
    """Values without their k are an error."""
    with pytest.raises(ValueError, match="broadcast"):
        knee_position(np.arange(2), np.array([3.0, 2.0, 1.0]))


def test_log_of_zero_is_null() -> None:
    """Inertia 0 has the logarithm NaN, without a warning."""
    logs = log_inertia(np.array([math.e, 0.0, 1.0]))
    assert logs[0] == pytest.approx(1.0)
    assert np.isnan(logs[1])
    assert logs[2] == 0.0


def test_articles_curve_bends_at_five_on_the_log_and_at_two_on_the_linear_scale(
    article_rows: np.ndarray,
) -> None:
    """The article's answer, five, is the knee of the log of its inertia; the linear scale says two."""
    rows, counts = np.unique(article_rows, axis=0, return_counts=True)
    ks = np.arange(1, 13)
    inertia = []
    for k in ks:
        sample = WeightedRows(rows, counts.astype(float))
        fit = fit_weighted(sample, int(k), FitOptions(starts=10), 42)
        squares = ((article_rows[:, None] - fit.centres[None]) ** 2).sum(axis=2)
        inertia.append(squares.min(axis=1).sum())
    assert ks[knee_position(ks, np.array(inertia))] == 2
    assert ks[knee_position(ks, np.log(inertia))] == 5
    assert choose_elbow(curve(inertia).points) == (5, "knee of the log of inertia over k = 1..12")


def test_elbow_leaves_out_k_with_nothing_left_to_explain() -> None:
    """Points with inertia 0 are ignored; if all are 0, the first k explains everything."""
    assert choose_elbow(curve([100.0, 4.0, 3.0, 0.0, 0.0]).points)[0] == 2
    assert choose_elbow(curve([0.0, 0.0], first=3).points) == (
        3,
        "every k from 3 on explains all of the variance",
    )
    assert choose_elbow(curve([7.0]).points)[0] == 1
