"""Numbers that are no amounts: row numbers, ids, codes, years, places, parts of a date.

No column is taken for one of these by its name alone: its values must look like it too. Roles of columns are
decided in segmentation/proposing/roles.py.
"""

import re

from segmentation.proposing.column_names import is_count_name, rank_as_id, split_words, suggests_code
from segmentation.proposing.column_profile import ColumnProfile

FEW_LEVELS = 10
MOST_MISSING = 0.1  # of the rows; with more, a column is not a feature: rows without a value are refused
LARGEST_AMOUNT = 1e15  # beyond, float64 no longer holds cents exactly, and numbers are usually codes
FIRST_YEAR, LAST_YEAR = 1900, 2100
_LAST_WEEK = 53  # the largest number of a day, week, month or hour within a longer period
_MANY_IDS = 1000


def explain_exclusion(name: str, profile: ColumnProfile) -> str | None:
    """Why a column of numbers is not a feature. None if it is one."""
    missing = profile.rows - profile.present
    if profile.distinct.values - len(profile.marks) <= 1:
        return "the same number in every row"
    if missing > MOST_MISSING * profile.rows:
        return f"{missing / profile.rows:.0%} missing, and a feature needs a value for every customer"
    if max(abs(profile.low), abs(profile.high)) > LARGEST_AMOUNT:
        return "contains numbers beyond 1e15, so it may be a code"
    if is_row_number(profile):
        return "numbers the rows"
    if _is_id(name, profile):
        return "an id by its name, and its numbers hardly repeat"
    if split_words(name)[-1:] == ["id"] and is_all_whole(profile) and profile.low >= 0:
        return "an id by its name and whole numbers; list it under features if it is an amount"
    if reason := _explain_code(name, profile):
        return reason
    if are_codes(name, profile):
        levels = profile.distinct.values - len(profile.marks)
        return f"only {levels} values, so perhaps a code; list it under features if it is an amount"
    return None


def is_row_number(profile: ColumnProfile) -> bool:
    """Are these whole numbers all different, without a gap?"""
    count = profile.numbers
    is_gapless = is_all_whole(profile) and profile.high - profile.low + 1 == count == profile.present
    return is_gapless and profile.low >= 0 and count >= FEW_LEVELS and profile.distinct.rows_per_value == 1.0


def is_birth_year(name: str, profile: ColumnProfile) -> bool:
    """Is this the year in which customers were born?"""
    return suggests_code(name) == "birth year" and _are_years(profile)


def _is_id(name: str, profile: ColumnProfile) -> bool:
    rank, values = rank_as_id(name), profile.distinct.values
    if not rank or not is_all_whole(profile):
        return False
    return rank == 3 or 2 * values > profile.present or values > _MANY_IDS


def _explain_code(name: str, profile: ColumnProfile) -> str | None:
    kind, is_whole = suggests_code(name), is_all_whole(profile)
    if kind == "code" and is_whole and profile.low >= 0 and profile.high >= 100:
        return "a code by its name and values"
    if kind == "place" and not is_whole and profile.low >= -180 and profile.high <= 180:
        return "a place on the map"
    if kind == "birth year":
        return None
    if _are_years(profile) and (kind == "year" or _is_unlike_amount(profile)):
        return "years, by their values; list it under features if they are amounts"
    if kind == "calendar" and is_whole and profile.low >= 0 and profile.high <= _LAST_WEEK:
        return "part of a date by its name and values; list it under features if it is an amount"
    return None


def _are_years(profile: ColumnProfile) -> bool:
    return is_all_whole(profile) and profile.low >= FIRST_YEAR and profile.high <= LAST_YEAR


def _is_unlike_amount(profile: ColumnProfile) -> bool:
    """Are there few values for many rows, as of years?"""
    return profile.distinct.values <= 60 and profile.rows >= 4 * profile.distinct.values


def are_codes(name: str, profile: ColumnProfile) -> bool:
    """Are a few whole numbers codes for kinds? Names of counts are not, unless there are only two values."""
    levels = profile.distinct.values - len(profile.marks)
    is_few = 1 < levels <= FEW_LEVELS and levels * 5 < profile.rows and is_all_whole(profile)
    return is_few and (levels == 2 or not is_count_name(name))


def list_codes(profile: ColumnProfile) -> list[int]:
    """The codes of a column for which `are_codes` holds."""
    return sorted({int(level) for level in profile.levels or () if re.fullmatch(r"[+-]?\d+", level)})


def is_all_whole(profile: ColumnProfile) -> bool:
    """Are all of the column's numbers written as whole numbers?"""
    return profile.kind != "float" and profile.whole == profile.numbers
