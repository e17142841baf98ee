"""Opening a source's files: fetched, fingerprinted, and accepted by their first bytes and their headers.

Which files are read is decided in segmentation/sources/listing.py. Reading one is in
file_batches.py.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from config.columns import Rows
from config.sources import Csv
from schemas.wording import list_names
from segmentation.rows.reading.column_places import adapt_header
from segmentation.rows.reading.headers import check_header, columns_to_read, read_header
from segmentation.sources.content import SourceFile, check_content, fingerprint
from segmentation.sources.listing import ListedFile, fetch_files


class OpenedSource(NamedTuple):
    """The source's files, and what was odd about them."""

    files: list[SourceFile]
    warnings: list[str]
    header: frozenset[str] = frozenset()  # the columns of all files
    outside: int = 0  # dated files that are not read


def open_files(listed: Sequence[ListedFile], rows: Rows, csv: Csv, folder: Path) -> OpenedSource:
    """The listed files; objects are downloaded to `folder`. Refused if one is not a table of the contract."""
    paths = fetch_files((file.path for file in listed), folder)
    # Before anything else reads the files, so that a file replaced during the run is noticed.
    files = [fingerprint(path, file.name) for path, file in zip(paths, listed, strict=True)]
    for path in paths:
        check_content(path, csv)
    files = [
        file._replace(constants=listed_file.partitions)
        for file, listed_file in zip(files, listed, strict=True)
    ]
    return check_headers(files, rows, csv)


def check_headers(files: Iterable[SourceFile], rows: Rows, csv: Csv) -> OpenedSource:
    """Refuse a source with a header that breaks the contract. Returns warnings, each one once.

    A file keeps the constants that the contract names and the file itself lacks.
    """
    expected = columns_to_read(rows)
    names: dict[str, list[str]] = {}
    columns: set[str] = set()
    checked = []
    for file in files:
        name, header = file.input.name, read_header(file.path, csv, expected)
        constants = {
            column: value
            for column, value in file.constants.items()
            if column in expected and column not in header
        }
        checked.append(file._replace(constants=constants))
        columns.update(header, constants)
        full_header = adapt_header(name, [*header, *constants], rows)
        for warning in check_header(name, full_header, expected, csv.delimiter, rows.is_ignored):
            # Typed rows make the same edition whatever file they are in, so such files are not named.
            names.setdefault(warning, []).extend([] if file.input.numbered else [name])
    warnings = [_prefix(warning, files_with_it) for warning, files_with_it in names.items()]
    return OpenedSource(checked, warnings, frozenset(columns))


def _prefix(warning: str, names: Sequence[str]) -> str:
    """`a.csv and 2 more files: …`; the warning alone where no file is named."""
    if not names:
        return warning
    return f"{list_names(names, 1, 'file')}: {warning}"
