"""A table looked at before anything is known of it: its files, how they are written, its columns.

What its columns are good for is in segmentation/proposing/roles.py, and the proposal in
segmentation/proposing/definition.py.
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
from segmentation.proposing.counting import ColumnProfile
from segmentation.proposing.dialects import SeenDialect, find_dialect
from segmentation.proposing.drafting import list_names
from segmentation.proposing.profiling import profile_files
from segmentation.rows.reading import MOST_COLUMNS, check_header, read_header
from segmentation.source import SourceFile, fetch, find_files, fingerprint
from segmentation.store.objects import is_object_url

MOST_CONTRACT = 1000  # columns that rows.columns may hold
_DATE = re.compile(r"(?<!\d)(\d{4})([-_.]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?!\d)")
_NUMBER = re.compile(r"\s*[+-]?\d+([.,]\d+)*\s*")
_YEAR = re.compile(r"\s*(19|20)\d\d\s*")


class Table(NamedTuple):
    """A table that was looked at. `place` is as it was given, `header` the first file's."""

    place: str
    files: list[SourceFile]
    dialect: SeenDialect
    header: list[str]
    profiles: dict[str, ColumnProfile]
    unusable: list[str]
    date_in_name: str | None

    @property
    def rows(self) -> int:
        """Rows in all files, those that cannot be split into fields not counted."""
        return next(iter(self.profiles.values())).rows

    @property
    def found(self) -> str:
        """Its size in words."""
        many = f" in {len(self.files):,} files" if len(self.files) > 1 else ""
        return f"{self.rows:,} rows of {len(self.header):,} columns{many}"


def survey(place: str, all_dates: bool = False) -> Table:
    """Find the table's files and profile its columns. Of dated files, the newest unless all are asked for."""
    paths = find_tables(place)
    date_in_name = None if Path(place).is_file() else find_date_pattern(paths)
    if date_in_name and not all_dates:
        newest = max(_DATE.findall(path.stem)[0] for path in paths)
        paths = [path for path in paths if _DATE.findall(path.stem)[0] == newest]
    files = [fingerprint(path) for path in paths]
    dialect = find_dialect(paths)
    header = read_header(paths[0], dialect.csv)
    names, unusable = choose_columns(paths[0].name, header)
    for path in paths[1:]:
        check_header(path.name, read_header(path, dialect.csv), names, dialect.csv.delimiter)
    profiles = profile_files(files, names, dialect.csv)
    if not profiles:
        raise Refused(
            "no-rows",
            f"{paths[0].name}: there is no row of {len(header)} fields, as the first line has; expected the "
            "header first, then rows",
        )
    return Table(place, files, dialect, header, profiles, unusable, date_in_name)


def find_tables(place: str) -> list[Path]:
    """The table's files, by name. Refused if there are none."""
    if Path(place).is_dir() and not any(Path(place).glob("*.[cCpP][sSaA]*")):
        raise Refused("no-file", f"no .csv or .parquet file in {place}")
    if is_object_url(place):
        raise Refused("source", f"{place}: download the table first; init reads files on this machine")
    return fetch(find_files(Source(path=place), None, date.max), Path())


def find_date_pattern(paths: Sequence[Path]) -> str | None:
    """The strptime pattern of the dates that all names hold, such as %Y-%m-%d; None if one holds none."""
    found = [_DATE.search(path.stem) for path in paths]
    separators = {match[2] for match in found if match}
    return separators.pop().join(("%Y", "%m", "%d")) if all(found) and len(separators) == 1 else None


def choose_columns(name: str, header: Sequence[str]) -> tuple[list[str], list[str]]:
    """The columns that a contract can name, and in words those that it cannot. Refused without any."""
    if len(header) > MOST_COLUMNS:
        raise Refused("too-many-columns", f"{name}: {len(header)} columns; at most {MOST_COLUMNS}")
    if any(_NUMBER.fullmatch(one) and not _YEAR.fullmatch(one) for one in header):
        raise Refused("no-header", f"{name}: the first line seems to hold values, not names; add a header")
    counts = Counter(header)
    nameless = sum(not one.strip() for one in header)
    twice = [one for one, count in counts.items() if count > 1 and one.strip()]
    odd = [one for one in counts if one.strip() and not COLUMN_PATTERN.match(one)]
    taken = [one for one in counts if one in RESERVED_COLUMNS and one != "customer_id"]
    usable = [one for one in counts if COLUMN_PATTERN.match(one) and one not in {*twice, *taken}]
    more = len(usable) - MOST_CONTRACT
    told = [
        (nameless, f"Left out: {nameless:,} columns without a name."),
        (twice, f"Left out, since the header names them more than once: {list_names(twice)}."),
        (odd, f"Left out; letters, digits, spaces and . , ( ) $ % & / # + - make a name: {list_names(odd)}."),
        (taken, f"Left out, since the outputs use these names; rename them: {list_names(taken)}."),
        (more > 0, f"Not looked at: {more:,} columns after the first {MOST_CONTRACT:,}."),
    ]
    if not usable:
        raise Refused("no-columns", f"{name}: no column has a name that a definition can hold; rename them")
    return usable[:MOST_CONTRACT], [words for some, words in told if some]
