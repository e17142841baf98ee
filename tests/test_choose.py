"""Choosing k: each rule on made-up evidence, and the strength of the evidence. The knee: test_knee.py."""

from collections.abc import Sequence
from typing import Any, get_args

import pytest

from config.clauses import KOptions, KRule
from schemas.evidence import SWEEP_COLUMNS, Curve, CurvePoint, Evidence, Measures
from segmentation.k.rules import RULES, choose_best, choose_k


def curve(inertia: Sequence[float], first: int = 1) -> Curve:
    """A curve over k = first, first + 1, …"""
    return Curve(points=tuple(CurvePoint(k=first + i, inertia=value) for i, value in enumerate(inertia)))


def evidence(
    natural: Sequence[int], stability: Sequence[float], top: int = 6, **changes: Sequence[float]
) -> Evidence:
    """Evidence for k = 1..top. natural: from k = 1 past the top; stability: from k = 2; changes: by k."""
    measures = []
    for k in range(1, top + 1):
        values: dict[str, Any] = dict.fromkeys(Measures.model_fields)
        values |= {"k": k, "smallest_share": 0.1, "silhouettes": (), "natural": natural[k - 1], "slivers": 0}
        values["jaccard"] = (stability[k - 2], 1.0) if k > 1 else ()
        values["faintest_border"] = 0.1 if k > 1 else None
        values |= {name: by_k[k - 1] for name, by_k in changes.items()}
        measures.append(Measures(**values))
    return Evidence(measures=tuple(measures), natural=tuple(natural), rows=1000, distinct=1000)


CURVE = curve([100.0, 40.0, 10.0, 9.0, 8.0, 7.5])
THREE = evidence([1, 2, 3, 3, 3, 3, 3, 3, 3, 3], [0.9, 0.95, 0.5, 0.4, 0.3])
CROWD = evidence([1] * 10, [0.92, 0.96, 0.9, 0.95, 0.3])


def test_auto_takes_the_natural_segments() -> None:
    """Three where the borders say three; the evidence is strong if every border is clear and stable."""
    choice = choose_k(KOptions(max=6), CURVE, THREE)
    assert (choice.k, choice.strength, choice.curve) == (3, "strong", CURVE.points)
    assert "3 segments with borders" in choice.reasons[0]
    faint = evidence(THREE.natural, [0.9, 0.95, 0.5, 0.4, 0.3], faintest_border=[0.7] * 6)
    assert choose_k(KOptions(max=6), CURVE, faint).strength == "fair"
    unstable = evidence(THREE.natural, [0.9, 0.6, 0.5, 0.4, 0.3])
    assert choose_k(KOptions(max=6), CURVE, unstable).strength == "weak"


def test_a_crowd_without_borders_is_called_a_division() -> None:
    """The finest division that people can handle and that holds is chosen, without evidence for it."""
    choice = choose_k(KOptions(max=6), CURVE, CROWD)
    assert (choice.k, choice.strength) == (5, "none")
    assert "a division, not a discovery: the finest of 4 to 6 segments" in choice.reasons[0]
    single = CROWD.model_copy(update={"measures": CROWD.measures[:1]})
    assert choose_k(KOptions(max=1), CURVE, single).k == 1


@pytest.mark.parametrize(
    ("aim", "stability", "expected"),
    [
        ((4, 8), [0.92, 0.96, 0.9, 0.95, 0.3], 5),  # the finest that holds, not the most stable
        ((2, 3), [0.92, 0.96, 0.9, 0.95, 0.3], 3),
        ((4, 8), [0.92, 0.96, 0.5, 0.5, 0.3], 3),  # none of those, so the finest coarser one
        ((2, 3), [0.5, 0.5, 0.5, 0.9, 0.8], 5),  # none of those nor coarser, so the coarsest finer one
        ((4, 8), [0.6, 0.7, 0.7, 0.5, 0.3], 3),  # nothing holds: the most stable, of equals the coarsest
    ],
)
def test_a_division_is_as_fine_as_it_holds(
    aim: tuple[int, int], stability: list[float], expected: int
) -> None:
    """Within k.aim if one holds there (bootstrap Jaccard 0.75), else as near to it as one holds."""
    choice = choose_k(KOptions(max=6, aim=aim), CURVE, evidence([1] * 10, stability))
    assert (choice.k, choice.strength) == (expected, "none")


def test_more_natural_segments_than_k_max_are_reported() -> None:
    """Beyond the range, the best silhouette of those that hold is chosen, with the advice to raise k.max."""
    ten = evidence(list(range(1, 11)), [0.9] * 5, silhouette=[-1, 0.2, 0.3, 0.6, 0.5, 0.4])
    choice = choose_k(KOptions(), CURVE, ten)
    assert (choice.k, choice.strength) == (4, "weak")
    assert "raise k.max" in choice.reasons[0]
    unstable = evidence(
        list(range(1, 11)), [0.9, 0.8, 0.6, 0.9, 0.5], silhouette=[-1, 0.2, 0.3, 0.6, 0.5, 0.7]
    )
    assert choose_k(KOptions(), CURVE, unstable).k == 5


def test_no_reason_contradicts_another() -> None:
    """Where only larger k show the borders, the page does not say that the chosen segments have them."""
    natural = [1, 1, 1, 3, 3, 3, 3, 3, 3, 3]
    choice = choose_k(KOptions(max=6), CURVE, evidence(natural, [0.9] * 5, faintest_border=[0.9] * 6))
    assert (choice.k, choice.strength) == (3, "weak")
    assert "larger k show 3 groups with borders" in choice.reasons[0]
    assert "no border between two of its segments" in choice.reasons[1]


def test_a_division_has_no_sliver() -> None:
    """A handful of customers is not made a segment of a crowd, also where the definition allows one."""
    shares = [1.0, 0.4, 0.3, 0.2, 0.005, 0.1]
    crowd = evidence([1] * 10, [0.92, 0.96, 0.9, 0.95, 0.3], smallest_share=shares)
    assert choose_k(KOptions(max=6, smallest_share=0), CURVE, crowd).k == 4


def test_where_every_division_has_slivers_not_most_segments_are() -> None:
    """Six slivers next to all other customers are left for one, though they hold better; the page says so."""
    slivers, shares = [0, 1, 1, 3, 4, 5], [1.0, *[0.004] * 5]
    crowd = evidence([1] * 10, [0.5, 0.6, 0.6, 0.7, 0.9], slivers=slivers, smallest_share=shares)
    choice = choose_k(KOptions(max=6, smallest_share=0), CURVE, crowd)
    assert choice.k == 3
    assert "1 of 3 segments below 1% of customers" in choice.reasons[1]


def test_few_natural_segments_come_with_a_finer_division_that_holds() -> None:
    """They stand, and the page says which finer division holds, if any, and how to ask for it."""
    natural = [1, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    two = evidence(natural, [0.95, 0.9, 0.8, 0.9, 0.6])
    choice = choose_k(KOptions(max=6), CURVE, two)
    assert (choice.k, choice.strength) == (2, "strong")
    assert "a division into 5 holds as well (bootstrap Jaccard 0.90): k.min: 4" in choice.reasons[2]
    from_four = two.model_copy(update={"measures": two.measures[3:]})
    assert choose_k(KOptions(min=4, max=6), CURVE, from_four).k == 5
    assert len(choose_k(KOptions(max=6), CURVE, evidence(natural, [0.95, *[0.6] * 4])).reasons) == 2


def test_measures_are_listed_by_the_k_that_they_would_choose() -> None:
    """Each k once, with all measures that speak for it."""
    doubts = choose_k(KOptions(max=6), CURVE, THREE).doubts
    assert "k = 3 also by borders, linear elbow, log elbow" in doubts
    silhouette = [-1, 0.2, 0.3, 0.6, 0.5, 0.4]
    choice = choose_k(KOptions(max=6), CURVE, evidence(THREE.natural, [0.9] * 5, silhouette=silhouette))
    assert "other measures would choose k = 4 by silhouette" in choice.doubts


def test_natural_segments_that_do_not_hold_are_left_for_some_that_do() -> None:
    """Unless their borders are clear, or nothing holds, eleven groups at Jaccard 0.53 are not published."""
    natural, stability = list(range(1, 12)) + [11] * 5, [0.9, 0.9, 0.8, 0.8, 0.76, 0.7, 0.6, 0.6, 0.6, 0.53]
    faint = evidence(natural, stability, top=11, faintest_border=[0.6] * 11)
    options, points = KOptions(), curve([100.0 / k for k in range(1, 12)])
    choice = choose_k(options, points, faint)
    assert (choice.k, choice.strength) == (6, "weak")
    assert "k = 11 does not hold when customers are drawn again (bootstrap Jaccard 0.53)" in choice.reasons[0]
    assert choose_k(options, points, evidence(natural, stability, top=11)).k == 11
    unstable = evidence(natural, [0.6] * 10, top=11, faintest_border=[0.6] * 11)
    assert choose_k(options, points, unstable).k == 11


def test_the_usual_k_max_is_not_a_wish() -> None:
    """`resegment init` writes k.max: 12, so more natural segments than that are still weak evidence."""
    sixteen = evidence(list(range(1, 17)), [0.9] * 11, top=12, silhouette=[-1, *[0.2] * 10, 0.5])
    choice = choose_k(KOptions(min=1, max=12), curve([100.0 / k for k in range(1, 13)]), sixteen)
    assert choice.strength == "weak"


def test_a_range_that_a_person_asked_for_is_no_weak_evidence() -> None:
    """The borders speak for three; whoever asks for more or fewer is given them, and how to have three."""
    for options, k, advice in (
        (KOptions(min=4, max=6), 4, "set k.min to 3"),
        (KOptions(max=2), 2, "set k.max to 3"),
        (KOptions(rule="fixed", fixed=2), 2, "set k.rule to auto"),
    ):
        in_range = tuple(point for point in THREE.measures if options.min <= point.k <= options.max)
        choice = choose_k(options, CURVE, THREE.model_copy(update={"measures": in_range}))
        assert (choice.k, choice.strength) == (k, "set")
        assert advice in choice.reasons[1]


def test_few_customers_are_no_strong_evidence() -> None:
    """Clear borders around segments of 30 customers may be chance."""
    choice = choose_k(KOptions(), CURVE, THREE.model_copy(update={"rows": 300}))
    assert (choice.k, choice.strength) == (3, "fair")
    assert "only 30 customers" in choice.reasons[1]


def test_a_sliver_is_not_chosen() -> None:
    """k with a segment below smallest_share are left out, and named."""
    sliver = evidence(
        THREE.natural, [0.9, 0.95, 0.5, 0.4, 0.3], smallest_share=[1, 0.4, 0.001, 0.1, 0.1, 0.1]
    )
    choice = choose_k(KOptions(max=6), CURVE, sliver)
    assert choice.k == 2
    assert "k.smallest_share does not allow" in choice.reasons[0]
    assert any("a segment below 1.0% of customers at k = 3" in doubt for doubt in choice.doubts)


@pytest.mark.parametrize(("rule", "expected"), [("elbow", 3), ("silhouette", 4), ("gap", 5), ("fixed", 2)])
def test_each_rule_follows_its_measure(rule: str, expected: int) -> None:
    """The other rules follow one measure each; another k than the borders' is weak or set."""
    disagreeing = evidence(
        THREE.natural,
        [0.9, 0.95, 0.5, 0.4, 0.3],
        silhouette=[-1, 0.2, 0.3, 0.6, 0.5, 0.4],
        gap=[0.0, 0.1, 0.2, 0.3, 0.5, 0.5],
        gap_error=[0.01] * 6,
    )
    fixed = 2 if rule == "fixed" else None
    choice = choose_k(KOptions.model_validate({"rule": rule, "fixed": fixed, "max": 6}), CURVE, disagreeing)
    assert (choice.k, choice.rule) == (expected, rule)
    assert choice.strength == {"elbow": "strong", "fixed": "set"}.get(rule, "weak")
    assert any("k = 4 by silhouette" in doubt for doubt in choice.doubts) == (expected != 4)


def test_every_rule_of_a_definition_exists() -> None:
    """A rule is an entry of RULES, or the name of a measure with a preferred end."""
    indices = {name for name, column in SWEEP_COLUMNS.items() if column.prefers}
    assert set(get_args(KRule)) <= {*RULES, *indices}


def test_an_index_is_a_rule_by_its_name() -> None:
    """The k with the index's best value is chosen, largest or smallest as its field says."""
    values = [9.0, 4.0, 3.0, 2.0, 5.0, 6.0]
    measured = evidence(THREE.natural, [0.9] * 5, davies_bouldin=values, calinski_harabasz=values)
    assert choose_best("davies_bouldin", measured.measures) == (4, "smallest Davies-Bouldin")
    assert choose_best("calinski_harabasz", measured.measures) == (1, "largest Calinski-Harabasz")


def test_degenerate_evidence_is_reported() -> None:
    """Few distinct rows, and an optimum at the end of the range, make the evidence weak at most."""
    degenerate = THREE.model_copy(update={"distinct": 20})
    choice = choose_k(KOptions(max=6), CURVE, degenerate)
    assert choice.strength == "weak"
    assert "only 20 distinct rows" in choice.doubts[0]
    edge = evidence(THREE.natural, [0.9, 0.95, 0.5, 0.4, 0.3], silhouette=[-1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert "it is at the end of the range, k = 6" in choose_k(KOptions(max=6), CURVE, edge).doubts[0]
