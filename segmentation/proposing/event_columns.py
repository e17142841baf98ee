"""Which columns of an event table say who, when and how much, by names and profiles.

What their values have to do with each other is measured in segmentation/proposing/event_facts.py.
"""

from collections.abc import Mapping
from typing import NamedTuple

from segmentation.proposing.column_names import (
    infer_order_part,
    is_other_money,
    rank_as_event_time,
    suggests_code,
)
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.id_column import LEAST_REPEATED
from segmentation.proposing.not_amounts import MOST_MISSING, is_row_number
from segmentation.proposing.roles import is_number
from segmentation.proposing.surveying import SurveyedTable
from segmentation.rows.reading.currency_columns import choose_currency_column

MOST_CANDIDATES = 8
# Of the numbers: programs drop the last zero of 12.50, and numbers with more decimals have two by chance.
_LEAST_CENTS = 0.5


class EventCandidates(NamedTuple):
    """The columns that may be the id, time, order and money of events. The likeliest come first."""

    id: str
    time: str
    orders: list[str]
    named_orders: frozenset[str]
    amounts: list[str]
    quantity: str | None
    price: str | None
    currency: str | None
    is_money_named: bool  # False if amounts were found by their two decimals alone


def list_candidates(table: SurveyedTable, id_column: str) -> EventCandidates | None:
    """The columns of events if the id repeats and there is a time. None for customer data."""
    profiles = table.profiles
    if profiles[id_column].distinct.rows_per_value < LEAST_REPEATED:
        return None
    time = choose_time(table, id_column)
    if time is None:
        return None
    # customer_id is a reserved name, which the contract allows for the id column only.
    reserved = (id_column, time, "customer_id")
    profiles = {name: column for name, column in profiles.items() if name not in reserved}
    quantity = _choose_part(profiles, "quantity")
    price = _choose_part(profiles, "price")
    amounts = [name for name in _list_numbers(profiles) if infer_order_part(name) == "amount"]
    is_named = bool(amounts or price)
    return EventCandidates(
        id=id_column,
        time=time,
        orders=(orders := list_orders(profiles, table.times)),
        named_orders=frozenset(name for name in orders if infer_order_part(name) == "order"),
        amounts=(amounts if is_named else _list_money(profiles))[:MOST_CANDIDATES],
        quantity=quantity,
        price=price,
        currency=choose_currency_column(list(profiles)),
        is_money_named=is_named,
    )


def choose_time(table: SurveyedTable, id_column: str) -> str | None:
    """The column of the event's time: complete, named for the order and not for what came later."""
    ranking = []
    for position, (name, times) in enumerate(table.times.items()):
        profile = table.profiles[name]
        if name == id_column or profile.distinct.values < 2:
            continue
        has_gaps = profile.rows - times.matches > MOST_MISSING * profile.rows
        # Of several times, a timestamp has more distinct values than a date.
        ranking.append((has_gaps, -rank_as_event_time(name), -profile.distinct.values, position, name))
    return min(ranking)[-1] if ranking else None


def list_orders(profiles: Mapping[str, ColumnProfile], times: Mapping[str, object]) -> list[str]:
    """Columns that may number the orders: named so first, then any other code that repeats."""
    order_names, codes = [], []
    for name, profile in profiles.items():
        if name in times or profile.kind not in ("text", "int") or not profile.present:
            continue
        if infer_order_part(name) == "order":
            order_names.append(name)
        elif _may_number_orders(profile):
            codes.append(name)
    # Complete columns first: a number that some lines lack does not count their orders.
    order_names.sort(key=lambda name: profiles[name].missing > 0)
    return [*order_names, *codes][:MOST_CANDIDATES]


def _may_number_orders(profile: ColumnProfile) -> bool:
    """Are these codes with many values, of which some repeat?"""
    is_code = profile.levels is None and not profile.cents and not profile.emails
    return is_code and not is_row_number(profile) and profile.distinct.rows_per_value > LEAST_REPEATED


def _list_numbers(profiles: Mapping[str, ColumnProfile]) -> list[str]:
    return [
        name
        for name, profile in profiles.items()
        if is_number(profile)
        and not is_other_money(name)
        and profile.high > 0
        and profile.distinct.values > 1
    ]


def _list_money(profiles: Mapping[str, ColumnProfile]) -> list[str]:
    """Numbers with two decimals that are no code, the largest ones first: totals exceed their parts."""
    amounts = [
        name
        for name in _list_numbers(profiles)
        if profiles[name].cents >= _LEAST_CENTS * profiles[name].numbers and suggests_code(name) is None
    ]
    return sorted(amounts, key=lambda name: -profiles[name].high)


def _choose_part(profiles: Mapping[str, ColumnProfile], part: str) -> str | None:
    return next((name for name in _list_numbers(profiles) if infer_order_part(name) == part), None)
