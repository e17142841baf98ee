"""What a column is good for, from its profile and its name: feature, category, code, time, or nothing.

Profiles are made in segmentation/proposing/profiling.py, the id is found in
segmentation/proposing/identifying.py.
"""

import math
import re
from typing import Any, Literal, NamedTuple

from segmentation.proposing.column_names import counts_something, is_code_name, rank_as_id
from segmentation.proposing.counting import ColumnProfile

Use = Literal["feature", "declared", "left out"]

MOSTLY = 0.95  # of a column's values: enough to take it for numbers, or for times
MOST_MISSING = 0.1  # of the rows: above that a column is no feature, since a row without a value is refused
FEW_LEVELS = 10
LARGEST = 1e15


class Role(NamedTuple):
    """What the definition says of one column, and why."""

    use: Use
    contract: dict[str, Any]
    why: str


def is_unique(profile: ColumnProfile) -> bool:
    """Is the column's value different in nearly every row?"""
    return profile.distinct.values > 1 and profile.distinct.rows_per_value < 1.05


def is_time(profile: ColumnProfile) -> bool:
    """Does the column hold points in time that a run can read?"""
    return profile.present > 0 and profile.stamps >= MOSTLY * profile.present


def is_number(profile: ColumnProfile) -> bool:
    """Does the column hold numbers?"""
    return profile.present > 0 and profile.numbers >= MOSTLY * profile.present


def is_whole(profile: ColumnProfile) -> bool:
    """Do nearly all of the column's numbers have the form of whole ones?"""
    return profile.whole >= 0.995 * profile.numbers


def find_role(name: str, profile: ColumnProfile) -> Role:
    """What to make of a column that is not the id."""
    if not profile.present:
        return Role("left out", {"type": "text", "nullable": True}, "no values")
    if is_number(profile):
        return _number_role(name, profile)
    if is_time(profile):
        return Role("left out", {"type": "timestamp", "nullable": True}, "a time; k-means needs amounts")
    if profile.kind == "bool":
        contract = {"type": "bool", "nullable": True} if profile.missing else {"type": "bool"}
        return Role("declared", contract, "yes or no")
    if profile.kind == "other":
        return Role("left out", {"type": "text"}, "neither number, text, time nor yes and no in the file")
    levels = profile.levels
    if levels is None or profile.distinct.values * 5 > profile.rows or rank_as_id(name):
        what = "dates in a form other than ISO 8601" if _are_dates(profile) else "text"
        return Role("left out", {"type": "text"}, f"{what}, {tell_distinct(profile)}")
    # An empty text is a level of its own: null_values speak of numbers only.
    listed = sorted(levels | {""}) if profile.missing and profile.kind == "text" else sorted(levels)
    return Role(
        "declared", {"type": "category", "isin": listed}, f"all {len(listed)} levels found are listed"
    )


def _are_dates(profile: ColumnProfile) -> bool:
    return profile.other_dates >= MOSTLY * profile.present


def tell_distinct(profile: ColumnProfile) -> str:
    """How many different values there are, in words."""
    values = profile.distinct.values
    exact = len(profile.distinct.keys) == values
    return f"{'' if exact else 'about '}{values:,} different value{'s' if values != 1 else ''}"


def _number_role(name: str, profile: ColumnProfile) -> Role:
    contract, notes = number_contract(profile), _number_notes(profile)
    verdict = _why_no_feature(name, profile)
    if verdict is None:
        return Role("feature", contract, "; ".join(notes))
    use, why = verdict
    if profile.levels is not None and are_codes(name, profile):
        codes = {int(level) for level in profile.levels if re.fullmatch(r"[+-]?\d+", level)}
        contract = {"type": "int", "isin": sorted(codes)}
    if profile.missing or profile.marks:
        contract["nullable"] = True
    # A column that is not clustered is no reason to refuse a row.
    has_odd = profile.numbers < profile.present or (contract["type"] == "int" and not _is_all_whole(profile))
    return Role("left out" if has_odd else use, contract, "; ".join([why, *notes]))


def _why_no_feature(name: str, profile: ColumnProfile) -> tuple[Use, str] | None:
    """What to do instead with a column of numbers that is no feature, and why; None if it is one."""
    gone = profile.rows - profile.present
    if profile.distinct.values - len(profile.marks) <= 1:
        return "declared", "the same number in every row"
    if gone > MOST_MISSING * profile.rows:
        return "declared", f"{gone / profile.rows:.0%} missing, and every customer needs a value"
    if max(abs(profile.low), abs(profile.high)) > LARGEST:
        return "left out", "has numbers beyond 1e15: a code?"
    if is_code_name(name):
        return "left out", "a code by its name, not an amount"
    rank = rank_as_id(name)
    if rank >= 2 or (rank == 1 and (is_unique(profile) or profile.distinct.values > 1000)):
        return "left out", "an id by its name"
    if are_codes(name, profile):
        levels = profile.distinct.values - len(profile.marks)
        return "declared", f"{levels} levels: perhaps a code; list it under features if it is an amount"
    return None


def are_codes(name: str, profile: ColumnProfile) -> bool:
    """Do few whole numbers stand for kinds? A name that speaks of counting says no, but not to two levels."""
    levels = profile.distinct.values - len(profile.marks)
    is_few = 1 < levels <= FEW_LEVELS and levels * 5 < profile.rows and _is_all_whole(profile)
    return is_few and (levels == 2 or not counts_something(name))


def _is_all_whole(profile: ColumnProfile) -> bool:
    return profile.kind != "float" and profile.whole == profile.numbers


def _number_notes(profile: ColumnProfile) -> list[str]:
    notes = []
    if profile.missing:
        notes.append(f"{profile.missing:,} empty")
    if profile.marks:
        notes.append(f"{profile.marks.total():,} marked as missing")
    if odd := profile.present - profile.numbers:
        notes.append(f"{odd:,} are no numbers")
    if is_whole(profile) and profile.kind != "float" and profile.whole < profile.numbers:
        notes.append(f"{profile.numbers - profile.whole:,} are not whole")
    if 0 < profile.negative <= 0.05 * profile.numbers:
        notes.append(f"{profile.negative:,} below 0: if they are errors, say 'ge: 0'")
    return notes


def number_contract(profile: ColumnProfile) -> dict[str, Any]:
    """Type and range: the numbers found, doubled and rounded outwards, so that no customer's shows."""
    kind = "int" if is_whole(profile) and profile.kind != "float" else "float"
    contract: dict[str, Any] = {"type": kind}
    if max(abs(profile.low), abs(profile.high)) > LARGEST:
        return contract
    contract["ge"] = 0 if profile.low >= 0 else -round_out(-2 * profile.low)
    if profile.high > 0:
        contract["le"] = round_out(2 * profile.high)
    return contract


def round_out(value: float) -> int | float:
    """The next of 1, 2 and 5 times a power of ten that is not below a positive value.

    >>> [round_out(value) for value in (0.3, 7, 140, 224302.0)]
    [0.5, 10, 200, 500000]
    """
    power = math.floor(math.log10(value))
    for step in (1, 2, 5, 10):
        rounded = float(f"{step}e{power}")
        if rounded >= value:
            break
    return int(rounded) if rounded >= 1 else rounded
