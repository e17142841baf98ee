"""Which k: the knee of the log of inertia, on hand-made curves and on the article's."""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from config.plans import KPlan
from schemas.records import Curve, CurvePoint, Night
from segmentation.samples import article_table
from tasks.choose import choose_elbow, choose_k, find_knee, log_inertia
from tasks.sweep import fit_sample


def curve(inertia: Sequence[float], first: int = 1) -> Curve:
    """A curve over k = first, first + 1, …"""
    return Curve(points=tuple(CurvePoint(k=first + i, inertia=value) for i, value in enumerate(inertia)))


@pytest.fixture(scope="module")
def article_rows() -> np.ndarray:
    """The article's rows (n, 3)."""
    return np.column_stack([column.to_numpy() for column in article_table().columns])


def knee_oracle(k: Sequence[float], values: Sequence[float]) -> int:
    """The point with the greatest perpendicular distance below the chord of the scaled curve."""
    best, place = 0.0, 0
    for i, (x, y) in enumerate(zip(k, values, strict=True)):
        across = (x - k[0]) / (k[-1] - k[0])
        up = (y - values[-1]) / (values[0] - values[-1])
        depth = (1 - across - up) / math.sqrt(2)
        if depth > best + 1e-12:
            best, place = depth, i
    return place


def test_knee_is_the_point_farthest_below_the_chord() -> None:
    """On falling curves of all kinds the knee is the one of an independent loop."""
    random = np.random.default_rng(0)
    for _ in range(200):
        m = int(random.integers(3, 15))
        values = np.sort(random.lognormal(0, 2, m))[::-1]
        k = np.cumsum(random.integers(1, 4, m))
        assert find_knee(k, values) == knee_oracle(k.tolist(), values.tolist())


@pytest.mark.parametrize(
    ("values", "wanted"),
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
def test_knee_by_hand(values: list[float], wanted: int) -> None:
    """A sharp bend is the knee; a straight, flat, rising or too short curve gives its first point."""
    assert find_knee(np.arange(1, len(values) + 1), np.array(values)) == wanted


def test_knee_needs_one_k_per_value() -> None:
    """Values without their k are an error."""
    with pytest.raises(ValueError, match="broadcast"):
        find_knee(np.arange(2), np.array([3.0, 2.0, 1.0]))


def test_log_of_zero_is_null() -> None:
    """Inertia 0 has no logarithm, and no warning is given."""
    found = log_inertia(np.array([math.e, 0.0, 1.0]))
    assert found[0] == pytest.approx(1.0)
    assert np.isnan(found[1])
    assert found[2] == 0.0


def test_articles_curve_bends_at_five_on_the_log_and_at_two_on_the_linear_scale(
    make_night: Callable[..., Night], article_rows: np.ndarray
) -> None:
    """The article's answer, five, is the knee of the log of its inertia; the linear scale says two."""
    rows, counts = np.unique(article_rows, axis=0, return_counts=True)
    ks = np.arange(1, 13)
    inertia = []
    for k in ks:
        centres, _ = fit_sample(rows, counts.astype(float), int(k), make_night(fit={"starts": 10}))
        squares = ((article_rows[:, None] - centres[None]) ** 2).sum(axis=2)
        inertia.append(squares.min(axis=1).sum())
    assert ks[find_knee(ks, np.array(inertia))] == 2
    assert ks[find_knee(ks, np.log(inertia))] == 5
    assert choose_elbow(curve(inertia).points) == (5, "knee of the log of inertia over k = 1..12")


def test_elbow_leaves_out_k_with_nothing_left_to_explain() -> None:
    """Points with inertia 0 take no part; if all are so, the first k explains everything."""
    assert choose_elbow(curve([100.0, 4.0, 3.0, 0.0, 0.0]).points)[0] == 2
    assert choose_elbow(curve([0.0, 0.0], first=3).points) == (
        3,
        "every k from 3 on explains all of the variance",
    )
    assert choose_elbow(curve([7.0]).points)[0] == 1


@pytest.mark.parametrize("rule", ["auto", "elbow"])
def test_auto_is_the_elbow(rule: str) -> None:
    """Both rules take the knee and keep the curve."""
    points = curve([1000.0, 10.0, 8.0, 7.0])
    choice = choose_k(KPlan.model_validate({"rule": rule}), points)
    assert (choice.k, choice.rule, choice.curve) == (2, rule, points.points)


def test_fixed_k_is_taken_or_lowered() -> None:
    """A fixed k is taken; where there are fewer distinct rows it is lowered, and the reason says so."""
    plan = KPlan(rule="fixed", fixed=4)
    assert choose_k(plan, curve([9.0, 8.0, 7.0, 6.0, 5.0])).k == 4
    lowered = choose_k(plan, curve([9.0, 8.0, 0.0]))
    assert lowered.k == 3
    assert "fixed at 4 by the definition, lowered" in lowered.reasons[0]


def test_a_curve_without_points_is_an_error() -> None:
    """No candidate, no choice."""
    with pytest.raises(IndexError):
        choose_k(KPlan(), curve([]))
