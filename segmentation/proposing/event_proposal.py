"""Proposing a definition for events: its columns, its money, its window, rehearsed on every row.

Customer data are proposed in segmentation/proposing/proposal.py.
"""

from collections import Counter
from typing import NamedTuple

from segmentation.errors import Refused
from segmentation.proposing.column_names import is_email_name, rank_as_id
from segmentation.proposing.drafting import Draft, quote_names
from segmentation.proposing.event_columns import EventCandidates
from segmentation.proposing.event_drafts import EventPlan, write_event_draft
from segmentation.proposing.event_facts import EventFacts, to_micros
from segmentation.proposing.event_kinds import doubt_kinds, infer_purchases
from segmentation.proposing.event_roles import (
    choose_currency,
    declare_more,
    doubt_cents,
    doubt_currency,
    event_roles,
    explain_features,
    list_means,
    list_rules,
    summary_features,
)
from segmentation.proposing.file_days import choose_margins
from segmentation.proposing.findings import Findings, Proposal, format_percentage
from segmentation.proposing.id_column import infer_suffix
from segmentation.proposing.k_draft import SegmentRange
from segmentation.proposing.limits import LEAST_LIMIT, list_null_values, round_limit
from segmentation.proposing.line_column import rehearse_draft
from segmentation.proposing.money import Money, choose_money
from segmentation.proposing.night_rehearsal import USUAL_DAY_LIMIT, NightRehearsal
from segmentation.proposing.profile_choice import choose_profile
from segmentation.proposing.surveying import SurveyedTable
from segmentation.proposing.timezones import ZoneChoice
from segmentation.proposing.windows import USUAL_DAYS, WindowChoice, choose_window
from segmentation.rows.casting.time_parts import DAY


class EventTable(NamedTuple):
    """A surveyed table of events, and what was measured on it."""

    survey: SurveyedTable
    candidates: EventCandidates
    facts: EventFacts
    zone: ZoneChoice


def propose_events(table: EventTable, name: str, segments: SegmentRange | None) -> Proposal:
    """A definition for event data, rehearsed on every row within the window."""
    survey, candidates, facts, zone = table
    profiles, window = survey.profiles, choose_window(facts.activity)
    money = choose_money(candidates, facts, profiles)
    currency = choose_currency(profiles, candidates, money)
    purchases = infer_purchases(profiles, money)
    means = list_means(survey, candidates, facts, money)
    roles = declare_more(event_roles(survey, candidates, facts, money, currency), purchases, means)
    features = summary_features(facts, money, currency, means)
    profile = choose_profile(profiles, roles, features)
    nulls, margins = list_null_values(profiles, roles), choose_margins(facts.strays)
    draft = Draft(
        name=name, table=survey.place, table_size=survey.size, dialect=survey.dialect, timezone=zone.name,
        timezone_reason=zone.reason, null_values=nulls.texts, marked_missing=nulls.fields, margins=margins,
        date_in_name=survey.date_in_name, id=candidates.id, id_reason=_explain_id(table),
        id_suffix=infer_suffix(profiles[candidates.id]), on_duplicate="quarantine", header=survey.header,
        roles={**roles, **profile}, unusable=survey.unusable, features=[], spare={}, profile=tuple(profile),
        doubts=[], refused=Counter(), refused_share=0.0, max_quarantined=LEAST_LIMIT,
        day_limit=USUAL_DAY_LIMIT, segments=segments,
    )  # fmt: skip
    plan = EventPlan(
        time=candidates.time,
        rules=list_rules(profiles, candidates, currency, purchases),
        window_days=window.days, window_reason="",
        features=features,
        reasons=explain_features(facts, money),
    )  # fmt: skip
    plan = drop_constants(table, plan)
    # Written twice: what the first text refuses decides the limits of the second.
    draft, rehearsal = rehearse_draft(draft, plan, survey, window.as_of)
    doubts = (
        *_list_doubts(table, money, window),
        doubt_kinds(profiles, purchases),
        doubt_cents(profiles, money, currency),
        doubt_currency(currency),
    )
    findings = _report(table, money, window, rehearsal, doubts)
    draft = draft._replace(
        doubts=findings.doubts,
        refused=rehearsal.refused,
        refused_share=rehearsal.refused_share,
        max_quarantined=max(rehearsal.limit, round_limit(rehearsal.refused_share + money.conflicting)),
        day_limit=rehearsal.day_limit,
    )
    plan = plan._replace(
        window_reason="Events count for this many days before as_of, the date a run speaks for. "
        f"{findings.window}."
    )
    text = write_event_draft(draft, plan)
    return Proposal(text, survey.size, len(plan.features), str(window.as_of), findings)


def drop_constants(table: EventTable, plan: EventPlan) -> EventPlan:
    """The plan without recency or orders that all customers have alike. Refused if no feature is left."""
    facts, activity = table.facts, table.facts.activity
    last_days = to_micros(activity.high) // DAY
    constant = {"recency_days"} if (last_days == last_days[0]).all() else set()
    if facts.order is None and (activity.rows == activity.rows[0]).all():
        constant.add("orders")
    features = {name: feature for name, feature in plan.features.items() if name not in constant}
    if not features:
        raise Refused(
            "no-features",
            f"{table.survey.place}: every customer has as many rows as the others and the same last day, and "
            "no column holds amounts; decide which numbers tell customers apart, and add them to the table",
        )
    if not constant:
        return plan
    first = next(iter(features))
    names = " and ".join(name for name in plan.features if name in constant)
    reason = f"Left out because all customers have the same: {names}. {plan.reasons.get(first, '')}".strip()
    return plan._replace(features=features, reasons={**plan.reasons, first: reason})


def _explain_id(table: EventTable) -> str:
    profile = table.survey.profiles[table.candidates.id]
    rows_per_id = f"{profile.distinct.rows_per_value:.1f}".removesuffix(".0")
    return f"Used as the customer's id: about {rows_per_id} rows for each, at different times."


def _report(
    table: EventTable,
    money: Money,
    window: WindowChoice,
    rehearsal: NightRehearsal,
    doubts: tuple[str, ...],
) -> Findings:
    survey, candidates = table.survey, table.candidates
    profile, times = survey.profiles[candidates.id], survey.times[candidates.time]
    customers = max(1, profile.distinct.values - len(profile.placeholders))
    # Both numbers are estimates beyond the size of a sketch.
    covered = min(1.0, rehearsal.customers.values / customers)
    nameless = (profile.rows - profile.present + profile.placeholders.total()) / profile.rows
    missing = f", missing in {format_percentage(nameless)} of the rows" if nameless else ""
    usual = "" if window.days == USUAL_DAYS else f", because {USUAL_DAYS} days cover less than half"
    refused = (
        f"; {format_percentage(rehearsal.refused_share)} of the rows are refused" if rehearsal.refused else ""
    )
    return Findings(
        id=f"{quote_names([candidates.id])}{missing}; {quote_names([candidates.time])}, as {times.label}",
        money=money.summary,
        window=f"{window.days:,} days before {window.as_of}{usual}: {format_percentage(covered)} of "
        f"{customers:,} customers{refused}",
        doubts=doubts,
    )


def _list_doubts(table: EventTable, money: Money, window: WindowChoice) -> list[str]:
    candidates, facts, zone = table.candidates, table.facts, table.zone
    doubts = [money.doubt]
    if rank_as_id(candidates.id) < 2 and not is_email_name(candidates.id):
        doubts.append(f"whether {quote_names([candidates.id])} is the customer's id")
    if facts.order is None:
        doubts.append("which rows form one order, so every row counts as an order")
    elif not facts.is_order_named:
        doubts.append(f"whether {quote_names([facts.order])} numbers the orders")
    if not zone.is_sure:
        doubts.append(f"the time zone, because {zone.reason}")
    if window.stray:
        doubts.append(f"{window.stray:,} customers' last events, more than half a year after the others")
    return doubts
