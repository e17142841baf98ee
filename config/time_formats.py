"""The forms in which times may be written, each as one regular expression with fields groups.

A form is a strptime pattern, `iso` (ISO 8601) or an epoch. Reading a column with them belongs in
segmentation/rows/casting/times.py. Names of months are English whatever the machine's locale is.
"""

import itertools
import re
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import NamedTuple

ISO = "iso"
# Microseconds in one unit of an epoch: a count since 1970-01-01 00:00 UTC.
EPOCHS = {"epoch-seconds": 1_000_000, "epoch-milliseconds": 1_000, "epoch-microseconds": 1}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Non-breaking and narrow blanks, as ICU writes before PM. RE2's \s knows ASCII only.
BLANK = "[\\s\u00a0\u2009\u202f]"

_FRACTION = r"(?P<fraction>\d{1,6})(?P<cut>\d{0,12})"
_OFFSET = (
    r"(?:(?P<zone>Z|UTC|GMT)|(?:UTC|GMT)?(?P<sign>[+-])(?P<offset_hour>\d{2})(?::?(?P<offset_minute>\d{2}))?"
    # What Go and Java append: the zone's name, which only repeats the offset.
    rf"(?:{BLANK}*[A-Z]{{2,5}})?(?:\[[\w/+-]+\])?)"
)
_CLOCK = (
    r"(?P<hour>\d{%s})(?:%s(?P<minute>\d{2})(?:%s(?P<second>\d{2})(?:[.,]" + _FRACTION + rf")?)?)?"
    rf"(?:{BLANK}*{_OFFSET})?"
)
# A day needs no clock, but an offset does: what 2024-05-15+02:00 means is not known.
_ISO_FORMS = (
    r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    rf"(?:(?:T|{BLANK}+){_CLOCK % ('1,2', ':', ':')})?",
    r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})" + rf"(?:(?:T|{BLANK}+){_CLOCK % ('2', ':?', ':?')})?",
)
_EPOCH = r"(?P<minus>-?)(?P<count>\d{1,17})(?:\.(?P<fraction>\d{1,6})(?P<cut>\d{0,12}))?"
_NAMES = (
    "jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    "oct(?:ober)?|nov(?:ember)?|dec(?:ember)?"
)
_WEEKDAYS = "(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?"
_DIRECTIVES = {
    "%Y": r"(?P<year>\d{4})",
    "%y": r"(?P<short_year>\d{2})",
    "%m": r"(?P<month>\d{1,2})",
    "%b": rf"(?P<month_name>{_NAMES})\.?",
    "%B": rf"(?P<month_name>{_NAMES})\.?",
    "%d": r"(?P<day>\d{1,2})",
    "%j": r"(?P<day_of_year>\d{3})",
    "%H": r"(?P<hour>\d{1,2})",
    "%I": r"(?P<hour>\d{1,2})",
    "%p": r"(?P<half>a\.?m\.?|p\.?m\.?)",
    "%M": r"(?P<minute>\d{1,2})",
    "%S": r"(?P<second>\d{1,2})",
    "%f": _FRACTION,
    "%z": _OFFSET,
    "%a": _WEEKDAYS,
    "%A": _WEEKDAYS,
    "%%": "%",
}
_TOKEN = re.compile(r"%.?|\s+|[^%\s]+", re.DOTALL)
# Directives that give the same part of a time: a pattern may have one of them.
_RIVALS = (("%Y", "%y"), ("%m", "%b", "%B", "%j"), ("%d", "%j"), ("%H", "%I"), ("%a", "%A"))
# In any case, because texts are matched in any case.
_UTC_NAME = re.compile(r"(?i)(?<![A-Z])(?:UTC|GMT|Z)(?![A-Z])")
_ZONE_NAME = re.compile(
    r"(?i)(?<![A-Z])(?:[ECMPHA][SD]T|AK[SD]T|CES?T|EES?T|WES?T|BST|IST|JST|KST|MSK|AE[SD]T)(?![A-Z])"
)
_LITERAL_OFFSET = re.compile(r"(?i)(?:^|[^\d%])[+−-](?:\d{4}|\d{1,2}:\d{2})|(?:UTC|GMT)[+−-]\d")
_DIGITS = frozenset(["%Y", "%y", "%m", "%d", "%j", "%H", "%I", "%M", "%S", "%f"])


class TimeForm(NamedTuple):
    """One form of writing times. `regex` matches a whole text in any case, blanks around it removed."""

    regex: str
    is_utc: bool  # times without an offset are UTC, not local
    epoch: int = 0  # microseconds in a unit, or 0 where the form is not an epoch

    @property
    def groups(self) -> frozenset[str]:
        """The names of the regular expression's groups."""
        return frozenset(re.compile(self.regex).groupindex)


def list_formats(declared: str | Sequence[str] | None) -> tuple[str, ...]:
    """The formats of a declaration, which is one, several or none."""
    if declared is None:
        return (ISO,)
    return (declared,) if isinstance(declared, str) else tuple(declared)


@cache
def compile_form(text_format: str) -> tuple[TimeForm, ...]:
    """The forms that one declared format means. ValueError says what is wrong with it."""
    if text_format == ISO:
        return tuple(_anchor(regex, is_utc=False) for regex in _ISO_FORMS)
    if text_format in EPOCHS:
        return (TimeForm(f"^{_EPOCH}$", True, EPOCHS[text_format]),)
    tokens = _TOKEN.findall(text_format)
    _check_directives([token for token in tokens if token.startswith("%")])
    is_utc = any(_UTC_NAME.search(token) for token in tokens) and "%z" not in tokens
    if any(_LITERAL_OFFSET.search(token) for token in tokens if token[0] != "%"):
        raise ValueError("format has an offset such as +0200 as plain text, which would be ignored; use %z")
    if "%z" not in tokens and any(_ZONE_NAME.search(token) for token in tokens if token[0] != "%"):
        raise ValueError(
            "format names a time zone that says nothing about its offset; use %z for offsets such as +0200"
        )
    return (_anchor(_to_regex(tokens), is_utc=is_utc),)


def _anchor(regex: str, *, is_utc: bool) -> TimeForm:
    return TimeForm(f"(?i)^{regex}$", is_utc)


def _check_directives(directives: Sequence[str]) -> None:
    # %% is a literal percent sign and may come twice.
    fields = [directive for directive in directives if directive != "%%"]
    if set(fields) - _DIRECTIVES.keys() or len(set(fields)) != len(fields):
        allowed = ", ".join(sorted(_DIRECTIVES))
        raise ValueError(
            f"format may contain {allowed}, each once, and plain text; or be {ISO}, {', '.join(EPOCHS)}"
        )
    for rivals in _RIVALS:
        if len(rivals_used := sorted(set(rivals) & set(fields))) > 1:
            raise ValueError(f"format has both {' and '.join(rivals_used)}")
    has_day = "%j" in fields or ("%d" in fields and bool({"%m", "%b", "%B"} & set(fields)))
    if not {"%Y", "%y"} & set(fields) or not has_day:
        raise ValueError("format needs year, month and day")
    if ("%I" in fields) != ("%p" in fields):
        raise ValueError("%I (hours of a 12-hour clock) and %p (AM or PM) go together")


def _to_regex(tokens: Sequence[str]) -> str:
    parts = []
    for preceding, token, following in zip([None, *tokens], tokens, [*tokens[1:], None], strict=False):
        if token.isspace():
            parts.append(BLANK + ("*" if following in ("%p", "%z") else "+"))
        elif token[0] != "%":
            parts.append(re.escape(token))
        elif token in _DIGITS and {preceding, following} & _DIGITS:
            # Between digits nothing marks where a number ends, so each has its full width.
            parts.append(_DIRECTIVES[token].replace("{1,2}", "{2}"))
        else:
            parts.append(_DIRECTIVES[token])
    return "".join(parts)


def detect_ambiguity(formats: Sequence[str]) -> tuple[str, str] | None:
    """Two formats of a list that read some text as different times, such as %d/%m/%Y and %m/%d/%Y."""
    pairs = itertools.permutations(formats, 2)
    return next((pair for pair in pairs if _read_differently(*pair)), None)


@lru_cache(maxsize=4096)
def _read_differently(first: str, second: str) -> bool:
    for text in _list_probes(first):
        times = [_read(compile_form(text_format), text) for text_format in (first, second)]
        if times[0] and times[1] and times[0] != times[1]:
            return True
    return False


def _list_probes(text_format: str) -> list[str]:
    """Texts of this format whose days, months and years can be taken for one another."""
    if text_format in EPOCHS:
        return ["20240315", "20121110", "1718000000", "1718000000000", "1718000000000000"]
    pattern = "%Y-%m-%d %H:%M" if text_format == ISO else text_format
    probes = []
    days = itertools.product((2001, 2010, 2012), (1, 2, 10, 11, 12), (1, 3, 10, 11, 12, 25))
    for (year, month, day), hour, width in itertools.product(days, (5, 11), (1, 2)):
        values = {
            **{"%Y": f"{year:04}", "%y": f"{year % 100:02}", "%m": f"{month:0{width}}"},
            **{"%b": MONTHS[month - 1], "%B": MONTHS[month - 1], "%d": f"{day:0{width}}", "%j": "103"},
            **{"%H": f"{hour:02}", "%I": f"{hour:02}", "%p": "PM", "%M": "06", "%S": "07", "%f": "0"},
            **{"%z": "+0200", "%a": "mon", "%A": "monday", "%%": "%"},
        }
        probes.append("".join(values.get(token, token) for token in _TOKEN.findall(pattern)))
    if text_format == ISO:
        probes += [probe[:10].replace("-", "") for probe in probes]
    return probes


def _read(forms: Sequence[TimeForm], text: str) -> tuple[int, ...] | None:
    """The parts of the time that the first fitting form reads in a text. None if no form fits."""
    for form in forms:
        match = re.match(form.regex, text)
        if match is None:
            continue
        parts = {name: value or "0" for name, value in match.groupdict().items()}
        if form.epoch:
            return (0, int(parts["count"]) * form.epoch)
        names = ("year", "short_year", "month", "day", "day_of_year", "hour", "minute", "second")
        year, short_year, month, day, day_of_year, *clock = (int(parts.get(name, 0)) for name in names)
        month = month or 1 + MONTHS.index(parts.get("month_name", "jan")[:3])
        year = year or short_year + (1900 if short_year >= 69 else 2000)
        is_pm = parts.get("half", "a")[0].lower() == "p"
        if month <= 12 and day <= 31 and 1900 <= year <= 2200:
            return (year, month, day, day_of_year, clock[0] + 12 * is_pm, *clock[1:])
    return None
