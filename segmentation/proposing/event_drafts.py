"""Events, that is, many rows per customer with a time: detecting them, and writing their definition.

The parts they share with customer data are written in segmentation/proposing/drafting.py.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from segmentation.proposing.column_names import infer_order_part
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import (
    Draft,
    comment,
    quote_yaml,
    write_columns,
    write_contract,
    write_head,
    write_settings,
    write_source,
    write_suffix,
)
from segmentation.proposing.roles import Role, infer_role, is_number, is_time, number_contract

LEAST_ROWS_PER_ID = 1.2  # with this many rows per id and a time column, a table holds events
WINDOW_DAYS = 365
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class EventColumns(NamedTuple):
    """The columns that say who, when and how much. All but `id` and `time` are optional."""

    id: str
    time: str
    order: str | None
    quantity: str | None
    price: str | None
    amount: str | None


def detect_event_columns(profiles: Mapping[str, ColumnProfile], id_column: str) -> EventColumns | None:
    """The columns of events if the id repeats and there is a time. None for customer data."""
    if profiles[id_column].distinct.rows_per_value < LEAST_ROWS_PER_ID:
        return None
    times = [name for name, profile in profiles.items() if name != id_column and is_time(profile)]
    if not times:
        return None
    # Of several times, a timestamp has more distinct values than a date.
    time = max(times, key=lambda name: profiles[name].distinct.values)
    parts: dict[str, str] = {}
    for name, profile in profiles.items():
        kind = infer_order_part(name)
        if name not in (id_column, time) and kind and (kind == "order" or is_number(profile)):
            parts.setdefault(kind, name)
    return EventColumns(
        id=id_column,
        time=time,
        order=parts.get("order"),
        quantity=parts.get("quantity"),
        price=parts.get("price"),
        amount=parts.get("amount"),
    )


def has_non_iso_times(profiles: Mapping[str, ColumnProfile], id_column: str) -> bool:
    """Does the id repeat in a table whose dates cannot be read?"""
    repeats = profiles[id_column].distinct.rows_per_value >= LEAST_ROWS_PER_ID
    return repeats and any(column.other_dates > 0.9 * column.present > 0 for column in profiles.values())


def event_roles(profiles: Mapping[str, ColumnProfile], events: EventColumns) -> dict[str, Role]:
    """The contract of one event: its time and the columns that the features need."""
    roles = {}
    for name, profile in profiles.items():
        if name in (events.id, "customer_id"):
            continue
        if name == events.time:
            roles[name] = Role("declared", {"type": "timestamp"}, "the event's time, in the time zone above")
        elif name == events.order:
            roles[name] = Role("declared", {"type": "text"}, "")
        elif name in (events.quantity, events.price):
            limits = number_contract(profile)
            contract = {"type": limits["type"], "gt": 0}
            if "le" in limits:
                contract["le"] = limits["le"]
            note = f"{profile.negative:,} below 0, perhaps returns, are refused" if profile.negative else ""
            roles[name] = Role("declared", contract, note)
        elif name == events.amount:
            roles[name] = Role("declared", number_contract(profile), "")
        else:
            role = infer_role(name, profile)
            roles[name] = Role("left out", role.contract, "not used by the summary below")
    return roles


def summary_features(events: EventColumns) -> dict[str, dict[str, Any]]:
    """Recency, frequency and, if there is an amount, revenue: the entries of summary.features."""
    orders = {"op": "count_distinct", "column": events.order} if events.order else {"op": "count"}
    features: dict[str, dict[str, Any]] = {"recency_days": {"op": "days_since_last"}, "orders": orders}
    if events.quantity and events.price:
        expression = f"{_name(events.quantity)} * {_name(events.price)}"
        features["revenue"] = {"op": "sum", "expression": expression}
    elif events.amount or events.price:
        features["revenue"] = {"op": "sum", "column": events.amount or events.price}
    return features


def _name(column: str) -> str:
    return column if _PLAIN.fullmatch(column) else f"`{column}`"


def write_event_draft(draft: Draft, events: EventColumns) -> str:
    """The whole definition for event data."""
    features = summary_features(events)
    lines = [
        *write_head(draft),
        *write_source(draft),
        "rows:",
        "  grain: event  # many rows per customer, summarised below",
        *comment(draft.id_reason, 2),
        f"  id: {quote_yaml(events.id)}",
        *write_suffix(draft.id_suffix),
        f"  time: {quote_yaml(events.time)}",
        *comment("Use 'where' to refuse rows that are not purchases, such as cancellations.", 2),
        *write_columns(draft.roles, draft.unusable),
        "summary:",
        *comment("Events count for this many days before as_of, the date a run speaks for.", 2),
        f"  window_days: {WINDOW_DAYS}",
        "  features:",
        *(f"    {quote_yaml(name)}: {write_contract(feature)}" for name, feature in features.items()),
        "features:",
        *(f"  - {quote_yaml(name)}" for name in features),
        *write_settings(draft),
    ]
    return "".join(f"{line}\n" for line in lines)


def day_after(profile: ColumnProfile) -> str:
    """The first date, as text, whose run sees every event. `profile` belongs to the time column."""
    # The window ends before as_of, so the last day's events need the day after.
    return str(date.fromisoformat(profile.last[:10]) + timedelta(days=1))
