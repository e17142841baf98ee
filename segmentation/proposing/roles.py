"""What a column is used for, by its profile and name: feature, declared column, or left out.

Profiles are computed in segmentation/proposing/profiling.py. The id is chosen in
segmentation/proposing/id_column.py, and which features are too many in segmentation/proposing/selection.py.
"""

import math
from typing import Any, Literal, NamedTuple

from segmentation.proposing.column_names import is_private_name, rank_as_id, suggests_code
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.not_amounts import (
    FIRST_YEAR,
    LARGEST_AMOUNT,
    LAST_YEAR,
    MOST_MISSING,
    are_codes,
    explain_exclusion,
    is_all_whole,
    is_birth_year,
    list_codes,
)
from segmentation.proposing.ordinals import UNKNOWN, order_levels
from segmentation.proposing.time_formats import time_contract
from segmentation.proposing.time_readings import NEARLY_ALL, ColumnTimes

Use = Literal["feature", "declared", "left out"]


class Role(NamedTuple):
    """A column's use, its contract, and the reason, which becomes a comment in the proposal."""

    use: Use
    contract: dict[str, Any]
    reason: str


def is_unique(profile: ColumnProfile) -> bool:
    """Does nearly every row have a different value?"""
    return profile.distinct.values > 1 and profile.distinct.rows_per_value < 1.05


def is_number(profile: ColumnProfile) -> bool:
    """Does the column hold numbers?"""
    return profile.present > 0 and profile.numbers >= NEARLY_ALL * profile.present


def infer_role(name: str, profile: ColumnProfile, times: ColumnTimes | None = None) -> Role:
    """The role of a column that is not the id. `times` are how it is read as times, if it holds them."""
    if not profile.present:
        return Role("left out", {"type": "text", "nullable": True}, "no values")
    if times is not None:
        contract = {**time_contract(times.patterns), "nullable": True}
        return Role("left out", contract, "a time; k-means needs amounts: export the days since it")
    if is_number(profile):
        return _number_role(name, profile)
    if profile.kind == "bool":
        return Role("left out", {"type": "bool", "nullable": True}, "yes or no")
    if profile.kind == "other":
        return Role("left out", {"type": "text"}, "not a number, text, time or boolean in the file")
    # With fewer than five rows per level, listing the levels would reveal single customers.
    is_personal = rank_as_id(name) or is_private_name(name) or profile.emails
    if profile.levels is None or profile.distinct.values * 5 > profile.rows or is_personal:
        return Role("left out", {"type": "text"}, f"text, {describe_distinct(profile)}")
    return _category_role(profile)


def _category_role(profile: ColumnProfile) -> Role:
    levels = {level for level in profile.levels or () if level.casefold().strip() not in UNKNOWN}
    order = order_levels(levels - set(profile.marks))
    unknown = profile.rows - profile.present
    if order is None:
        # Empty text is a level: nulls are declared for columns that need them.
        allowed = sorted((profile.levels or frozenset()) | ({""} if profile.missing else frozenset()))
        reason = f"all {len(allowed)} levels in the table, in no known order"
        return Role("left out", {"type": "category", "isin": allowed}, reason)
    if len(levels) < len(profile.levels or ()) - len(profile.marks) or unknown > MOST_MISSING * profile.rows:
        return Role("left out", {"type": "category"}, f"{len(order)} levels in order, and unknown values")
    contract: dict[str, Any] = {"type": "category", "order": list(order)}
    reason = "levels from low to high; check their order"
    if unknown:
        reason += f"; {unknown:,} missing"
    return Role("feature", contract, reason)


def describe_distinct(profile: ColumnProfile) -> str:
    """The number of distinct values: `about 3,100 different values`."""
    values = profile.distinct.values
    exact = len(profile.distinct.keys) == values
    return f"{'' if exact else 'about '}{values:,} different value{'s' if values != 1 else ''}"


def _number_role(name: str, profile: ColumnProfile) -> Role:
    contract, notes = number_contract(profile), _number_notes(profile)
    reason = explain_exclusion(name, profile)
    if reason is None:
        if is_birth_year(name, profile):
            notes.insert(0, "a birth year: it separates customers as their age does, low for old")
            contract |= {"ge": FIRST_YEAR, "le": LAST_YEAR}
        return Role("feature", contract, "; ".join(notes))
    if suggests_code(name) == "code":
        contract = {"type": "text"}  # as a number, 01234 would be 1234
    elif profile.levels is not None and are_codes(name, profile):
        contract = {"type": "int", "isin": list_codes(profile)}
    if profile.missing or profile.marks:
        contract["nullable"] = True
    return Role("left out", contract, "; ".join([reason, *notes]))


def _number_notes(profile: ColumnProfile) -> list[str]:
    notes = []
    if profile.missing:
        notes.append(f"{profile.missing:,} empty")
    if profile.marks:
        notes.append(f"{profile.marks.total():,} marked as missing")
    if texts := profile.present - profile.numbers:
        notes.append(f"{texts:,} are not numbers")
    if 0 < profile.negative <= 0.05 * profile.numbers:
        notes.append(f"{profile.negative:,} below 0; if these are errors, set 'ge: 0'")
    return notes


def number_contract(profile: ColumnProfile) -> dict[str, Any]:
    """Type and range. The range is doubled and rounded outwards, so that it reveals no customer's value."""
    # One fraction makes a column float: as int, its row would be refused.
    is_whole = is_all_whole(profile) and not profile.point_zeros
    contract: dict[str, Any] = {"type": "int" if is_whole else "float"}
    if max(abs(profile.low), abs(profile.high)) > LARGEST_AMOUNT:
        return contract
    contract["ge"] = 0 if profile.low >= 0 else -round_out(-2 * profile.low)
    if profile.high > 0:
        contract["le"] = round_out(2 * profile.high)
    return contract


def round_out(value: float) -> int | float:
    """Round a positive value up to the next 1, 2 or 5 times a power of ten.

    >>> [round_out(value) for value in (0.3, 7, 140, 224302.0)]
    [0.5, 10, 200, 500000]
    """
    power = math.floor(math.log10(value))
    for step in (1, 2, 5, 10):
        rounded = float(f"{step}e{power}")
        if rounded >= value:
            break
    return int(rounded) if rounded >= 1 else rounded
