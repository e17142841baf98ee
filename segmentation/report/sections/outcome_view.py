"""The section Outcome: what an earlier edition's segments said about what its customers did next.

The figures are computed in segmentation/outcomes/. Markup: templates/sections/outcome.html.j2.
"""

from typing import NamedTuple

from schemas.validation import Validation
from schemas.wording import choose_verb
from segmentation.outcomes.verdict_tables import list_segment_rows, list_skill_rows
from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.formatting import format_customers, format_date


class OutcomeView(NamedTuple):
    """The view of the section."""

    scope: str
    sentences: list[str]
    segments: Table
    skills: Table


def view_outcome(context: ReportContext) -> OutcomeView | None:
    """The newest validation whose horizon has ended; None if nobody has validated an edition."""
    validation = context.draft.ingested.key.validation
    if validation is None:
        return None
    segments, skills = list_segment_rows(validation), list_skill_rows(validation)
    return OutcomeView(
        scope=describe_scope(validation),
        sentences=[measure.sentence for measure in validation.measures],
        segments=Table("The outcome by segment", _capitalise(segments.header), segments.rows, is_text=True),
        skills=Table("Ways to group customers", _capitalise(skills.header), skills.rows, is_text=True),
    )


def describe_scope(validation: Validation) -> str:
    """Which customers were judged, and by what was known when."""
    customers = format_customers(validation.drawn - validation.unknown)
    sample = "" if validation.drawn == validation.customers else f", drawn from {validation.customers:,}"
    unknown = (
        f"; {format_customers(validation.unknown)} without an outcome "
        f"{choose_verb(validation.unknown, 'is', 'are')} left out"
        if validation.unknown
        else ""
    )
    return (
        f"The segments of {format_date(validation.as_of)}, judged by what was known on "
        f"{format_date(validation.until)}: {customers}{sample}{unknown}."
    )


def _capitalise(header: tuple[str, ...]) -> list[str]:
    return [name[:1].upper() + name[1:] for name in header]
