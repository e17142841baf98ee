"""A definition proposed for a table: survey, decide, rehearse, write, validate; a person reads it.

Each step is in a module of its own; here are their order and what they decide together.
"""

import difflib
import math
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from config.columns import Rows
from config.definitions import DefinitionError, parse_definition
from segmentation.errors import Refused
from segmentation.proposing.drafting import Draft, choose_features, list_names, write_draft
from segmentation.proposing.event_drafts import (
    Events,
    day_after,
    event_roles,
    find_events,
    has_non_iso_times,
    summary_features,
    write_events,
)
from segmentation.proposing.identifying import find_id, find_suffix, settle_id
from segmentation.proposing.rehearsing import rehearse
from segmentation.proposing.roles import Role, find_role
from segmentation.proposing.surveying import Table, survey

LEAST_LIMIT = 0.05


class Proposal(NamedTuple):
    """The text of a definition, and what to tell the person who asked for it."""

    text: str
    found: str
    features: int
    as_of: str | None


def propose(place: str, name: str, asked_id: str | None) -> Proposal:
    """A definition for the table at `place`. Refused with what a person must decide where none can run."""
    table = survey(place)
    likely = check_asked(table, asked_id) if asked_id is not None else find_id(table.profiles)
    events = find_events(table.profiles, likely) if likely is not None else None
    if events is not None:
        check_grain(table, events)
        # Of dated files the newest has shown what they hold; events are in all of them.
        proposal = propose_events(
            survey(place, all_dates=True) if table.date_in_name else table, name, events
        )
    else:
        check_times(table, likely)
        proposal = propose_customers(table, name, asked_id)
    try:
        parse_definition(proposal.text, f"{name}.yaml")
    except DefinitionError as error:
        raise Refused("proposal", f"no definition can be proposed: {error}") from error
    return proposal


def make_name(place: str) -> str:
    """A definition's name made from the table's.

    >>> make_name("exports/Kunden 2026_Q1.csv"), make_name("2026.csv")
    ('kunden-2026-q1', 'table-2026')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", (Path(place).stem or Path(place).resolve().stem).lower()).strip("-")
    return (slug if re.match("[a-z]", slug) else f"table-{slug}")[:40].strip("-")


def check_grain(table: Table, events: Events) -> None:
    """Refuse events where a definition cannot hold them."""
    if "event" not in get_args(Rows.model_fields["grain"].annotation):
        times = table.profiles[events.id].distinct.rows_per_value
        raise Refused(
            "event-data",
            f"{table.place} has {times:.0f} rows per {list_names([events.id])}, each with a time: decide how "
            "they become one row per customer, and give that table",
        )


def check_times(table: Table, likely: str | None) -> None:
    """Refuse events whose times a run cannot read."""
    if likely is not None and has_non_iso_times(table.profiles, likely):
        raise Refused(
            "event-time",
            f"{table.place}: several rows per {list_names([likely])}, with dates in a form of their own; "
            "export them as 2026-01-31 or 2026-01-31 08:26:00",
        )


def check_asked(table: Table, asked: str) -> str:
    """The column that was asked for as the id. Refused with the nearest name if there is none."""
    if asked in table.profiles:
        return asked
    known = {one.casefold(): one for one in table.profiles}
    near = difflib.get_close_matches(asked.casefold(), known, 1)
    hint = f"; did you mean {list_names([known[near[0]]])}?" if near else ""
    raise Refused("id", f"{table.place}: no column {list_names([asked])} that could be the id{hint}")


def propose_events(table: Table, name: str, events: Events) -> Proposal:
    """A definition of event data, its contract rehearsed on every row."""
    profile = table.profiles[events.id]
    roles = event_roles(table.profiles, events)
    nulls, marked = find_null_values(table, roles)
    csv = table.dialect.csv.model_copy(update={"null_values": nulls})
    rehearsal = rehearse(table.files, Rows(id=None, columns=contract_of(roles)), csv)
    refused = Counter(rehearsal.refused)
    if profile.missing:
        refused[f"{events.id}: blank id"] = profile.missing
    # A row without an id may be refused for another reason too, so this is at most too much.
    share = min(1.0, refused.total() / rehearsal.read)
    each = f"{profile.distinct.rows_per_value:.0f}"
    draft = _start_draft(table, name, roles, (nulls, marked))._replace(
        id=events.id,
        id_suffix=find_suffix(profile),
        id_why=f"Taken for the customer's id: about {each} rows have the same one, at different times.",
        refused=refused,
        refused_share=share,
        max_quarantined=round_limit(share),
    )
    as_of = day_after(table.profiles[events.time])
    return Proposal(write_events(draft, events), table.found, len(summary_features(events)), as_of)


def propose_customers(table: Table, name: str, asked_id: str | None) -> Proposal:
    """A definition of one row per customer, rehearsed on every row."""
    roles = choose_roles(table, asked_id or find_id(table.profiles))
    nulls, marked = find_null_values(table, roles)
    csv = table.dialect.csv.model_copy(update={"null_values": nulls})
    chosen = settle_id(table, asked_id, contract_of(roles), csv)
    refused = Counter(chosen.rehearsal.refused)
    if chosen.column is not None and chosen.on_duplicate == "quarantine" and chosen.rehearsal.conflicting:
        refused["conflicting rows of one customer"] = chosen.rehearsal.conflicting
    share = refused.total() / chosen.rehearsal.read
    draft = _start_draft(table, name, roles, (nulls, marked))._replace(
        id=chosen.column,
        id_suffix=chosen.suffix,
        id_why=chosen.why,
        on_duplicate=chosen.on_duplicate,
        refused=refused,
        refused_share=share,
        max_quarantined=round_limit(share),
    )
    return Proposal(write_draft(draft), table.found, len(choose_features(roles)), None)


def _start_draft(
    table: Table, name: str, roles: Mapping[str, Role], nulls: tuple[tuple[str, ...], int]
) -> Draft:
    return Draft(
        name=name, table=table.place, found=table.found,
        dialect=table.dialect, null_values=nulls[0], marked=nulls[1], date_in_name=table.date_in_name,
        id=None, id_suffix=None, id_why="", on_duplicate="quarantine", roles=roles, unusable=table.unusable,
        refused=Counter(), refused_share=0.0, max_quarantined=LEAST_LIMIT,
    )  # fmt: skip


def choose_roles(table: Table, found_id: str | None) -> dict[str, Role]:
    """The role of every column but the id. Refused if there is no number to cluster."""
    roles = {
        name: find_role(name, profile)
        for name, profile in table.profiles.items()
        if name not in (found_id, "customer_id")
    }
    if not any(role.use == "feature" for role in roles.values()):
        # Better codes than nothing: a table of codes alone may be one of counts.
        for name, role in roles.items():
            fits = role.contract["type"] in ("int", "bool") and "nullable" not in role.contract
            if role.use == "declared" and fits and table.profiles[name].distinct.values > 1:
                roles[name] = role._replace(use="feature")
    if not any(role.use == "feature" for role in roles.values()):
        raise Refused(
            "no-features",
            f"{table.place}: no column holds amounts to tell customers apart by; decide which numbers would, "
            "and add them to the table",
        )
    return roles


def contract_of(roles: Mapping[str, Role]) -> dict[str, Any]:
    """The columns that the definition declares."""
    return {name: role.contract for name, role in roles.items() if role.use != "left out"}


def find_null_values(table: Table, roles: Mapping[str, Role]) -> tuple[tuple[str, ...], int]:
    """The texts that mean 'no value' in the declared columns of numbers, and how often marks stand there."""
    marks = Counter[str]()
    for name, role in roles.items():
        if role.use != "left out" and role.contract["type"] in ("int", "float"):
            marks += table.profiles[name].marks
    return ("", *sorted(marks)), marks.total()


def round_limit(share: float) -> float:
    """checks.max_quarantined: the share found, rounded up to the next twentieth.

    >>> round_limit(0.0), round_limit(0.123), round_limit(0.25)
    (0.05, 0.15, 0.25)
    """
    return max(LEAST_LIMIT, min(1.0, math.ceil(round(share * 20, 9)) / 20))
