"""The time zone in which a table's offsets from UTC were written, such as -0400 and -0500 of New York.

Offsets are collected in segmentation/proposing/time_readings.py.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

# One zone for each pair of offsets that most shops have. Fixed offsets are covered by Etc/GMT.
_ZONES = (
    *("Europe/London", "Europe/Berlin", "Europe/Helsinki", "America/New_York", "America/Chicago"),
    *("America/Denver", "America/Los_Angeles", "America/Halifax", "Australia/Sydney", "Australia/Adelaide"),
    *("Pacific/Auckland", "America/Santiago", "Asia/Kolkata", "Australia/Brisbane", "America/Caracas"),
)


class ZoneChoice(NamedTuple):
    """The time zone to declare, and the reason, which becomes a comment."""

    name: str
    reason: str
    is_sure: bool


def infer_timezone(offsets: Iterable[tuple[str, str]]) -> ZoneChoice:
    """The zone whose offset is the written one in every month. UTC if times have no offset."""
    pairs = {(_to_minutes(offset), month) for offset, month in offsets}
    minutes = {offset for offset, _ in pairs}
    if not pairs:
        return ZoneChoice("UTC", "decides when a date begins and ends, for example Europe/London", True)
    if minutes == {0}:
        return ZoneChoice("UTC", "times are written in UTC; name your own zone to count its days", True)
    if len(minutes) > 1:
        matches = [zone for zone in _ZONES if _agrees(zone, pairs)]
        if matches:
            return ZoneChoice(matches[0], "the offsets of the times change as in this zone", True)
        return ZoneChoice("UTC", "times have offsets of several zones", False)
    (offset,) = minutes
    fixed = next((zone for zone in _ZONES if offset % 60 and _agrees(zone, pairs)), None)
    if offset % 60 == 0 and -12 <= -offset // 60 <= 14:
        # POSIX counts to the west: Etc/GMT+4 is four hours behind UTC.
        fixed = f"Etc/GMT{-offset // 60:+d}"
    if fixed is None:
        return ZoneChoice("UTC", "the offset of the times belongs to no common zone", False)
    return ZoneChoice(fixed, "all times have this offset; name your own zone if its clocks change", True)


def _to_minutes(offset: str) -> int:
    digits = re.sub(r"\D", "", offset)
    if not digits:
        return 0
    minutes = int(digits[:2]) * 60 + int(digits[2:4] or 0)
    return -minutes if offset.startswith("-") else minutes


def _agrees(zone: str, pairs: Iterable[tuple[int, str]]) -> bool:
    """Is each offset valid in the zone at some time of its month, or on the days next to it?"""
    return all(offset in _list_offsets(zone, month) for offset, month in pairs)


def _list_offsets(zone: str, month: str) -> set[int]:
    start = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
    moments = [start + timedelta(days=day) for day in (-1, 1, 8, 15, 22, 27, 31)]
    differences = [moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments]
    return {int(difference.total_seconds() // 60) for difference in differences if difference is not None}
