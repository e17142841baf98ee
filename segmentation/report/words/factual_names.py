"""Factual names of segments: what sets each apart from everyone, and from the segments nearest to it.

A name is true of its own segment only: `high revenue, recent`. Where grades do not separate two segments, one
of the features gets a range: `revenue 500 to 1,200 GBP`. The words are in traits.py, the figures that they
describe in typical_figures.py, names as text in name_text.py. Names set by people:
segmentation/identity/given_names.py.
"""

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import combinations
from operator import and_
from typing import NamedTuple

import numpy as np

from schemas.words import NamePart
from segmentation.report.words.round_thresholds import shortest_number_between
from segmentation.report.words.traits import Trait

# Contrasts from which a number is high, very high and extremely high: about three fifths of customers are
# below the first, nine tenths below the second, and all but one in a hundred below the third.
NOTABLE, STRONG, EXTREME = 0.25, 1.25, 2.25
_CLEAR = 0.15  # contrasts closer than this do not tell two segments apart, even with a limit between them
_NEIGHBOURS = 2
_CANDIDATES = 8  # features that a name is chosen from
_HARDLY, _MOSTLY, _NEARLY_ALL = 0.1, 0.5, 0.9  # shares, for the words of indicators
_NEAR_END, _AT_END = 0.25, 0.1  # average ranks from which nearly all customers have the first or last level
_LARGEST = 2.5  # a larger contrast says no more


class NamingInputs(NamedTuple):
    """What names are chosen from.

    contrasts: of the figures (k, d). figures: in original units (k, d). distances: between the segments'
    centres (k, k).
    """

    contrasts: np.ndarray
    figures: np.ndarray
    distances: np.ndarray
    traits: Sequence[Trait]


def measure_pairwise_distances(centres: np.ndarray) -> np.ndarray:
    """Distances between segments' centres (k, d) in scaled units, float64 (k, k).

    Rounded, so that machines that differ in the last bits choose the same names.
    """
    distances: np.ndarray = np.sqrt(np.square(centres[:, None] - centres[None]).sum(axis=2))
    return np.round(distances, 9)


def grade_contrast(contrast: float, figure: float, trait: Trait) -> int:
    """The grade of a feature, from -3 to 3; of an indicator from -2.

    >>> from segmentation.report.words.traits import make_indicator, make_number
    >>> grade_contrast(-1.4, 3.0, make_number("a")), grade_contrast(0.9, 0.95, make_indicator("b"))
    (-2, 3)
    """
    size = abs(contrast)
    if size < NOTABLE:
        return 0
    if trait.is_indicator:
        return 1 + (figure >= _MOSTLY) + (figure >= _NEARLY_ALL) if contrast > 0 else -1 - (figure <= _HARDLY)
    if trait.levels:
        from_end = len(trait.levels) - 1 - figure if contrast > 0 else figure
        grade = 1 + (from_end <= _NEAR_END) + (from_end <= _AT_END)
    else:
        grade = 1 + (size >= STRONG) + (size >= EXTREME)
    return grade if contrast > 0 else -grade


def choose_names(inputs: NamingInputs) -> list[tuple[NamePart, ...]]:
    """The parts of each segment's name; no parts for one segment, or one near the average."""
    count = len(inputs.contrasts)
    if count == 1:
        return [()]
    grades = grade_all(inputs)
    choices = [_choose_features(inputs, grades, segment) for segment in range(count)]
    return [
        _add_range(inputs, grades, segment, features)
        if _list_rivals(inputs, grades, segment, features)
        else _make_parts(inputs, grades, segment, features)
        for segment, features in enumerate(choices)
    ]


def grade_all(inputs: NamingInputs) -> np.ndarray:
    """The grade of every feature in every segment, int (k, d)."""
    return np.array(
        [
            [
                grade_contrast(contrast, figure, trait)
                for contrast, figure, trait in zip(*rows, inputs.traits, strict=True)
            ]
            for rows in zip(inputs.contrasts, inputs.figures, strict=True)
        ],
        dtype=int,
    ).reshape(inputs.contrasts.shape)


def _choose_features(inputs: NamingInputs, grades: np.ndarray, segment: int) -> tuple[int, ...]:
    """One to three features whose words, together, are true of this segment only, if there are any."""
    scores = score_features(inputs, segment)
    order = [int(feature) for feature in np.argsort(-scores, kind="stable")]
    notable = [feature for feature in order if grades[segment, feature]][:_CANDIDATES]
    # A number that is average here can still tell the segment from another. An indicator has no such word.
    average = [f for f in order if not grades[segment, f] and not inputs.traits[f].is_indicator]
    candidates = notable + average[: _CANDIDATES // 2]

    fits = _detect_fits(inputs, grades, segment)

    def rank(features: tuple[int, ...]) -> tuple[bool, int, int, float]:
        rivals = _intersect(fits, features) if features else _list_rivals(inputs, grades, segment, ())
        averages = sum(not grades[segment, feature] for feature in features)
        # Two features say most in few words; what is average is said only to tell segments apart.
        length = {0: 3, 1: 1, 2: 0, 3: 2}[len(features)]
        total = float(sum(scores[feature] for feature in features))
        return bool(rivals), averages, length, -round(total, 9)

    # Near the average is a name only where no feature is notable.
    return min(_list_subsets(candidates, 1 if notable else 0), key=rank)


def _list_subsets(candidates: Sequence[int], shortest: int) -> Iterator[tuple[int, ...]]:
    for length in range(shortest, 4):
        yield from combinations(candidates, length)


def score_features(inputs: NamingInputs, segment: int) -> np.ndarray:
    """How much each feature says about a segment (d,): far from everyone, and far from its neighbours."""
    contrasts = np.clip(inputs.contrasts, -_LARGEST, _LARGEST)
    order = np.argsort(inputs.distances[segment], kind="stable")
    neighbours = [int(rival) for rival in order if rival != segment][:_NEIGHBOURS]
    gaps = np.abs(contrasts[neighbours] - contrasts[segment]).mean(axis=0)
    score: np.ndarray = np.abs(contrasts[segment]) + gaps
    return score


def _list_rivals(
    inputs: NamingInputs, grades: np.ndarray, segment: int, features: Sequence[int]
) -> list[int]:
    """The segments that the same words would fit."""
    if not features:
        return [rival for rival in range(len(grades)) if rival != segment and not grades[rival].any()]
    rivals = _intersect(_detect_fits(inputs, grades, segment), features)
    return [rival for rival in range(len(grades)) if rivals >> rival & 1]


def _detect_fits(inputs: NamingInputs, grades: np.ndarray, segment: int) -> list[int]:
    """For each feature, the other segments that its word would fit too: bit i for segment i."""
    # As bits, because thousands of combinations of features are compared, and arrays that small are slow.
    fits = (grades == grades[segment]) | (np.abs(inputs.contrasts - inputs.contrasts[segment]) < _CLEAR)
    fits[segment] = False
    return [sum(1 << int(rival) for rival in np.flatnonzero(column)) for column in fits.T]


def _intersect(fits: Sequence[int], features: Sequence[int]) -> int:
    return reduce(and_, (fits[feature] for feature in features))


def _make_parts(
    inputs: NamingInputs, grades: np.ndarray, segment: int, features: Sequence[int]
) -> tuple[NamePart, ...]:
    """The name's parts, the feature that is farthest from everyone's first."""
    order = sorted(features, key=lambda feature: (-abs(inputs.contrasts[segment, feature]), feature))
    return tuple(
        NamePart(feature=inputs.traits[feature].name, grade=int(grades[segment, feature]))
        for feature in order
    )


def _add_range(
    inputs: NamingInputs, grades: np.ndarray, segment: int, features: Sequence[int]
) -> tuple[NamePart, ...]:
    """The name with a range of the feature that separates the segment best from those with the same words."""
    rivals = _list_rivals(inputs, grades, segment, features)
    gaps = np.abs(inputs.contrasts[rivals] - inputs.contrasts[segment]).min(axis=0)
    feature = int(np.argmax(gaps))
    if not gaps[feature]:
        return _make_parts(inputs, grades, segment, features)
    remaining = [position for position in features if position != feature]
    parts = _make_parts(inputs, grades, segment, remaining)
    # The range replaces a grade, so it must also exclude the segments that the grade excluded.
    rivals = _list_rivals(inputs, grades, segment, remaining) if remaining else list(range(len(grades)))
    figures, figure = inputs.figures[rivals, feature], inputs.figures[segment, feature]
    lower, upper = figures[figures < figure], figures[figures > figure]
    return (
        NamePart(
            feature=inputs.traits[feature].name,
            at_least=choose_limit(float(lower.max()), float(figure)) if lower.size else None,
            below=choose_limit(float(figure), float(upper.min())) if upper.size else None,
        ),
        *parts,
    )


def choose_limit(low: float, high: float) -> float:
    """A short number about half-way between two figures.

    >>> choose_limit(412.0, 1733.0)
    1000.0
    """
    quarter = (high - low) / 4
    return shortest_number_between(low + quarter, high - quarter) if quarter else high


def is_true(part: NamePart, contrast: float, figure: float, trait: Trait) -> bool:
    """Is what the name says still true? Grades have some room, so that no name flickers at a limit.

    >>> from segmentation.report.words.traits import make_number
    >>> high = NamePart(feature="a", grade=1)
    >>> is_true(high, 0.2, 5.0, make_number("a")), is_true(high, -0.2, 5.0, make_number("a"))
    (True, False)
    """
    if part.is_range:
        is_above = part.at_least is None or figure >= part.at_least
        return is_above and (part.below is None or figure < part.below)
    if part.grade == 0:
        return abs(contrast) < 2 * NOTABLE
    side, size = contrast if part.grade > 0 else -contrast, abs(part.grade)
    if side < NOTABLE / 2:
        return False
    if trait.is_indicator:
        return {3: figure >= 0.8, 2: figure >= 0.4, -2: figure <= 0.2}.get(part.grade, True)
    if trait.levels:
        from_end = len(trait.levels) - 1 - figure if part.grade > 0 else figure
        return size == 1 or from_end <= 2 * _NEAR_END
    return side >= (NOTABLE / 2, STRONG - 0.5, EXTREME - 0.5)[size - 1]
