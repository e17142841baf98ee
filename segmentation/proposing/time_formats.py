"""The strptime patterns that a text may be written in, derived from the form of the text.

Which of them reads a column is counted in segmentation/proposing/time_readings.py. A run guesses nothing: it
reads times in the format that the definition declares.
"""

import re
from typing import Literal, NamedTuple

from pydantic import ValidationError

from config.columns import Column
from config.time_formats import EPOCHS, ISO

DayOrder = Literal["", "day first", "month first"]
# 1990 to 2100: outside, a whole number is more likely something else.
_EPOCH_RANGE = (631_152_000, 4_102_444_800)
_LETTERS = r"[^\W\d_]"
_DATE = re.compile(
    rf"""(?P<weekday>{_LETTERS}{{2,9}}\.?,?\ )?
    (?: (?P<year>\d{{4}})(?P<iso_mark>[-/.])\d{{1,2}}(?P=iso_mark)\d{{1,2}}
      | \d{{1,2}}(?P<mark>[-/.\ ])\d{{1,2}}(?P=mark)(?P<end_year>\d{{4}}|\d\d)
      | \d{{1,2}}(?P<name_mark>[-/.\ ]|\.\ )(?P<month>{_LETTERS}{{3,9}}\.?)(?P<comma>,?)
            (?P<name_mark_2>[-/.\ ])(?P<name_year>\d{{4}}|\d\d)
      | (?P<lead_month>{_LETTERS}{{3,9}}\.?)\ \d{{1,2}}(?P<lead_comma>,?)\ (?P<lead_year>\d{{4}})
      | (?P<lead_name>{_LETTERS}{{3}})(?P<lead_mark>[-/])\d{{1,2}}(?P=lead_mark)(?P<lead_short>\d{{4}}|\d\d)
      | (?P<cjk>\d{{4}}年\d{{1,2}}月\d{{1,2}}日)
      | (?P<compact>\d{{8}}) )""",
    re.VERBOSE,
)
_TIME = re.compile(
    r"(?P<gap>T|:|,?\ {1,2}|\ at\ |\ -\ )(?P<hour>\d{1,2})(?P<colon>[:.h])\d{2}(?P<second>(?P=colon)\d{2})?"
    r"(?P<fraction>[.,]\d+)?(?P<noon>\ ?[AaPp]\.?[Mm]\.?)?"
)
_COMPACT_TIME = re.compile(r"(?P<gap>T|\ ?)\d{4}(?P<second>\d{2})?")
_ZONE = re.compile(r"(?P<blank>\ ?)(?P<zone>[+-]\d{2}:?\d{2}|[+-]\d{2}|Z|UTC|GMT)")


class TimeFormat(NamedTuple):
    """A strptime pattern, and whether it takes the day or the month of an ambiguous date first."""

    pattern: str
    order: DayOrder = ""


def derive_formats(text: str) -> list[TimeFormat]:
    """The patterns that fit the form of one text; empty if it does not look like a time.

    >>> [format.pattern for format in derive_formats("31/12/2024 09:15")]
    ['%d/%m/%Y %H:%M', '%m/%d/%Y %H:%M']
    >>> [format.pattern for format in derive_formats("2024-04-02 09:16:16 -0400")]
    ['%Y-%m-%d %H:%M:%S %z']
    >>> [format.pattern for format in derive_formats("[31/Dec/2024:09:15:00 +0100]")]
    ['[%d/%b/%Y:%H:%M:%S %z]']
    """
    if text[:1] == "[" and text[-1:] == "]":  # as web servers write them
        return [day._replace(pattern=f"[{day.pattern}]") for day in derive_formats(text[1:-1])]
    date = _DATE.match(text)
    if date is None:
        return []
    remainder = text[date.end() :]
    clock, remainder = _match_time(remainder, is_compact=date["compact"] is not None)
    zone = _ZONE.fullmatch(remainder)
    if remainder and zone is None:
        return []
    suffix = clock + _write_zone(zone)
    weekday = "" if date["weekday"] is None else "%a" + re.sub(r"^\w+", "", date["weekday"])
    return [day._replace(pattern=f"{weekday}{day.pattern}{suffix}") for day in _list_days(date)]


def _write_zone(zone: re.Match[str] | None) -> str:
    if zone is None:
        return ""
    # %z reads Z and offsets; the names of the zone are literal text.
    return zone["blank"] + (zone["zone"] if zone["zone"] in ("UTC", "GMT") else "%z")


def _match_time(remainder: str, is_compact: bool) -> tuple[str, str]:
    """The pattern of the time of day, and what follows it."""
    match = _TIME.match(remainder) or (_COMPACT_TIME.match(remainder) if is_compact else None)
    if match is None:
        return "", remainder
    groups = match.groupdict()
    colon = groups.get("colon", "")
    noon = groups.get("noon")
    pattern = f"{match['gap']}{'%I' if noon else '%H'}{colon}%M"
    if match["second"]:
        pattern += f"{colon}%S"
    if groups.get("fraction"):
        pattern += f"{groups['fraction'][0]}%f"
    if noon:
        pattern += f"{' ' if noon[0] == ' ' else ''}%p"
    return pattern, remainder[match.end() :]


def _list_days(date: re.Match[str]) -> list[TimeFormat]:
    if date["compact"]:
        return [TimeFormat("%Y%m%d")]
    if date["cjk"]:
        return [TimeFormat("%Y年%m月%d日")]
    if date["year"]:
        mark = date["iso_mark"]
        return [TimeFormat(f"%Y{mark}%m{mark}%d")]
    if date["mark"]:
        mark, year = date["mark"], _write_year(date["end_year"])
        return [
            TimeFormat(f"%d{mark}%m{mark}{year}", "day first"),
            TimeFormat(f"%m{mark}%d{mark}{year}", "month first"),
        ]
    if date["month"]:
        end = f"{date['comma']}{date['name_mark_2']}{_write_year(date['name_year'])}"
        return [TimeFormat(f"%d{date['name_mark']}%b{end}")]
    if date["lead_name"]:
        mark = date["lead_mark"]
        return [TimeFormat(f"%b{mark}%d{mark}{_write_year(date['lead_short'])}")]
    return [TimeFormat(f"%b %d{date['lead_comma']} %Y")]


def _write_year(digits: str) -> str:
    return "%Y" if len(digits) == 4 else "%y"


def list_epochs(low: float, high: float) -> list[TimeFormat]:
    """The units in which all of these whole numbers are times since 1970, at most one."""
    first, last = _EPOCH_RANGE
    units = {name: 1_000_000 // microseconds for name, microseconds in EPOCHS.items()}
    return [TimeFormat(name) for name, unit in units.items() if first * unit <= low <= high <= last * unit]


def make_time_column(pattern: str) -> Column | None:
    """The contract of timestamps in this pattern, or missing. None if a definition cannot declare it."""
    try:
        return Column.model_validate(time_contract((pattern,)) | {"nullable": True})
    except ValidationError:
        return None


def time_contract(patterns: tuple[str, ...]) -> dict[str, object]:
    """The keys of a timestamp's contract: without format for ISO 8601, else one pattern or a list."""
    if patterns in ((), (ISO,)):
        return {"type": "timestamp"}
    return {"type": "timestamp", "format": patterns[0] if len(patterns) == 1 else list(patterns)}
