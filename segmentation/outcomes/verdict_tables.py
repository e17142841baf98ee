"""The tables of a validation for readers: in the terminal and on the page.

Sentences are in verdicts.py, the published table in judging.py.
"""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.validation import Interval, MeasureValidation, SegmentOutcome, Validation
from segmentation.outcomes.verdicts import format_mean_of, format_r2

DASH = "\N{EN DASH}"


class ReadableTable(NamedTuple):
    """A header and rows of cells."""

    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def list_segment_rows(validation: Validation) -> ReadableTable:
    """One row per measure and segment: mean, lift and their intervals."""
    header = ("measure", "segment", "name", "customers", "mean", "95 %", "lift", "95 %")
    rows = [
        (measure.measure, *format_segment_outcome(measure, segment))
        for measure in validation.measures
        for segment in measure.segments
    ]
    return ReadableTable(header, rows)


def format_segment_outcome(measure: MeasureValidation, segment: SegmentOutcome) -> tuple[str, ...]:
    """The cells of a segment. One with too few customers has no figures."""
    cells = (segment.segment_id, segment.name, f"{segment.customers:,}")
    if segment.mean is None:
        return (*cells, "too few", "", "", "")
    return (
        *cells,
        format_mean_of(measure, segment.mean),
        _format_interval(measure, segment.interval),
        "" if segment.lift is None else f"{segment.lift:.2f}",
        f"{segment.lift_interval.low:.2f} {DASH} {segment.lift_interval.high:.2f}"
        if segment.lift_interval
        else "",
    )


def list_skill_rows(validation: Validation) -> ReadableTable:
    """One row per measure and way of grouping: what groups explain for customers they have not seen."""
    header = ("measure", "groups", "number", "R² held out", "95 %", "AUC")
    rows = [
        (
            measure.measure,
            skill.label,
            f"{skill.groups:,}",
            format_r2(skill.r2),
            f"{format_r2(skill.r2_interval.low)} {DASH} {format_r2(skill.r2_interval.high)}"
            if skill.r2_interval
            else "",
            "" if skill.auc is None else f"{skill.auc:.2f}",
        )
        for measure in validation.measures
        for skill in measure.groupings
        if skill.kind != "division"
    ]
    return ReadableTable(header, rows)


def describe_divisions(validation: Validation) -> list[str]:
    """A line per measure: what every k that the edition tried says about it, held out."""
    return [
        f"{measure.measure} by number of segments ({'R² held out' if scores[0].auc is None else 'AUC'}): "
        + ", ".join(f"{skill.groups}: {skill.score_text}" for skill in scores)
        for measure in validation.measures
        if len(scores := measure.divisions) > 1
    ]


def _format_interval(measure: MeasureValidation, interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{format_mean_of(measure, interval.low)} {DASH} {format_mean_of(measure, interval.high)}"
