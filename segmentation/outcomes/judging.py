"""Judging an edition by its outcome: every measure in every segment, and what the segments say about it.

Sentences are in verdicts.py, intervals in intervals.py, held-out skill in held_out.py.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from config.definition import Definition
from schemas.validation import MeasureValidation, SegmentOutcome
from schemas.validation_table import VALIDATION
from segmentation.outcomes.groupings import Grouping, list_division_groupings, list_groupings
from segmentation.outcomes.held_out import SIGNIFICANT, assign_folds, compute_p_value, measure_skill
from segmentation.outcomes.intervals import estimate_lift, estimate_mean, estimate_rate
from segmentation.outcomes.outcome_night import get_unit_of, list_measures
from segmentation.outcomes.outcome_sample import OutcomeSample
from segmentation.outcomes.verdicts import describe_measure

LEAST_SHOWN = 10  # customers: with fewer, the outcome might be one person's


class JudgedEdition(NamedTuple):
    """Names by segment id, in order, the features of the quintile cells, and the other k that were tried."""

    definition: Definition
    names: Mapping[str, str]
    cell_features: Sequence[str]
    ks: Sequence[int] = ()


def judge_measures(sample: OutcomeSample, edition: JudgedEdition) -> tuple[MeasureValidation, ...]:
    """Every measure, for the customers of the sample whose outcome is known."""
    is_known = np.isfinite(sample.outcomes).all(axis=1)
    sample = OutcomeSample(*(array[is_known] for array in sample))
    ids = list(edition.names)
    labels = np.array([ids.index(segment_id) for segment_id in sample.segment_ids], np.int64)
    groupings = list_groupings(sample, labels, edition.definition, edition.cell_features)
    groupings += list_division_groupings(sample, edition.ks)
    folds = assign_folds(sample.keys)
    return tuple(
        _judge_measure(name, values, folds, groupings, edition)
        for name, values in zip(list_measures(edition.definition), sample.outcomes.T, strict=True)
    )


def _judge_measure(
    name: str,
    values: np.ndarray,
    folds: np.ndarray,
    groupings: Sequence[Grouping],
    edition: JudgedEdition,
) -> MeasureValidation:
    definition, seed = edition.definition, edition.definition.seed
    is_rate = bool(np.isin(values, (0.0, 1.0)).all())
    p_value = compute_p_value(values, groupings[0], seed)
    skills = [
        measure_skill(values, grouping, folds, is_rate=is_rate, seed=definition.seed)
        for grouping in groupings
    ]
    measure = MeasureValidation(
        measure=name,
        unit=get_unit_of(definition, name),
        is_rate=is_rate,
        customers=len(values),
        mean=float(values.mean()),
        p_value=p_value,
        says_something=p_value <= SIGNIFICANT,
        sentence="",
        segments=tuple(
            _describe_segment(SegmentValues(values, groupings[0].labels == label, is_rate), key, title, seed)
            for label, (key, title) in enumerate(edition.names.items())
        ),
        groupings=tuple(skills),
    )
    return measure.model_copy(update={"sentence": describe_measure(measure, definition.outcome)})


class SegmentValues(NamedTuple):
    """A measure of all customers (n,), and which of them are in one segment, bool (n,)."""

    values: np.ndarray
    is_inside: np.ndarray
    is_rate: bool


def _describe_segment(measure: SegmentValues, segment_id: str, name: str, seed: int) -> SegmentOutcome:
    values, is_inside, is_rate = measure
    inside = values[is_inside]
    outcome = SegmentOutcome(segment_id=segment_id, name=name, customers=len(inside))
    if len(inside) < LEAST_SHOWN:
        return outcome
    lift = estimate_lift(values, is_inside)
    interval = estimate_rate(int(inside.sum()), len(inside)) if is_rate else estimate_mean(inside, seed)
    return outcome.model_copy(
        update={
            "mean": float(inside.mean()),
            "interval": interval,
            "lift": None if lift is None else lift[0],
            "lift_interval": None if lift is None else lift[1],
        }
    )


def tabulate_outcomes(measures: Sequence[MeasureValidation]) -> pd.DataFrame:
    """The rows of validation.parquet."""
    rows = []
    for measure in measures:
        for segment in measure.segments:
            interval, lift_interval = segment.interval, segment.lift_interval
            rows.append(
                {
                    "measure": measure.measure,
                    "segment_id": segment.segment_id,
                    "name": segment.name,
                    "customers": segment.customers,
                    "mean": segment.mean,
                    "mean_low": interval.low if interval else None,
                    "mean_high": interval.high if interval else None,
                    "lift": segment.lift,
                    "lift_low": lift_interval.low if lift_interval else None,
                    "lift_high": lift_interval.high if lift_interval else None,
                }
            )
    frame = pd.DataFrame(rows, columns=list(VALIDATION.columns))
    types = {name: str(column.dtype) for name, column in VALIDATION.columns.items()}
    return frame.astype({name: "str" if "str" in kind else kind for name, kind in types.items()})
