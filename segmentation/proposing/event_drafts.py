"""The text of a proposed definition for events, that is, many rows per customer with a time.

The parts that it shares with customer data are written in segmentation/proposing/drafting.py. What is
proposed is decided in segmentation/proposing/event_proposal.py.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from segmentation.proposing.drafting import (
    Draft,
    comment,
    quote_yaml,
    write_columns,
    write_contract,
    write_head,
    write_profile,
    write_settings,
    write_source,
    write_suffix,
)


class Rule(NamedTuple):
    """One entry of rows.where."""

    test: Mapping[str, Any]
    reason: str


class EventPlan(NamedTuple):
    """What the definition of events says beyond a draft of any table."""

    time: str
    rules: list[Rule]
    window_days: int
    window_reason: str
    features: Mapping[str, Mapping[str, Any]]
    reasons: Mapping[str, str]  # a comment per feature, where there is something to say


def write_event_draft(draft: Draft, plan: EventPlan) -> str:
    """The whole definition for event data."""
    lines = [
        *write_head(draft),
        *write_source(draft),
        "rows:",
        "  grain: event  # many rows per customer, summarised below",
        *comment(draft.id_reason, 2),
        f"  id: {quote_yaml(draft.id)}",
        *write_suffix(draft.id_suffix),
        f"  time: {quote_yaml(plan.time)}",
        *_write_rules(plan.rules),
        *write_columns(draft),
        "summary:",
        *comment(plan.window_reason, 2),
        f"  window_days: {plan.window_days}",
        "  features:",
        *_write_summary(plan, draft.profile),
        "features:",
        *(f"  - {quote_yaml(name)}" for name in plan.features),
        *write_profile(draft),
        *_write_rfm(plan.features),
        *write_settings(draft),
    ]
    return "".join(f"{line}\n" for line in lines)


def _write_rules(rules: list[Rule]) -> list[str]:
    lines = comment("Use 'where' to refuse rows that are not purchases, such as cancellations.", 2)
    if not rules:
        return lines
    entries = [write_contract({**rule.test, "reason": rule.reason}) for rule in rules]
    return [*lines, "  where:", *(f"    - {entry}" for entry in entries)]


def _write_summary(plan: EventPlan, profile: Sequence[str]) -> list[str]:
    lines = []
    for name, feature in plan.features.items():
        if reason := plan.reasons.get(name):
            lines += comment(reason, 4)
        lines.append(f"    {quote_yaml(name)}: {write_contract(feature)}")
    for name in profile:
        lines.append(f"    {quote_yaml(name)}: {write_contract({'op': 'mode', 'column': name})}")
    return lines


def _write_rfm(features: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """RFM scores as a comment, where recency, frequency and revenue are features."""
    kinds = {
        "recency": ("days_since_last",),
        "frequency": ("count", "count_distinct"),
        "monetary": ("sum",),
    }
    columns = {
        kind: next((name for name, feature in features.items() if feature.get("op") in ops), None)
        for kind, ops in kinds.items()
    }
    if None in columns.values():
        return []
    return [f"# rfm: {write_contract(columns)}  # adds scores from 1 to 5 to segments.parquet"]
