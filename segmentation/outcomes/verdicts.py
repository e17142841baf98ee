"""What a validation says in words: how segments differ, how much they explain, and compared with what.

The figures are computed in judging.py and held_out.py.
"""

from config.outcome import BOUGHT_AGAIN, Outcome
from schemas.validation import GroupingKind, GroupingSkill, MeasureValidation, OutcomeMeasure
from schemas.wording import format_count
from segmentation.report.formatting import format_amount, format_share, join_words

NOTHING = "says nothing"  # the verdict on segments that differ as much as random groups do


def describe_measure(measure: MeasureValidation, outcome: Outcome | None) -> str:
    """The verdict on one measure, in one to three sentences."""
    subject = describe_outcome(measure.measure, outcome)
    if not measure.says_something:
        return (
            f"A customer's segment {NOTHING} about {subject}: random groups of the same sizes differ as much "
            f"(p = {measure.p_value:.2g}). {describe_average(measure)}."
        )
    sentences = [f"{_describe_skill(measure, subject)}.", f"{_describe_extremes(measure)}."]
    if comparison := _compare(measure):
        sentences.append(f"{comparison}.")
    return " ".join(sentences)


def describe_outcome(name: str, outcome: Outcome | None) -> str:
    """`revenue in the next 90 days`, or the column's name."""
    subject = "buying again" if name == BOUGHT_AGAIN else name
    days = outcome.days if outcome else None
    return subject if days is None else f"{subject} in the next {format_count(days, 'day')}"


def format_mean_of(measure: OutcomeMeasure, mean: float) -> str:
    """A rate as a share, or an amount with its unit."""
    return format_share(mean) if measure.is_rate else format_amount(mean, measure.unit)


def describe_average(measure: MeasureValidation) -> str:
    """`On average 26.5 %`."""
    return f"On average it is {format_mean_of(measure, measure.mean)}"


def get_skill(measure: MeasureValidation, kind: GroupingKind) -> GroupingSkill | None:
    """One way of grouping."""
    return next((skill for skill in measure.groupings if skill.kind == kind), None)


def format_r2(r2: float | None) -> str:
    """Two digits after the point; empty without one.

    >>> format_r2(0.1349), format_r2(-0.0012), format_r2(None)
    ('0.13', '0.00', '')
    """
    return "" if r2 is None else f"{r2:.2f}".replace("-0.00", "0.00")


def _describe_skill(measure: MeasureValidation, subject: str) -> str:
    skill = get_skill(measure, "segments")
    if skill is None or skill.r2 is None or skill.r2 <= 0:
        return f"Segments differ in {subject} (p = {measure.p_value:.2g}), but a few customers outweigh that"
    auc = f", AUC {skill.auc:.2f}" if skill.auc is not None else ""
    return f"Segments explain {format_share(skill.r2)} of the differences in {subject} (R² held out{auc})"


def _describe_extremes(measure: MeasureValidation) -> str:
    visible = [segment for segment in measure.segments if segment.mean is not None]
    if len(visible) < 2:
        return describe_average(measure)
    ordered = sorted(visible, key=lambda segment: (-(segment.mean or 0), segment.segment_id))
    high, low = (
        f"{format_mean_of(measure, end.mean or 0)} in {end.segment_id}"
        for end in ordered[:: len(ordered) - 1]
    )
    return f"It is {high} and {low}, and {format_mean_of(measure, measure.mean)} on average"


def _compare(measure: MeasureValidation) -> str:
    """How cells and the previous edition do, where both have an R squared."""
    skills = [get_skill(measure, kind) for kind in ("cells", "previous")]
    parts = [
        f"{skill.groups} {skill.label}" if skill.kind == "cells" else f"the {skill.label}"
        for skill in skills
        if skill is not None and skill.r2 is not None
    ]
    values = [format_share(max(0.0, skill.r2)) for skill in skills if skill and skill.r2 is not None]
    return (
        "For comparison: "
        + join_words([f"{part} explain {value}" for part, value in zip(parts, values, strict=True)])
        if parts
        else ""
    )
