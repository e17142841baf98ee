"""Columns that look like times and cannot be read, so that a table of events is not taken for customers.

The forms that can be read are in segmentation/proposing/time_formats.py.
"""

import re

from segmentation.proposing.column_names import is_time_name, suggests_code
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import quote_names
from segmentation.proposing.not_amounts import is_all_whole
from segmentation.proposing.roles import is_number
from segmentation.proposing.surveying import SurveyedTable
from segmentation.proposing.time_readings import describe_form

# As digits of 9 and letters of a: 2024-05, 05/2024, May 2024.
_MONTH = re.compile(r"9999[-/.]99|99?[-/.]9999|a{3,9}[- ]9999")


def describe_unreadable_times(table: SurveyedTable) -> str | None:
    """The columns that look like times and cannot be read, with the form of their texts."""
    problems = []
    for name, profile in table.profiles.items():
        is_month = _holds_months(name, profile)
        if name in table.times or not profile.present or not (is_month or is_time_name(name)):
            continue
        if is_month:
            problems.append(f"{quote_names([name])} holds months without a day")
        elif is_number(profile):
            serial = _guess_serial(profile)
            if serial or (profile.levels is None and suggests_code(name) is None):
                problems.append(f"{quote_names([name])} holds numbers{serial}")
        elif any("9" in form for form in profile.forms):
            forms = " and ".join(describe_form(form) for form in sorted(profile.forms)[:2])
            share = max((reading.matches for reading in profile.times.values()), default=0) / profile.present
            coverage = f", of which {share:.0%} can be read" if share else ""
            problems.append(f"{quote_names([name])} holds texts such as {forms}{coverage}")
    return "; ".join(problems[:3]) or None


def _holds_months(name: str, profile: ColumnProfile) -> bool:
    """Does the column hold months of several years, such as 2024-05 or 202405?"""
    if is_number(profile):
        is_plausible = profile.low >= 190_001 and profile.high <= 210_012 and is_all_whole(profile)
        return is_plausible and suggests_code(name) == "calendar"
    return bool(profile.forms) and all(map(_MONTH.fullmatch, profile.forms))


def _guess_serial(profile: ColumnProfile) -> str:
    # A spreadsheet's dates count days since 1899-12-30: 1982 to 2064.
    is_serial = profile.low >= 30_000 and profile.high <= 60_000
    return ", perhaps a spreadsheet's days since 1899-12-30" if is_serial else ""
