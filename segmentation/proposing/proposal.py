"""Proposing a definition for a table: survey it, choose roles, rehearse, write, and validate.

Each step has its own module. This one runs them in order for customer data; events are proposed in
segmentation/proposing/event_proposal.py.
"""

import difflib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from config.definition_files import DefinitionError, parse_definition
from segmentation.errors import Refused
from segmentation.proposing.column_names import infer_order_part, rank_as_id
from segmentation.proposing.customer_drafts import write_draft
from segmentation.proposing.drafting import Draft, quote_names
from segmentation.proposing.event_columns import list_candidates
from segmentation.proposing.event_facts import EventFacts, measure_facts
from segmentation.proposing.event_proposal import EventTable, propose_events
from segmentation.proposing.findings import Findings, Proposal, format_percentage
from segmentation.proposing.id_column import LEAST_REPEATED, IdChoice, infer_id
from segmentation.proposing.k_draft import SegmentRange
from segmentation.proposing.limits import Margins, fill_gaps, list_null_values, round_limit
from segmentation.proposing.night_rehearsal import USUAL_DAY_LIMIT
from segmentation.proposing.profile_choice import choose_id_and_profile
from segmentation.proposing.roles import Role, infer_role, is_unique
from segmentation.proposing.selection import MOST_PROPOSED_FEATURES, FeatureSelection, select_features
from segmentation.proposing.surveying import SurveyedTable, survey
from segmentation.proposing.time_formats import DayOrder
from segmentation.proposing.timezones import infer_timezone
from segmentation.proposing.unreadable_times import describe_unreadable_times
from segmentation.rows.casting.text_columns import Dialect

_VARYING = 0.5  # of the rows of repeated ids, whose times must differ from another one's to be events


def propose(
    place: str,
    name: str,
    requested_id: str | None,
    order: DayOrder = "",
    segments: SegmentRange | None = None,
) -> Proposal:
    """A definition for the table at `place`. Refused, with what a person must decide, if none would run.

    `order` says whether dates such as 03/04/2024 have the day or the month first; `segments`, how many
    segments a person wants.
    """
    table = survey(place, order=order)
    id_column = check_id_column(table, requested_id) if requested_id else infer_id(table)
    if id_column is not None and table.date_in_name and list_candidates(table, id_column):
        # Of dated files only the newest were surveyed, but the events are in all of them.
        table = survey(place, all_dates=True, order=order)
    events = measure_events(table, id_column) if id_column is not None else None
    if events is not None:
        proposal = propose_events(events, name, segments)
    else:
        check_times(table, id_column)
        proposal = propose_customers(table, name, requested_id, segments)
    # The proposal must be a valid definition as written; a failure here is a gap in the rules above.
    try:
        parse_definition(proposal.text, f"{name}.yaml")
    except DefinitionError as error:
        raise Refused("proposal", f"no definition can be proposed: {error}") from error
    return proposal


def measure_events(table: SurveyedTable, id_column: str) -> EventTable | None:
    """The table as events, if the id repeats at different times. None for customer data."""
    candidates = list_candidates(table, id_column)
    if candidates is None:
        return None
    check_day_order(table, candidates.time)
    zone = infer_timezone(table.times[candidates.time].offsets)
    facts = measure_facts(table, candidates, Dialect(table.dialect.csv, zone.name))
    return EventTable(table, candidates, facts, zone) if are_events(facts) else None


def are_events(facts: EventFacts) -> bool:
    """Do ids repeat because customers came again, and not because rows were delivered twice?"""
    activity = facts.activity
    repeated = activity.rows[activity.rows > 1].sum()
    varying = activity.rows[activity.low != activity.high].sum()
    return bool(repeated) and (varying >= _VARYING * repeated or facts.is_order_named)


def check_day_order(table: SurveyedTable, column: str) -> None:
    """Refuse times of which nothing shows whether the day or the month comes first."""
    if table.times[column].is_ambiguous:
        raise Refused(
            "ambiguous-dates",
            f"{table.place}: {quote_names([column])} can be read with the day first or the month first, and "
            "no value shows which; say --dates day-first or --dates month-first",
        )


def make_name(place: str) -> str:
    """A definition's name derived from the table's.

    >>> make_name("exports/Kunden 2026_Q1.csv"), make_name("2026.csv")
    ('kunden-2026-q1', 'table-2026')
    """
    slug = re.sub(r"[^a-z0-9]+", "-", (Path(place).stem or Path(place).resolve().stem).lower()).strip("-")
    return (slug if re.match("[a-z]", slug) else f"table-{slug}")[:40].strip("-")


def check_times(table: SurveyedTable, id_column: str | None) -> None:
    """Refuse events whose times a run cannot read."""
    if id_column is None or table.profiles[id_column].distinct.rows_per_value < LEAST_REPEATED:
        return
    problem = describe_unreadable_times(table)
    if problem is not None:
        raise Refused(
            "event-time",
            f"{table.place}: several rows per {quote_names([id_column])}, so these are events, but their "
            f"time cannot be read: {problem}; export it as 2026-01-31 or 2026-01-31 08:26:00",
        )


def check_id_column(table: SurveyedTable, column: str) -> str:
    """The column requested as the id. Refused with the most similar name if the table lacks it."""
    if column in table.profiles:
        return column
    names = {name.casefold(): name for name in table.profiles}
    similar = difflib.get_close_matches(column.casefold(), names, 1)
    hint = f"; did you mean {quote_names([names[similar[0]]])}?" if similar else ""
    raise Refused("id", f"{table.place}: no column {quote_names([column])} that could be the id{hint}")


def propose_customers(
    table: SurveyedTable, name: str, requested_id: str | None, segments: SegmentRange | None
) -> Proposal:
    """A definition for a table with one row per customer, rehearsed on every row."""
    roles = choose_roles(table, requested_id or infer_id(table))
    selection = select_features(table.files, table.profiles, roles, table.dialect.csv)
    spare = {
        column: explain_spare(column, selection) for column, role in roles.items() if role.use == "feature"
    }
    spare = {column: reason for column, reason in spare.items() if reason}
    # Rows must not be refused because of a column that is not clustered.
    roles |= {
        column: roles[column]._replace(use="left out", reason=reason) for column, reason in spare.items()
    }
    nulls = list_null_values(table.profiles, roles)
    csv = table.dialect.csv.model_copy(update={"null_values": nulls.texts})
    choice, profile = choose_id_and_profile(table, requested_id, roles, csv)
    filled = fill_gaps(roles, choice.rehearsal.refused, choice.rehearsal.rows_read)
    if filled:
        roles |= filled
        choice, profile = choose_id_and_profile(table, requested_id, roles, csv)
    refused = count_refused(choice)
    share = refused.total() / choice.rehearsal.rows_read
    findings = _report(table, choice, share)
    if filled:
        gaps = f"whether the median is the right fill for gaps in {quote_names(filled)}"
        findings = findings._replace(doubts=(*findings.doubts, gaps))
    draft = Draft(
        name=name, table=table.place, table_size=table.size, dialect=table.dialect,
        timezone="UTC", timezone_reason="decides when a date begins and ends, for example Europe/London",
        null_values=nulls.texts, marked_missing=nulls.fields, date_in_name=table.date_in_name,
        margins=Margins(),
        id=choice.column, id_suffix=choice.suffix, id_reason=choice.reason, on_duplicate=choice.on_duplicate,
        roles={**roles, **profile}, header=table.header, unusable=table.unusable,
        features=selection.features, spare=spare,
        doubts=findings.doubts, refused=refused, refused_share=share, max_quarantined=round_limit(share),
        day_limit=USUAL_DAY_LIMIT, segments=segments, profile=tuple(profile),
    )  # fmt: skip
    return Proposal(write_draft(draft), table.size, len(selection.features), None, findings)


def explain_spare(column: str, selection: FeatureSelection) -> str:
    """Why a column that could be a feature is not proposed; empty for one that is."""
    if column in selection.twins:
        return f"nearly the same as {quote_names([selection.twins[column]])}, which says more"
    is_chosen = column in selection.features
    return "" if is_chosen else f"less informative than the {MOST_PROPOSED_FEATURES} features above"


def count_refused(choice: IdChoice) -> Counter[str]:
    """The rows that a run would refuse, by reason."""
    refused = Counter(choice.rehearsal.refused)
    if choice.column is not None and choice.on_duplicate == "quarantine" and choice.rehearsal.conflicting:
        refused["conflicting rows of one customer"] = choice.rehearsal.conflicting
    return refused


def _report(table: SurveyedTable, choice: IdChoice, refused_share: float) -> Findings:
    id_text = "none: every row is a customer" if choice.column is None else quote_names([choice.column])
    return Findings(
        id=f"{id_text}; no time, because these are customers and not events",
        money="none is summed; amounts are features as they are",
        window=f"none; {format_percentage(1 - refused_share)} of {choice.rehearsal.rows_read:,} rows are "
        "used",
        doubts=tuple(_list_doubts(table, choice)),
    )


def _list_doubts(table: SurveyedTable, choice: IdChoice) -> list[str]:
    doubts = [choice.doubt]
    ambiguous = [name for name, times in table.times.items() if times.is_ambiguous]
    if ambiguous:
        doubts.append(f"whether day or month comes first in {quote_names(ambiguous)}, which is left out")
    orders = [name for name in table.profiles if infer_order_part(name) == "order" and rank_as_id(name)]
    orders = [name for name in orders if name != choice.column and is_unique(table.profiles[name])]
    if orders and table.times:
        doubts.append(
            f"whether a row is a customer or an order, as {quote_names(orders[:1])} numbers the rows"
        )
    return doubts


def choose_roles(table: SurveyedTable, id_column: str | None) -> dict[str, Role]:
    """The role of every column except the id. Refused if no column can be clustered."""
    roles = {
        name: infer_role(name, profile, table.times.get(name))
        for name, profile in table.profiles.items()
        if name not in (id_column, "customer_id")
    }
    if not list_features(roles):
        roles |= promote_codes(table, roles)
    if not list_features(roles):
        raise Refused(
            "no-features",
            f"{table.place}: no column holds amounts or levels that tell customers apart; decide which "
            "numbers would, and add them to the table",
        )
    return roles


def list_features(roles: Mapping[str, Role]) -> list[str]:
    """The columns that can be clustered."""
    return [name for name, role in roles.items() if role.use == "feature"]


def promote_codes(table: SurveyedTable, roles: Mapping[str, Role]) -> dict[str, Role]:
    """Codes, yes or no, and categories as features: with no amounts they are what tells customers apart."""
    promoted = {}
    for name, role in roles.items():
        profile = table.profiles[name]
        contract = {key: value for key, value in role.contract.items() if key != "nullable"}
        is_level = "isin" in contract or contract["type"] == "bool"
        is_complete = profile.present == profile.rows
        if role.use == "left out" and is_level and is_complete and profile.distinct.values > 1:
            promoted[name] = Role("feature", contract, role.reason)
    return promoted
