"""Which revenue to propose for events: once per order, per line, or quantity times price.

Candidates come from segmentation/proposing/event_columns.py, facts about their values from
segmentation/proposing/event_facts.py.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from segmentation.proposing.column_names import suggests_whole_order
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import quote_names
from segmentation.proposing.event_columns import EventCandidates
from segmentation.proposing.event_facts import EventFacts
from segmentation.proposing.not_amounts import is_all_whole
from segmentation.proposing.sketches import Agreement

# An order's total may be corrected on one of its lines; such orders are refused when the total counts once.
_CONFLICTS = 0.02
_LEAST_ORDERS = 3  # with several lines, before equal values on them mean anything
_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_PARTS = re.compile("sub|net|before|excl", re.IGNORECASE)


class Money(NamedTuple):
    """The revenue to propose: its feature, the columns it needs, and how it is described.

    `doubt` is empty if names and values agree on it. `conflicting` is the share of rows of orders that have
    several totals.
    """

    feature: dict[str, Any] | None
    columns: tuple[str, ...]
    summary: str
    doubt: str
    conflicting: float = 0.0


def choose_money(
    candidates: EventCandidates, facts: EventFacts, profiles: Mapping[str, ColumnProfile]
) -> Money:
    """An order's total if there is one, else the amount of a line, else quantity times price."""
    totals = [name for name in candidates.amounts if _is_order_total(name, facts)]
    if totals and facts.order is not None:
        return _propose_total(_prefer_total(totals, profiles), facts.order, candidates, facts)
    quantity = candidates.quantity or _infer_quantity(candidates, profiles)
    lines = [name for name in candidates.amounts if name != quantity]
    if lines:
        return _propose_lines(lines[0], candidates)
    if candidates.price is None:
        return Money(None, (), "none: no column holds amounts of money", "which column holds the money")
    if quantity is None:
        return Money(
            {"op": "sum", "column": candidates.price},
            (candidates.price,),
            f"{quote_names([candidates.price])}, summed",
            f"whether every row is one piece, as no quantity goes with {quote_names([candidates.price])}",
        )
    names = (quantity, candidates.price)
    feature = {"op": "sum", "expression": " * ".join(map(quote_column, names))}
    is_sure = quantity == candidates.quantity
    doubt = "" if is_sure else f"whether {quote_names([quantity])} counts pieces, by its small whole numbers"
    summary = f"{quote_names([quantity])} times {quote_names([candidates.price])}"
    return Money(feature, names, summary, doubt)


def _propose_total(name: str, order: str, candidates: EventCandidates, facts: EventFacts) -> Money:
    feature = {"op": "sum", "column": name, "once_per": order}
    summary = f"{quote_names([name])}, counted once per {quote_names([order])}"
    doubt = _doubt_name(name, candidates)
    return Money(feature, (name, order), summary, doubt, facts.amounts[name].conflicting)


def _propose_lines(name: str, candidates: EventCandidates) -> Money:
    feature = {"op": "sum", "column": name}
    return Money(feature, (name,), f"{quote_names([name])}, summed", _doubt_name(name, candidates))


def _doubt_name(name: str, candidates: EventCandidates) -> str:
    if candidates.is_money_named:
        return ""
    return f"whether {quote_names([name])} is money: it was chosen for its two decimals"


def _is_order_total(name: str, facts: EventFacts) -> bool:
    """Does the amount have one value per order, on all of its lines or on one of them?"""
    agreement = facts.amounts[name]
    if facts.order is None or agreement.conflicting > _CONFLICTS or not len(agreement.ids):
        return False
    if _count_repeated(agreement) >= _LEAST_ORDERS:
        return True
    # Orders have several lines, and the amount is on one of each.
    return (facts.has_lines and not agreement.repeated) or suggests_whole_order(name)


def _count_repeated(agreement: Agreement) -> int:
    """Orders, in the sample, with a value on more than one line."""
    return int((agreement.rows > 1).sum())


def _prefer_total(names: list[str], profiles: Mapping[str, ColumnProfile]) -> str:
    """Of several totals, one that says so and is not a part of another, then the largest."""
    return min(
        names,
        key=lambda name: (
            _PARTS.search(name) is not None,
            not suggests_whole_order(name),
            -profiles[name].high,
        ),
    )


def _infer_quantity(candidates: EventCandidates, profiles: Mapping[str, ColumnProfile]) -> str | None:
    """An "amount" of few whole numbers next to a price is a quantity."""
    if candidates.price is None:
        return None
    return next(
        (
            name
            for name in candidates.amounts
            if is_all_whole(profiles[name]) and profiles[name].high < 1000 and not suggests_whole_order(name)
        ),
        None,
    )


def quote_column(column: str) -> str:
    """A column's name as an expression needs it.

    >>> quote_column("Unit Price")
    '`Unit Price`'
    """
    return column if _PLAIN.fullmatch(column) else f"`{column}`"
