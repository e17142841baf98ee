"""The section of the rules: each segment's rule as text and SQL, and how the rules match customers together.

Rules are learnt in learning.py, measured in description_table.py and written as SQL in rule_text.py.
"""

from typing import NamedTuple

from segmentation.report.context import ReportContext
from segmentation.report.formatting import format_share
from segmentation.report.sections.typical_view import RuleView, build_rule
from segmentation.report.words.learning import SIMPLE


class RuleRow(NamedTuple):
    """A segment and its rule; None where no simple rule describes it."""

    segment_id: str
    name: str
    rule: RuleView | None


class RulesView(NamedTuple):
    """What templates/sections/rules.html.j2 shows. Shares are of all customers.

    since: date of the model that the rules were learnt with. statement: empty without any rule.
    """

    since: str
    limit: str
    rows: list[RuleRow]
    single: str
    several: str
    without: str
    correct: str
    statement: str


def view_rules(context: ReportContext) -> RulesView | None:
    """The view of the rules; None for one segment, which needs no rule."""
    if len(context.segment_ids) == 1:
        return None
    statement, overlap = context.rule_matches
    shares = [format_share(count / context.total) for count in overlap]
    return RulesView(
        since=str(context.words.as_of),
        limit=f"{SIMPLE:.0%}",
        rows=[
            RuleRow(
                context.segment_ids[position],
                context.names[context.segment_ids[position]],
                build_rule(context, position),
            )
            for position in context.reading_order
        ],
        without=shares[0],
        single=shares[1],
        several=shares[2],
        correct=shares[3],
        statement=statement,
    )
