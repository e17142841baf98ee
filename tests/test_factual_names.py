"""Names of segments: true of their segment only, in the words of the figure that is shown."""

import numpy as np
import pytest

from schemas.words import NamePart
from segmentation.report.words.factual_names import (
    NOTABLE,
    NamingInputs,
    choose_names,
    grade_contrast,
    is_true,
)
from segmentation.report.words.name_text import format_factual_names
from segmentation.report.words.traits import Trait, make_indicator, make_number, make_rank

REVENUE, ORDERS = make_number("revenue"), make_number("orders")
RECENCY = Trait("recency", "recency days", make_number("recency").words)
BONN = make_indicator("city = Bonn", "city Bonn")


def name_all(contrasts: np.ndarray, traits: list[Trait], figures: np.ndarray | None = None) -> list[str]:
    """The names of segments with these contrasts. Their figures are the contrasts, if none are given."""
    gaps = contrasts[:, None] - contrasts[None]
    figures = contrasts if figures is None else figures
    names = choose_names(NamingInputs(contrasts, figures, np.sqrt((gaps**2).sum(axis=2)), traits))
    units = {trait.name: "days" if trait is RECENCY else "EUR" for trait in traits}
    return format_factual_names(names, {trait.name: trait for trait in traits}, units)


def test_a_name_says_what_sets_the_segment_apart() -> None:
    """The feature that differs most comes first, and what nobody can see is left out."""
    contrasts = np.array([[0.5, -2.0, 0.1], [-1.6, 0.1, 0.2], [0.1, 0.0, 0.1]])
    assert name_all(contrasts, [REVENUE, ORDERS, RECENCY]) == [
        "very low orders, high revenue",
        "very low revenue",
        "near the average",
    ]


def test_one_segment_is_everyone() -> None:
    """A single segment is called `all customers`."""
    assert name_all(np.zeros((1, 2)), [REVENUE, ORDERS]) == ["all customers"]


def test_a_name_contrasts_with_the_nearest_segments() -> None:
    """Two segments with the same two outstanding features differ by the third one."""
    contrasts = np.array([[2.0, -2.0, 0.9], [2.0, -2.0, -0.9], [-2.0, 2.0, 0.0]])
    names = name_all(contrasts, [REVENUE, ORDERS, RECENCY])
    assert "high recency" in names[0]
    assert "low recency" in names[1]


def test_segments_that_differ_in_degree_have_graded_words() -> None:
    """Five steps of one feature are five grades, and no name needs a number."""
    names = name_all(np.array([[-1.6], [-0.7], [0.0], [0.7], [1.6]]), [REVENUE])
    assert names == [
        "very low revenue",
        "low revenue",
        "near the average",
        "high revenue",
        "very high revenue",
    ]


def test_more_steps_than_grades_get_ranges() -> None:
    """Where grades repeat, the figure's range separates the segments: each has its own."""
    contrasts = np.array([[0.4], [0.7], [1.0]])
    figures = np.array([[410.0], [620.0], [980.0]])
    assert name_all(contrasts, [REVENUE], figures) == [
        "revenue below 500 EUR",
        "revenue 500 to 800 EUR",
        "revenue from 800 EUR",
    ]
    assert name_all(contrasts, [RECENCY], figures)[1] == "recency 500 to 800 days"


@pytest.mark.parametrize("features", [1, 2, 5, 40])
def test_names_differ_and_are_true(features: int) -> None:
    """For up to twelve segments and any number of features, each name is true of its own segment only."""
    random = np.random.default_rng(features)
    for count in range(2, 13):
        contrasts = np.round(random.normal(0, 1, (count, features)), 3)
        figures = 100 + 10 * contrasts
        traits = [make_number(f"f{j}") for j in range(features)]
        gaps = np.abs(contrasts[:, None] - contrasts[None]).sum(axis=2)
        names = choose_names(NamingInputs(contrasts, figures, gaps, traits))
        texts = format_factual_names(names, {t.name: t for t in traits}, {t.name: "" for t in traits})
        assert len(set(texts)) == count
        for segment, parts in enumerate(names):
            true_of = [rival for rival in range(count) if is_true_of(parts, contrasts[rival], figures[rival])]
            assert true_of == [segment], (texts, segment)


def is_true_of(parts: tuple[NamePart, ...], contrasts: np.ndarray, figures: np.ndarray) -> bool:
    """Are the words those of a segment with these contrasts, without any room at the limits?"""
    if not parts:
        return bool((np.abs(contrasts) < NOTABLE).all())
    for part in parts:
        j = int(part.feature[1:])
        if part.is_range:
            low = -np.inf if part.at_least is None else part.at_least
            if not low <= figures[j] < (np.inf if part.below is None else part.below):
                return False
        elif grade_contrast(contrasts[j], figures[j], make_number("x")) != part.grade:
            return False
    return True


def test_equal_segments_have_different_names_too() -> None:
    """Segments without any difference in what is shown are numbered."""
    assert name_all(np.array([[1.0], [1.0]]), [REVENUE]) == ["high revenue, group 1", "high revenue, group 2"]


@pytest.mark.parametrize(
    ("share", "contrast", "words"),
    [
        (0.95, 1.2, "city Bonn"),
        (0.6, 0.8, "mostly city Bonn"),
        (0.4, 0.3, "more often city Bonn"),
        (0.3, -0.3, "less often city Bonn"),
        (0.02, -0.9, "not city Bonn"),
    ],
)
def test_words_of_shares_are_true(share: float, contrast: float, words: str) -> None:
    """A segment with 40 % of customers in Bonn is not called Bonn."""
    assert BONN.describe(grade_contrast(contrast, share, BONN)) == words


def test_levels_are_named() -> None:
    """An ordered category is nearer one of its ends, or nearly all customers are there."""
    contract = make_rank("contract", "contract", ("monthly", "yearly", "two years"))
    words = [contract.describe(grade_contrast(c, rank, contract)) for c, rank in ((-0.8, 0.06), (0.4, 1.3))]
    assert words == ["contract monthly", "contract nearer two years"]


def test_a_name_stays_true_near_a_limit() -> None:
    """Words have some room before they are untrue, but never on the other side of everyone's figure."""
    very_high = NamePart(feature="revenue", grade=2)
    assert is_true(very_high, 1.0, 5.0, REVENUE)
    assert not is_true(very_high, 0.5, 5.0, REVENUE)
    assert not is_true(NamePart(feature="revenue", grade=1), -0.01, 5.0, REVENUE)
    assert is_true(NamePart(feature="revenue", at_least=5.0, below=9.0), 0.0, 5.0, REVENUE)
    assert not is_true(NamePart(feature="revenue", at_least=5.0, below=9.0), 0.0, 9.0, REVENUE)
