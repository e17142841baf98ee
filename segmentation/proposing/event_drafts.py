"""Events: many rows per customer with a time. Finding them in a table, and the text of their definition.

Customer data and the parts that both have are written in segmentation/proposing/drafting.py.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from segmentation.proposing.column_names import part_of_order
from segmentation.proposing.counting import ColumnProfile
from segmentation.proposing.drafting import (
    Draft,
    comment,
    quote,
    write_columns,
    write_contract,
    write_head,
    write_rest,
    write_source,
    write_suffix,
)
from segmentation.proposing.roles import Role, find_role, is_number, is_time, number_contract

REPEATS = 1.2  # rows per id, from which on a table with a time holds events
WINDOW_DAYS = 365
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


class Events(NamedTuple):
    """Which columns say who, when, and how much. `order` and below may be missing."""

    id: str
    time: str
    order: str | None
    quantity: str | None
    price: str | None
    amount: str | None


def find_events(profiles: Mapping[str, ColumnProfile], found_id: str) -> Events | None:
    """The columns of events, if the id repeats and there is a time; None for customer data."""
    if profiles[found_id].distinct.rows_per_value < REPEATS:
        return None
    times = [name for name, profile in profiles.items() if name != found_id and is_time(profile)]
    if not times:
        return None
    time = max(times, key=lambda name: profiles[name].distinct.values)
    parts: dict[str, str] = {}
    for name, profile in profiles.items():
        kind = part_of_order(name)
        if name not in (found_id, time) and kind and (kind == "order" or is_number(profile)):
            parts.setdefault(kind, name)
    return Events(found_id, time, *(parts.get(kind) for kind in ("order", "quantity", "price", "amount")))


def has_non_iso_times(profiles: Mapping[str, ColumnProfile], found_id: str) -> bool:
    """Does the id repeat in a table whose dates a run cannot read?"""
    repeats = profiles[found_id].distinct.rows_per_value >= REPEATS
    return repeats and any(p.other_dates > 0.9 * p.present > 0 for p in profiles.values())


def event_roles(profiles: Mapping[str, ColumnProfile], events: Events) -> dict[str, Role]:
    """The contract of one event: its time and what the features need; the other columns are left out."""
    roles = {}
    for name, profile in profiles.items():
        if name in (events.id, "customer_id"):
            continue
        if name == events.time:
            roles[name] = Role("declared", {"type": "timestamp"}, "when it happened, in the time zone above")
        elif name == events.order:
            roles[name] = Role("declared", {"type": "text"}, "")
        elif name in (events.quantity, events.price):
            found = number_contract(profile)
            contract = {"type": found["type"], "gt": 0, **{k: v for k, v in found.items() if k == "le"}}
            less = f"{profile.negative:,} below 0, perhaps returns, are refused" if profile.negative else ""
            roles[name] = Role("declared", contract, less)
        elif name == events.amount:
            roles[name] = Role("declared", number_contract(profile), "")
        else:
            role = find_role(name, profile)
            roles[name] = Role("left out", role.contract, "the summary below does not use it")
    return roles


def summary_features(events: Events) -> dict[str, dict[str, Any]]:
    """Recency, frequency and, where an amount is found, money: one line each of summary.features."""
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


def write_events(draft: Draft, events: Events) -> str:
    """The whole definition of event data."""
    features = summary_features(events)
    lines = [
        *write_head(draft.name, draft.table, draft.found),
        *write_source(draft),
        "rows:",
        "  grain: event  # many rows per customer, summed up below",
        *comment(draft.id_why, 2),
        f"  id: {quote(events.id)}",
        *write_suffix(draft.id_suffix),
        f"  time: {quote(events.time)}",
        *comment("Rows that are no purchases, such as cancellations, can be refused by 'where'.", 2),
        *write_columns(draft.roles, draft.unusable),
        "summary:",
        *comment("Events of this many days before the date a run speaks for.", 2),
        f"  window_days: {WINDOW_DAYS}",
        "  features:",
        *(f"    {quote(name)}: {write_contract(how)}" for name, how in features.items()),
        "features:",
        *(f"  - {quote(name)}" for name in features),
        *write_rest(draft),
    ]
    return "".join(f"{line}\n" for line in lines)


def day_after(profile: ColumnProfile) -> str:
    """The first date whose run sees every event, as text. profile: of the time."""
    return str(date.fromisoformat(profile.last[:10]) + timedelta(days=1))
