"""Surveying an unknown table: its files, how they are written, and the profiles of its columns.

The use of each column is decided in segmentation/proposing/roles.py, the definition in
segmentation/proposing/proposal.py.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from config.columns import COLUMN_PATTERN, RESERVED_COLUMNS
from config.sources import Source
from segmentation.errors import Refused
from segmentation.proposing.column_names import is_time_name
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.dialects import DetectedDialect, detect_dialect
from segmentation.proposing.drafting import quote_names
from segmentation.proposing.profiling import profile_files
from segmentation.proposing.time_formats import DayOrder
from segmentation.proposing.time_readings import NEARLY_ALL, ColumnTimes, choose_times
from segmentation.rows.reading.headers import MOST_COLUMNS, check_header, read_header
from segmentation.sources.content import SourceFile, fingerprint
from segmentation.sources.dated_names import Span, span_in_name
from segmentation.sources.file_formats import FORMATS, get_format
from segmentation.sources.listing import ListedFile, fetch_files, list_source
from segmentation.sources.places import list_place
from segmentation.store.files.objects import is_object_url

MOST_CONTRACT = 1000  # columns that rows.columns may hold
# Days before weeks, months and years: a name with a day has the others too. Folders come last.
_DATE_PATTERNS = (
    *("%Y-%m-%d", "%Y%m%d", "%Y_%m_%d", "%Y.%m.%d", "%d.%m.%Y", "%Y/%m/%d", "%G-W%V", "%GW%V"),
    *("%Y-%m", "%Y_%m", "%Y.%m", "%Y%m", "%Y/%m"),
)
_NO_SPAN = Span(date.min, date.min)
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)*\s*")
# A column may be named 2025: years are names, other numbers are values of a missing header.
_YEAR = re.compile(r"\s*(19|20)\d\d\s*")


class SurveyedTable(NamedTuple):
    """A surveyed table. `place` is as the user wrote it, `header` is the first file's."""

    place: str
    files: list[SourceFile]
    dialect: DetectedDialect
    header: list[str]
    profiles: dict[str, ColumnProfile]
    unusable: list[str]
    date_in_name: str | None
    times: dict[str, ColumnTimes]

    @property
    def rows(self) -> int:
        """Rows in all files, without malformed lines."""
        return next(iter(self.profiles.values())).rows

    @property
    def size(self) -> str:
        """Its size, such as `200 rows of 5 columns`."""
        files = f" in {len(self.files):,} files" if len(self.files) > 1 else ""
        return f"{self.rows:,} rows of {len(self.header):,} columns{files}"


def survey(place: str, all_dates: bool = False, order: DayOrder = "") -> SurveyedTable:
    """Profile the columns of the table's files: of dated files, only the newest unless `all_dates`.

    `order` is that of day and month, if someone has said it.
    """
    listed, date_in_name = list_tables(place)
    if date_in_name and not all_dates:
        newest = max(span_in_name(file.name, date_in_name) or _NO_SPAN for file in listed)
        listed = [file for file in listed if span_in_name(file.name, date_in_name) == newest]
    paths = fetch_files([file.path for file in listed], Path())
    files = [fingerprint(path, file.name) for path, file in zip(paths, listed, strict=True)]
    dialect = detect_dialect(paths)
    header = read_header(paths[0], dialect.csv)
    names, unusable = choose_columns(paths[0].name, header)
    for path in paths[1:]:
        check_header(path.name, read_header(path, dialect.csv), names, dialect.csv.delimiter)
    profiles = profile_files(files, names, dialect.csv)
    if not profiles:
        raise Refused(
            "no-rows",
            f"{paths[0].name}: no row has {len(header)} fields like the first line; expected the header "
            "first, then rows",
        )
    times = list_times(profiles, order)
    return SurveyedTable(place, files, dialect, header, profiles, unusable, date_in_name, times)


def list_times(profiles: Mapping[str, ColumnProfile], order: DayOrder = "") -> dict[str, ColumnTimes]:
    """The columns of times, with the formats that read them.

    Where a column does not show whether day or month comes first, another column of the table decides.
    """
    times = {name: _read_times(name, profile, order) for name, profile in profiles.items()}
    orders = {
        column.order for column in times.values() if column and column.order and not column.is_ambiguous
    }
    if len(orders) == 1:
        times = {name: _read_times(name, profile, *orders) for name, profile in profiles.items()}
    return {name: column for name, column in times.items() if column is not None}


def _read_times(name: str, profile: ColumnProfile, order: DayOrder) -> ColumnTimes | None:
    times = choose_times(profile.times, profile.present, order)
    if times is None or times.matches < NEARLY_ALL * profile.present:
        return None
    is_number = profile.numbers and profile.kind != "timestamp"
    # Numbers may be times only where the name says so, or all of them are days such as 20240612.
    if is_number and not is_time_name(name) and (times.patterns != ("%Y%m%d",) or times.matches < 20):
        return None
    return times


class TableFiles(NamedTuple):
    """The files of a table in the order in which a run reads them, and the pattern of their dates."""

    files: list[ListedFile]
    date_in_name: str | None


def list_tables(place: str) -> TableFiles:
    """The table's files, as a run would list them. Refused without any."""
    if is_object_url(place):
        raise Refused("source", f"{place}: download the table first; init reads files on this machine")
    if Path(place).is_file():
        return TableFiles(list_source(Source(path=place), None, date.max).files, None)
    candidates = list_place(place, enters_folders=True).files
    if not any(get_format(file.name) for file in candidates):
        raise Refused("no-file", f"no table in {place}; expected files that end in {FORMATS}")
    nested = [file for file in candidates if "/" in file.name]
    pattern = infer_date_pattern([file.name for file in candidates])
    if nested and "/" not in (pattern or ""):
        # A run enters folders only where their names have dates.
        pattern = infer_date_pattern([file.name for file in candidates if "/" not in file.name])
    if pattern is None:
        return TableFiles(list_source(Source(path=place), None, date.max).files, None)
    all_days = (date.min, date.max)
    source = Source(path=place, date_in_name=pattern)
    return TableFiles(list_source(source, None, date.max, all_days).files, pattern)


def infer_date_pattern(names: Sequence[str]) -> str | None:
    """The strptime pattern of the dates in all file names, such as %Y-%m-%d. None if one has no date."""
    for pattern in _DATE_PATTERNS if len(names) else ():
        if all(span_in_name(name, pattern) for name in names):
            return pattern
    return None


def choose_columns(name: str, header: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns that a contract can name, and notes on the others. Refused without any."""
    if len(header) > MOST_COLUMNS:
        raise Refused("too-many-columns", f"{name}: {len(header)} columns; at most {MOST_COLUMNS}")
    if any(_NUMBER.fullmatch(column) and not _YEAR.fullmatch(column) for column in header):
        raise Refused("no-header", f"{name}: the first line seems to hold values, not names; add a header")
    counts = Counter(header)
    nameless = sum(not column.strip() for column in header)
    repeated = [column for column, count in counts.items() if count > 1 and column.strip()]
    invalid = [column for column in counts if column.strip() and not COLUMN_PATTERN.match(column)]
    reserved = [column for column in counts if column in RESERVED_COLUMNS and column != "customer_id"]
    usable = [
        column for column in counts if COLUMN_PATTERN.match(column) and column not in {*repeated, *reserved}
    ]
    surplus = len(usable) - MOST_CONTRACT
    notes = []
    if nameless:
        notes.append(f"Left out: {nameless:,} column{'s' if nameless > 1 else ''} without a name.")
    if repeated:
        notes.append(f"Left out, because the header names them more than once: {quote_names(repeated)}.")
    if invalid:
        notes.append(f"Left out, because a definition cannot name them: {quote_names(invalid)}.")
    if reserved:
        notes.append(f"Left out, because the outputs use these names; rename them: {quote_names(reserved)}.")
    if surplus > 0:
        notes.append(f"Not profiled: {surplus:,} columns after the first {MOST_CONTRACT:,}.")
    if not usable:
        raise Refused("no-columns", f"{name}: no column has a name that a definition can use; rename them")
    return usable[:MOST_CONTRACT], notes
