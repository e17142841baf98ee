"""Proposing a definition for a table: survey it, choose roles, rehearse, write, and validate.

Each step has its own module. This one runs them in order and combines their results.
"""

import difflib
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from config.columns import Rows
from config.definition_files import DefinitionError, parse_definition
from segmentation.errors import Refused
from segmentation.proposing.drafting import Draft, list_features, list_names, write_draft
from segmentation.proposing.event_drafts import (
    EventColumns,
    day_after,
    detect_event_columns,
    event_roles,
    has_non_iso_times,
    summary_features,
    write_event_draft,
)
from segmentation.proposing.id_column import choose_id, infer_id, infer_suffix
from segmentation.proposing.rehearsing import rehearse
from segmentation.proposing.roles import Role, infer_role
from segmentation.proposing.surveying import SurveyedTable, survey

LEAST_LIMIT = 0.05


class Proposal(NamedTuple):
    """The text of a definition, and what the command reports about it."""

    text: str
    table_size: str
    features: int
    as_of: str | None


class NullValues(NamedTuple):
    """The texts that mean "missing", and how many fields have one of them that is not empty."""

    texts: tuple[str, ...]
    fields: int


def propose(place: str, name: str, requested_id: str | None) -> Proposal:
    """A definition for the table at `place`. Refused, with what a person must decide, if none would run."""
    table = survey(place)
    id_column = check_id_column(table, requested_id) if requested_id else infer_id(table.profiles)
    events = detect_event_columns(table.profiles, id_column) if id_column is not None else None
    if events is not None:
        # Of dated files only the newest were surveyed, but the events are in all of them.
        proposal = propose_events(
            survey(place, all_dates=True) if table.date_in_name else table, name, events
        )
    else:
        check_times(table, id_column)
        proposal = propose_customers(table, name, requested_id)
    # The proposal must be a valid definition as written; a failure here is a gap in the rules above.
    try:
        parse_definition(proposal.text, f"{name}.yaml")
    except DefinitionError as error:
        raise Refused("proposal", f"no definition can be proposed: {error}") from error
    return proposal


def make_name(place: str) -> str:
    """A definition's name derived from the table's.

    >>> make_name("exports/Kunden 2026_Q1.csv"), make_name("2026.csv")
    ('kunden-2026-q1', 'table-2026')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", (Path(place).stem or Path(place).resolve().stem).lower()).strip("-")
    return (slug if re.match("[a-z]", slug) else f"table-{slug}")[:40].strip("-")


def check_times(table: SurveyedTable, id_column: str | None) -> None:
    """Refuse events whose times a run cannot read."""
    if id_column is not None and has_non_iso_times(table.profiles, id_column):
        raise Refused(
            "event-time",
            f"{table.place}: several rows per {list_names([id_column])}, with dates that are not ISO 8601; "
            "export them as 2026-01-31 or 2026-01-31 08:26:00",
        )


def check_id_column(table: SurveyedTable, column: str) -> str:
    """The column requested as the id. Refused with the most similar name if the table lacks it."""
    if column in table.profiles:
        return column
    names = {name.casefold(): name for name in table.profiles}
    similar = difflib.get_close_matches(column.casefold(), names, 1)
    hint = f"; did you mean {list_names([names[similar[0]]])}?" if similar else ""
    raise Refused("id", f"{table.place}: no column {list_names([column])} that could be the id{hint}")


def propose_events(table: SurveyedTable, name: str, events: EventColumns) -> Proposal:
    """A definition for event data. Its contract is rehearsed on every row."""
    profile = table.profiles[events.id]
    roles = event_roles(table.profiles, events)
    nulls = list_null_values(table, roles)
    csv = table.dialect.csv.model_copy(update={"null_values": nulls.texts})
    rehearsal = rehearse(table.files, Rows(id=None, columns=list_declared(roles)), csv)
    refused = Counter(rehearsal.refused)
    if profile.missing:
        refused[f"{events.id}: blank id"] = profile.missing
    # A row without an id may also be refused for another reason, so this is an upper bound.
    share = min(1.0, refused.total() / rehearsal.rows_read)
    rows_per_id = f"{profile.distinct.rows_per_value:.0f}"
    draft = _start_draft(table, name, roles, nulls)._replace(
        id=events.id,
        id_suffix=infer_suffix(profile),
        id_reason=f"Used as the customer's id: about {rows_per_id} rows share one, at different times.",
        refused=refused,
        refused_share=share,
        max_quarantined=round_limit(share),
    )
    as_of = day_after(table.profiles[events.time])
    return Proposal(write_event_draft(draft, events), table.size, len(summary_features(events)), as_of)


def propose_customers(table: SurveyedTable, name: str, requested_id: str | None) -> Proposal:
    """A definition for a table with one row per customer, rehearsed on every row."""
    roles = choose_roles(table, requested_id or infer_id(table.profiles))
    nulls = list_null_values(table, roles)
    csv = table.dialect.csv.model_copy(update={"null_values": nulls.texts})
    choice = choose_id(table, requested_id, list_declared(roles), csv)
    refused = Counter(choice.rehearsal.refused)
    if choice.column is not None and choice.on_duplicate == "quarantine" and choice.rehearsal.conflicting:
        refused["conflicting rows of one customer"] = choice.rehearsal.conflicting
    share = refused.total() / choice.rehearsal.rows_read
    draft = _start_draft(table, name, roles, nulls)._replace(
        id=choice.column,
        id_suffix=choice.suffix,
        id_reason=choice.reason,
        on_duplicate=choice.on_duplicate,
        refused=refused,
        refused_share=share,
        max_quarantined=round_limit(share),
    )
    return Proposal(write_draft(draft), table.size, len(list_features(roles)), None)


def _start_draft(table: SurveyedTable, name: str, roles: Mapping[str, Role], nulls: NullValues) -> Draft:
    return Draft(
        name=name, table=table.place, table_size=table.size, dialect=table.dialect,
        null_values=nulls.texts, marked_missing=nulls.fields, date_in_name=table.date_in_name,
        id=None, id_suffix=None, id_reason="", on_duplicate="quarantine",
        roles=roles, unusable=table.unusable,
        refused=Counter(), refused_share=0.0, max_quarantined=LEAST_LIMIT,
    )  # fmt: skip


def choose_roles(table: SurveyedTable, id_column: str | None) -> dict[str, Role]:
    """The role of every column except the id. Refused if no column can be clustered."""
    roles = {
        name: infer_role(name, profile)
        for name, profile in table.profiles.items()
        if name not in (id_column, "customer_id")
    }
    if not any(role.use == "feature" for role in roles.values()):
        # With no other candidates, columns that look like codes may well be counts.
        for name, role in roles.items():
            fits = role.contract["type"] in ("int", "bool") and "nullable" not in role.contract
            if role.use == "declared" and fits and table.profiles[name].distinct.values > 1:
                roles[name] = role._replace(use="feature")
    if not any(role.use == "feature" for role in roles.values()):
        raise Refused(
            "no-features",
            f"{table.place}: no column holds amounts that tell customers apart; decide which numbers would, "
            "and add them to the table",
        )
    return roles


def list_declared(roles: Mapping[str, Role]) -> dict[str, Any]:
    """The contracts of the columns that the definition declares."""
    return {name: role.contract for name, role in roles.items() if role.use != "left out"}


def list_null_values(table: SurveyedTable, roles: Mapping[str, Role]) -> NullValues:
    """The texts that mean "missing" in the declared numeric columns."""
    marks = Counter[str]()
    for name, role in roles.items():
        if role.use != "left out" and role.contract["type"] in ("int", "float"):
            marks += table.profiles[name].marks
    return NullValues(("", *sorted(marks)), marks.total())


def round_limit(share: float) -> float:
    """checks.max_quarantined: the refused share, rounded up to the next multiple of 0.05.

    >>> round_limit(0.0), round_limit(0.123), round_limit(0.25)
    (0.05, 0.15, 0.25)
    """
    return max(LEAST_LIMIT, min(1.0, math.ceil(round(share * 20, 9)) / 20))
