"""Learning a model's words when it is trained, and keeping them while it is used.

Names and rules are learnt once, so a segment is called the same night after night. They are learnt again with
another model, and names also where one is no longer true. What is measured every night: description_table.py.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from schemas.clustering import Segment
from schemas.numbers import ColumnScale
from schemas.words import Condition, SegmentWords, Words
from segmentation.features.moments import round_significant
from segmentation.report.labelled_parts import LabelledMatrix
from segmentation.report.words.factual_names import (
    NOTABLE,
    NamingInputs,
    choose_names,
    is_true,
    measure_pairwise_distances,
)
from segmentation.report.words.name_text import format_factual_names
from segmentation.report.words.round_thresholds import Threshold
from segmentation.report.words.segment_rules import Rule, count_matches, infer_rules, score_rules
from segmentation.report.words.traits import Trait
from segmentation.report.words.typical_figures import (
    Statistics,
    TypicalContrasts,
    choose_figures,
    measure_typical,
)

# Precision and recall from which a rule describes its segment, and from which one is learnt: a rule that just
# reaches the limit tonight would come and go.
SIMPLE, LEARNT = 0.7, 0.72


class SegmentFacts(NamedTuple):
    """What words are about: the segments, the scales of all numbers, and their statistics over everyone."""

    segments: Sequence[Segment]
    columns: Sequence[ColumnScale]
    statistics: Statistics
    traits: Mapping[str, Trait]
    units: Mapping[str, str]

    @property
    def varying(self) -> list[int]:
        """Positions of the features that take part in distances: names and rules are about these."""
        return [j for j, column in enumerate(self.columns) if not column.excluded]


def learn_words(facts: SegmentFacts, sample: LabelledMatrix, as_of: date, reason: str = "") -> Words:
    """The figures, names and rules of a new model. sample: customers with all numbers, in original units."""
    traits = [facts.traits[column.feature] for column in facts.columns]
    indicators = [trait.is_indicator for trait in traits]
    figures = choose_figures(facts.columns, indicators, sample.matrix, facts.statistics)
    names = choose_names(
        _select_inputs(facts, measure_typical(figures, facts.statistics, facts.columns), traits)
    )
    varying = facts.varying
    rules = infer_rules(sample.matrix[varying], sample.labels, len(facts.segments))
    features = [facts.columns[j].feature for j in varying]
    scores = score_rules(count_matches(sample.matrix[varying], sample.labels, rules))
    words = [
        SegmentWords(segment_id=segment.segment_id, name=name)
        if not score.is_at_least(LEARNT)
        else SegmentWords(
            segment_id=segment.segment_id,
            name=name,
            rule=tuple(
                Condition(
                    feature=features[threshold.feature],
                    at_least=threshold.at_least,
                    threshold=threshold.value,
                )
                for threshold in rule
            ),
            f1=round_significant(score.f1, 6),
        )
        for segment, name, rule, score in zip(facts.segments, names, rules, scores, strict=True)
    ]
    return Words(as_of=as_of, reason=reason, figures=figures, segments=tuple(words))


def _select_inputs(facts: SegmentFacts, typical: TypicalContrasts, traits: Sequence[Trait]) -> NamingInputs:
    varying = facts.varying
    centres = np.array([segment.centre for segment in facts.segments])
    return NamingInputs(
        contrasts=typical.contrasts[:, varying],
        figures=typical.values.segments[:, varying],
        distances=measure_pairwise_distances(centres),
        traits=[traits[j] for j in varying],
    )


def rename_segments(facts: SegmentFacts, words: Words, as_of: date, untrue: Sequence[str]) -> Words:
    """The words with other names, where some are no longer true. Figures and rules stay as they are."""
    typical = measure_typical(words.figures, facts.statistics, facts.columns)
    traits = [facts.traits[column.feature] for column in facts.columns]
    names = choose_names(_select_inputs(facts, typical, traits))
    segments = [
        segment.model_copy(update={"name": name}) for segment, name in zip(words.segments, names, strict=True)
    ]
    reason = f"names were chosen again on {as_of}: {'; '.join(untrue)}"
    return words.model_copy(update={"segments": tuple(segments), "reason": reason})


def list_untrue_names(facts: SegmentFacts, words: Words, typical: TypicalContrasts) -> list[str]:
    """The segments whose name is no longer true of them, with the name."""
    names = format_factual_names([segment.name for segment in words.segments], facts.traits, facts.units)
    return [
        f"{segment.segment_id} was {name}"
        for i, (segment, name) in enumerate(zip(words.segments, names, strict=True))
        if not _is_still_true(facts, segment, typical, i)
    ]


def _is_still_true(facts: SegmentFacts, segment: SegmentWords, typical: TypicalContrasts, i: int) -> bool:
    """Is every part of a segment's name true of the segment at position i?"""
    if not segment.name:
        # Near the average: no feature has gone far from it. One segment is everyone, and so always near.
        return bool((np.abs(typical.contrasts[i, facts.varying]) < 2 * NOTABLE).all())
    positions = {figure.feature: j for j, figure in enumerate(typical.figures)}
    return all(
        is_true(
            part,
            float(typical.contrasts[i, positions[part.feature]]),
            float(typical.values.segments[i, positions[part.feature]]),
            facts.traits[part.feature],
        )
        for part in segment.name
    )


class LearningNight(NamedTuple):
    """What decides whether words are learnt: the model's, unless it is a new model, and the date."""

    words: Words | None
    as_of: date


def resolve_words(
    facts: SegmentFacts, night: LearningNight, draw_sample: Callable[[], LabelledMatrix]
) -> Words:
    """The model's words, with other names where these are no longer true; new words for a new model.

    draw_sample: customers with all numbers, read only where words are learnt.
    """
    words = night.words
    if words is None or not fits_model(words, facts):
        return learn_words(facts, draw_sample(), night.as_of)
    typical = measure_typical(words.figures, facts.statistics, facts.columns)
    untrue = list_untrue_names(facts, words, typical)
    return rename_segments(facts, words, night.as_of, untrue) if untrue else words


def locate_rules(words: Words, features: Sequence[str]) -> list[Rule]:
    """The segments' rules over these features, by position."""
    positions = {feature: j for j, feature in enumerate(features)}
    return [
        tuple(
            Threshold(positions[condition.feature], condition.at_least, condition.threshold)
            for condition in segment.rule
        )
        for segment in words.segments
    ]


def fits_model(words: Words, facts: SegmentFacts) -> bool:
    """Are these the words of the same segments and numbers?"""
    features = tuple(figure.feature for figure in words.figures)
    ids = tuple(segment.segment_id for segment in words.segments)
    return features == tuple(column.feature for column in facts.columns) and ids == tuple(
        segment.segment_id for segment in facts.segments
    )
