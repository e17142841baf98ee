"""What a column is used for, by its profile and name: feature, declared column, or left out.

Profiles are computed in segmentation/proposing/profiling.py. The id is chosen in
segmentation/proposing/id_column.py.
"""

import math
import re
from typing import Any, Literal, NamedTuple

from segmentation.proposing.column_names import is_code_name, is_count_name, rank_as_id
from segmentation.proposing.column_profile import ColumnProfile

Use = Literal["feature", "declared", "left out"]

NEARLY_ALL = 0.95  # share of a column's values that must be numbers, or times, to treat it as such
MOST_MISSING = 0.1  # of the rows; with more, a column is not a feature: rows without a value are refused
FEW_LEVELS = 10
LARGEST_AMOUNT = 1e15  # beyond, float64 no longer holds cents exactly, and numbers are usually codes


class Role(NamedTuple):
    """A column's use, its contract, and the reason, which becomes a comment in the proposal."""

    use: Use
    contract: dict[str, Any]
    reason: str


def is_unique(profile: ColumnProfile) -> bool:
    """Does nearly every row have a different value?"""
    return profile.distinct.values > 1 and profile.distinct.rows_per_value < 1.05


def is_time(profile: ColumnProfile) -> bool:
    """Does the column hold times that a run can read?"""
    return profile.present > 0 and profile.stamps >= NEARLY_ALL * profile.present


def is_number(profile: ColumnProfile) -> bool:
    """Does the column hold numbers?"""
    return profile.present > 0 and profile.numbers >= NEARLY_ALL * profile.present


def has_whole_numbers(profile: ColumnProfile) -> bool:
    """Are nearly all of the column's numbers written as whole numbers?"""
    return profile.whole >= 0.995 * profile.numbers


def infer_role(name: str, profile: ColumnProfile) -> Role:
    """The role of a column that is not the id."""
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
        return Role("left out", {"type": "text"}, "not a number, text, time or boolean in the file")
    levels = profile.levels
    # With fewer than five rows per level, listing the levels would reveal single customers.
    if levels is None or profile.distinct.values * 5 > profile.rows or rank_as_id(name):
        content = "dates not in ISO 8601" if _are_dates(profile) else "text"
        return Role("left out", {"type": "text"}, f"{content}, {describe_distinct(profile)}")
    # Empty text is a level: null_values apply to numbers only.
    allowed = sorted(levels | {""}) if profile.missing and profile.kind == "text" else sorted(levels)
    return Role("declared", {"type": "category", "isin": allowed}, f"all {len(allowed)} levels in the table")


def _are_dates(profile: ColumnProfile) -> bool:
    return profile.other_dates >= NEARLY_ALL * profile.present


def describe_distinct(profile: ColumnProfile) -> str:
    """The number of distinct values: `about 3,100 different values`."""
    values = profile.distinct.values
    exact = len(profile.distinct.keys) == values
    return f"{'' if exact else 'about '}{values:,} different value{'s' if values != 1 else ''}"


def _number_role(name: str, profile: ColumnProfile) -> Role:
    contract, notes = number_contract(profile), _number_notes(profile)
    exclusion = _explain_exclusion(name, profile)
    if exclusion is None:
        return Role("feature", contract, "; ".join(notes))
    if profile.levels is not None and are_codes(name, profile):
        codes = {int(level) for level in profile.levels if re.fullmatch(r"[+-]?\d+", level)}
        contract = {"type": "int", "isin": sorted(codes)}
    if profile.missing or profile.marks:
        contract["nullable"] = True
    # Rows must not be refused because of a column that is not clustered.
    is_refusing = profile.numbers < profile.present or (
        contract["type"] == "int" and not _is_all_whole(profile)
    )
    return Role("left out" if is_refusing else exclusion.use, contract, "; ".join([exclusion.reason, *notes]))


class _Exclusion(NamedTuple):
    """What a numeric column that is not a feature is used for, and why it is not a feature."""

    use: Use
    reason: str


def _explain_exclusion(name: str, profile: ColumnProfile) -> _Exclusion | None:
    """Why a numeric column is not a feature. None if it is one."""
    missing = profile.rows - profile.present
    if profile.distinct.values - len(profile.marks) <= 1:
        return _Exclusion("declared", "the same number in every row")
    if missing > MOST_MISSING * profile.rows:
        share = missing / profile.rows
        return _Exclusion("declared", f"{share:.0%} missing, and a feature needs a value for every customer")
    if max(abs(profile.low), abs(profile.high)) > LARGEST_AMOUNT:
        return _Exclusion("left out", "contains numbers beyond 1e15, so it may be a code")
    if is_code_name(name):
        return _Exclusion("left out", "its name suggests a code, not an amount")
    rank = rank_as_id(name)
    if rank >= 2 or (rank == 1 and (is_unique(profile) or profile.distinct.values > 1000)):
        return _Exclusion("left out", "its name suggests an id")
    if are_codes(name, profile):
        levels = profile.distinct.values - len(profile.marks)
        reason = f"only {levels} values, so perhaps a code; list it under features if it is an amount"
        return _Exclusion("declared", reason)
    return None


def are_codes(name: str, profile: ColumnProfile) -> bool:
    """Are a few whole numbers codes for kinds? Names of counts are not, unless there are only two values."""
    levels = profile.distinct.values - len(profile.marks)
    is_few = 1 < levels <= FEW_LEVELS and levels * 5 < profile.rows and _is_all_whole(profile)
    return is_few and (levels == 2 or not is_count_name(name))


def _is_all_whole(profile: ColumnProfile) -> bool:
    return profile.kind != "float" and profile.whole == profile.numbers


def _number_notes(profile: ColumnProfile) -> list[str]:
    notes = []
    if profile.missing:
        notes.append(f"{profile.missing:,} empty")
    if profile.marks:
        notes.append(f"{profile.marks.total():,} marked as missing")
    if texts := profile.present - profile.numbers:
        notes.append(f"{texts:,} are not numbers")
    if has_whole_numbers(profile) and profile.kind != "float" and profile.whole < profile.numbers:
        notes.append(f"{profile.numbers - profile.whole:,} are not whole")
    if 0 < profile.negative <= 0.05 * profile.numbers:
        notes.append(f"{profile.negative:,} below 0; if these are errors, set 'ge: 0'")
    return notes


def number_contract(profile: ColumnProfile) -> dict[str, Any]:
    """Type and range. The range is doubled and rounded outwards, so that it reveals no customer's value."""
    kind = "int" if has_whole_numbers(profile) and profile.kind != "float" else "float"
    contract: dict[str, Any] = {"type": kind}
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
