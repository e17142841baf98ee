"""Which k: each rule on hand-made evidence, the knee on the article's, and how sure the choice is."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from config.plans import FitPlan, KPlan
from schemas.evidence import Curve, CurvePoint, Evidence, Measures
from segmentation.k.choosing import choose_elbow, choose_k, find_knee, log_inertia
from segmentation.k.fits import Weighted, fit_weighted
from segmentation.samples.catalogue import article_table


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
    article_rows: np.ndarray,
) -> None:
    """The article's answer, five, is the knee of the log of its inertia; the linear scale says two."""
    rows, counts = np.unique(article_rows, axis=0, return_counts=True)
    ks = np.arange(1, 13)
    inertia = []
    for k in ks:
        centres = fit_weighted(Weighted(rows, counts.astype(float)), int(k), FitPlan(starts=10), 42).centres
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


def evidence(
    natural: Sequence[int], stable: Sequence[float], top: int = 6, **changes: Sequence[float]
) -> Evidence:
    """Evidence for k = 1..top: natural segments past the top, stability by k from 2, other measures by k."""
    measures = []
    for k in range(1, top + 1):
        values: dict[str, Any] = dict.fromkeys(Measures.model_fields)
        values |= {"k": k, "smallest_share": 0.1, "silhouettes": (), "natural": natural[k - 1]}
        values["jaccard"] = (stable[k - 2], 1.0) if k > 1 else ()
        values["faintest_border"] = 0.1 if k > 1 else None
        values |= {name: each[k - 1] for name, each in changes.items()}
        measures.append(Measures(**values))
    return Evidence(measures=tuple(measures), natural=tuple(natural), rows=1000, distinct=1000)


CURVE = curve([100.0, 40.0, 10.0, 9.0, 8.0, 7.5])
THREE = evidence([1, 2, 3, 3, 3, 3, 3, 3, 3, 3], [0.9, 0.95, 0.5, 0.4, 0.3])
CROWD = evidence([1] * 10, [0.92, 0.96, 0.9, 0.95, 0.3])


def test_auto_takes_the_natural_segments() -> None:
    """Where borders settle at three, three it is, and strong if each border is clear and stable."""
    choice = choose_k(KPlan(max=6), CURVE, THREE)
    assert (choice.k, choice.strength, choice.curve) == (3, "strong", CURVE.points)
    assert "3 segments with borders" in choice.reasons[0]
    faint = evidence(THREE.natural, [0.9, 0.95, 0.5, 0.4, 0.3], faintest_border=[0.7] * 6)
    assert choose_k(KPlan(max=6), CURVE, faint).strength == "fair"
    shaky = evidence(THREE.natural, [0.9, 0.6, 0.5, 0.4, 0.3])
    assert choose_k(KPlan(max=6), CURVE, shaky).strength == "weak"


def test_a_crowd_without_borders_is_divided_and_called_so() -> None:
    """The most stable division is taken, of equals the coarsest; the evidence is none."""
    choice = choose_k(KPlan(max=6), CURVE, CROWD)
    assert (choice.k, choice.strength) == (2, "none")
    assert "a division, not a discovery" in choice.reasons[0]
    finer = CROWD.model_copy(update={"measures": CROWD.measures[2:]})
    assert choose_k(KPlan(min=3, max=6), CURVE, finer).k == 3
    only = CROWD.model_copy(update={"measures": CROWD.measures[:1]})
    assert choose_k(KPlan(max=1), CURVE, only).k == 1


def test_more_natural_segments_than_k_max_are_said() -> None:
    """Beyond the range the best silhouette within it is taken, weakly, with the advice to raise k.max."""
    many = evidence(list(range(1, 11)), [0.9] * 5, silhouette=[-1, 0.2, 0.3, 0.6, 0.5, 0.4])
    choice = choose_k(KPlan(max=6), CURVE, many)
    assert (choice.k, choice.strength) == (4, "weak")
    assert "raise k.max" in choice.reasons[0]


def test_a_sliver_is_not_chosen() -> None:
    """k with a segment below smallest_share are left out, and named."""
    sliver = evidence(
        THREE.natural, [0.9, 0.95, 0.5, 0.4, 0.3], smallest_share=[1, 0.4, 0.001, 0.1, 0.1, 0.1]
    )
    choice = choose_k(KPlan(max=6), CURVE, sliver)
    assert choice.k == 2
    assert "k.smallest_share does not allow" in choice.reasons[0]
    assert any("a segment below 1.0% of customers at k = 3" in doubt for doubt in choice.doubts)


@pytest.mark.parametrize(("rule", "wanted"), [("elbow", 3), ("silhouette", 4), ("gap", 5), ("fixed", 2)])
def test_each_rule_takes_its_own(rule: str, wanted: int) -> None:
    """The other rules follow one measure each; another k than the borders' is weak."""
    found = evidence(
        THREE.natural,
        [0.9, 0.95, 0.5, 0.4, 0.3],
        silhouette=[-1, 0.2, 0.3, 0.6, 0.5, 0.4],
        gap=[0.0, 0.1, 0.2, 0.3, 0.5, 0.5],
        gap_error=[0.01] * 6,
    )
    fixed = 2 if rule == "fixed" else None
    choice = choose_k(KPlan.model_validate({"rule": rule, "fixed": fixed, "max": 6}), CURVE, found)
    assert (choice.k, choice.rule) == (wanted, rule)
    assert (choice.strength == "weak") == (wanted != 3)
    assert any("silhouette 4" in doubt for doubt in choice.doubts) == (wanted != 4)


def test_degenerate_evidence_is_named() -> None:
    """Few distinct rows, and an optimum at the end of the range, make the evidence weak at most."""
    few = THREE.model_copy(update={"distinct": 20})
    choice = choose_k(KPlan(max=6), CURVE, few)
    assert choice.strength == "weak"
    assert "only 20 distinct rows" in choice.doubts[0]
    edge = evidence(THREE.natural, [0.9, 0.95, 0.5, 0.4, 0.3], silhouette=[-1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert "it lies at the end of the range, k = 6" in choose_k(KPlan(max=6), CURVE, edge).doubts[0]
