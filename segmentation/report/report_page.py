"""The nightly report: the views of all sections, rendered as one page.

The order and the headings of the sections are in templates/report.html.j2.
"""

from typing import NamedTuple

from segmentation.report.context import ReportContext
from segmentation.report.figure import Figure
from segmentation.report.page import render_page
from segmentation.report.sections.alternatives import AlternativesView, view_alternatives
from segmentation.report.sections.cards import SegmentsView, view_segments
from segmentation.report.sections.data_quality import QualityView, view_quality
from segmentation.report.sections.evidence import EvidenceView, view_evidence
from segmentation.report.sections.history import HistoryView, view_history
from segmentation.report.sections.known_groups import GroupsView, view_groups
from segmentation.report.sections.migration import ChangesView, view_changes
from segmentation.report.sections.moves import MovesView, view_moves
from segmentation.report.sections.outcome_view import OutcomeView, view_outcome
from segmentation.report.sections.profiles import ProfilesView, view_profiles
from segmentation.report.sections.provenance import MakingView, view_making
from segmentation.report.sections.rfm_view import RfmView, view_rfm
from segmentation.report.sections.rules_view import RulesView, view_rules
from segmentation.report.sections.scatter import CustomersView, view_customers
from segmentation.report.sections.summary import SummaryView, view_summary
from segmentation.report.sections.who_they_are import LevelsView, view_levels


class ReportView(NamedTuple):
    """The views by the ids of their sections."""

    summary: SummaryView
    segments: SegmentsView
    changes: ChangesView
    moves: MovesView
    past: HistoryView
    profiles: ProfilesView
    levels: LevelsView | None
    rfm: RfmView | None
    rules: RulesView | None
    customers: CustomersView
    outcome: OutcomeView | None
    groups: GroupsView | None
    evidence: EvidenceView
    alternatives: AlternativesView | None
    quality: QualityView
    making: MakingView

    @property
    def figures(self) -> list[Figure]:
        """All figures, in the order in which report.js draws them."""
        figures = [
            self.changes.diagram,
            *self.past.sizes_and_shares,
            *self.past.worth,
            self.past.moves,
            self.customers.figure,
            *self.evidence.panels,
        ]
        return [figure for figure in figures if figure is not None]


def view_report(context: ReportContext) -> ReportView:
    """What the page shows."""
    return ReportView(
        summary=view_summary(context),
        segments=view_segments(context),
        changes=view_changes(context),
        moves=view_moves(context),
        past=view_history(context),
        profiles=view_profiles(context),
        levels=view_levels(context),
        rfm=view_rfm(context),
        rules=view_rules(context),
        customers=view_customers(context),
        outcome=view_outcome(context),
        groups=view_groups(context),
        evidence=view_evidence(context),
        alternatives=view_alternatives(context),
        quality=view_quality(context),
        making=view_making(context),
    )


def render_report(context: ReportContext) -> bytes:
    """The report as an HTML page."""
    view = view_report(context)
    title = f"{context.night.definition.name}, {context.night.as_of}: {context.draft.choice.k} segments"
    views = view._asdict()
    return render_page("report.html.j2", title, view.figures, views=views, **views)
