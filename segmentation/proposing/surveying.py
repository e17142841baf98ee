"""Surveying an unknown table: its files, how they are written, and the profiles of its columns.

The use of each column is decided in segmentation/proposing/roles.py, the definition in
segmentation/proposing/proposal.py.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from config.columns import COLUMN_PATTERN, RESERVED_COLUMNS
from config.sources import Source
from segmentation.errors import Refused
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.dialects import DetectedDialect, detect_dialect
from segmentation.proposing.drafting import list_names
from segmentation.proposing.profiling import profile_files
from segmentation.rows.headers import MOST_COLUMNS, check_header, read_header
from segmentation.source import fetch_files, list_files
from segmentation.source_checks import SourceFile, fingerprint
from segmentation.store.objects import is_object_url

MOST_CONTRACT = 1000  # columns that rows.columns may hold
# 2026-01-31, 20260131, 2026_01_31: the same separator twice, and no digit before or after.
_DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
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

    @property
    def rows(self) -> int:
        """Rows in all files, without malformed lines."""
        return next(iter(self.profiles.values())).rows

    @property
    def size(self) -> str:
        """Its size, such as `200 rows of 5 columns`."""
        files = f" in {len(self.files):,} files" if len(self.files) > 1 else ""
        return f"{self.rows:,} rows of {len(self.header):,} columns{files}"


def survey(place: str, all_dates: bool = False) -> SurveyedTable:
    """Profile the columns of the table's files: of dated files, only the newest unless `all_dates`."""
    paths = list_tables(place)
    date_in_name = None if Path(place).is_file() else infer_date_pattern(paths)
    if date_in_name and not all_dates:
        newest = max(_DATE.findall(path.stem)[0] for path in paths)
        paths = [path for path in paths if _DATE.findall(path.stem)[0] == newest]
    files = [fingerprint(path) for path in paths]
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
    return SurveyedTable(place, files, dialect, header, profiles, unusable, date_in_name)


def list_tables(place: str) -> list[Path]:
    """The table's files, sorted by name. Refused without any."""
    if Path(place).is_dir() and not any(Path(place).glob("*.[cCpP][sSaA]*")):
        raise Refused("no-file", f"no .csv or .parquet file in {place}")
    if is_object_url(place):
        raise Refused("source", f"{place}: download the table first; init reads files on this machine")
    return fetch_files(list_files(Source(path=place), None, date.max), Path())


def infer_date_pattern(paths: Sequence[Path]) -> str | None:
    """The strptime pattern of the dates in all file names, such as %Y-%m-%d. None if one has no date."""
    matches = [_DATE.search(path.stem) for path in paths]
    separators = {match[2] for match in matches if match}
    return separators.pop().join(("%Y", "%m", "%d")) if all(matches) and len(separators) == 1 else None


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
        notes.append(f"Left out: {nameless:,} columns without a name.")
    if repeated:
        notes.append(f"Left out, because the header names them more than once: {list_names(repeated)}.")
    if invalid:
        notes.append(
            f"Left out, because names hold only letters, digits, spaces and . , ( ) $ % & / # + -: "
            f"{list_names(invalid)}."
        )
    if reserved:
        notes.append(f"Left out, because the outputs use these names; rename them: {list_names(reserved)}.")
    if surplus > 0:
        notes.append(f"Not profiled: {surplus:,} columns after the first {MOST_CONTRACT:,}.")
    if not usable:
        raise Refused("no-columns", f"{name}: no column has a name that a definition can use; rename them")
    return usable[:MOST_CONTRACT], notes
