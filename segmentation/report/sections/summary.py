"""The top of the page: what a reader sees in ten seconds, and what the checks found.

Its three panels are in overview.py, night_changes.py and trust.py; the details are in the sections.
"""

from datetime import date
from typing import NamedTuple

from segmentation.report.context import ReportContext
from segmentation.report.sections.night_changes import NightChangesView, view_night_changes
from segmentation.report.sections.overview import OverviewView, view_overview
from segmentation.report.sections.trust import TrustView, view_trust


class SummaryView(NamedTuple):
    """What templates/summary.html.j2 shows, and report.html.j2 in the footer."""

    name: str
    as_of: date
    edition: str
    description: str
    is_published: bool
    failed_required: tuple[str, ...]
    failed_advisory: tuple[str, ...]
    overview: OverviewView
    night_changes: NightChangesView
    trust: TrustView


def view_summary(context: ReportContext) -> SummaryView:
    """The view of the page's header."""
    definition, verdict = context.night.definition, context.verdict
    return SummaryView(
        name=definition.name,
        as_of=context.night.as_of,
        edition=context.draft.ingested.key.edition,
        description=definition.description,
        is_published=verdict.may_publish,
        failed_required=verdict.reasons,
        failed_advisory=verdict.warnings,
        overview=view_overview(context),
        night_changes=view_night_changes(context),
        trust=view_trust(context),
    )
