"""The column that tells the lines of an order apart, such as the article: without it, many seem repeated.

Only what is declared is compared, and a summary rarely needs the article. Rows are compared in
segmentation/rows/judging/deliveries.py.
"""

from collections.abc import Mapping
from datetime import date

from config.definition_files import parse_definition
from segmentation.proposing.column_names import is_person_name, is_private_name
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import Draft
from segmentation.proposing.event_drafts import EventPlan, write_event_draft
from segmentation.proposing.night_rehearsal import NightRehearsal, rehearse_night
from segmentation.proposing.roles import Role
from segmentation.proposing.surveying import SurveyedTable

# The column must refuse no row, and a file may lack it.
_ROLE = Role(
    "declared", {"type": "text", "nullable": True, "absent": "null"}, "tells the lines of an order apart"
)


def rehearse_draft(
    draft: Draft, plan: EventPlan, table: SurveyedTable, as_of: date
) -> tuple[Draft, NightRehearsal]:
    """The draft and its night. If rows seem to repeat, one more column is declared, if that helps."""
    rehearsal = _rehearse(draft, plan, table, as_of)
    name = choose_line_column(table.profiles, draft.roles) if rehearsal.warnings else None
    if name is None:
        return draft, rehearsal
    wider = draft._replace(roles={**draft.roles, name: _ROLE})
    wider_rehearsal = _rehearse(wider, plan, table, as_of)
    # Rows that still repeat are the table's own, so the column would explain nothing.
    return (draft, rehearsal) if wider_rehearsal.warnings else (wider, wider_rehearsal)


def choose_line_column(profiles: Mapping[str, ColumnProfile], roles: Mapping[str, Role]) -> str | None:
    """Of the columns left out, none personal: the one with fewest missing, then most different values."""
    names = [
        name
        for name, role in roles.items()
        if role.use == "left out"
        and role.contract["type"] != "timestamp"
        and profiles[name].distinct.values > 1
        and not (is_private_name(name) or is_person_name(name) or profiles[name].emails)
    ]
    if not names:
        return None
    return min(names, key=lambda name: (-profiles[name].present, -profiles[name].distinct.values, name))


def _rehearse(draft: Draft, plan: EventPlan, table: SurveyedTable, as_of: date) -> NightRehearsal:
    definition = parse_definition(write_event_draft(draft, plan), f"{draft.name}.yaml")
    return rehearse_night(definition, table, as_of)
