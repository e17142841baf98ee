"""Detecting how CSV files are written, for a proposal that a person reads.

Runs never detect anything: they use source.csv as declared. Reading rows belongs in
segmentation/rows/reading/file_batches.py.
"""

import csv as csv_module
import io
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from config.sources import Csv
from segmentation.errors import Refused
from segmentation.proposing.encodings import CHUNK, detect_encoding
from segmentation.proposing.number_marks import detect_marks
from segmentation.rows.reading.headers import get_kind
from segmentation.sources.compression import open_text
from segmentation.sources.content import check_content

DELIMITERS = (",", ";", "\t", "|")
_MOST_LINES = 1000
# Signs and thousands marks may come before; what follows the last mark decides.
_COMMA = re.compile(r"[^\w,]*[\d.' ]*\d,\d+[^\w,]*")
_POINT = re.compile(r"[^\w.]*[\d,' ]*\.\d+[^\w.]*")
_EXCEL_HINT = re.compile(r"sep=.\r?\n?", re.IGNORECASE)
_MOST_PREAMBLE = 20
_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class DetectedDialect(NamedTuple):
    """A declaration of source.csv, with a note on each key that differs from the default."""

    csv: Csv
    notes: dict[str, str]


def detect_dialect(paths: Sequence[Path]) -> DetectedDialect:
    """What to declare for all of these files. Refused if one of them is not a table."""
    files = [path for path in paths if get_kind(path) in ("csv", "tsv")]
    # Pure ASCII is also UTF-8, so the files that differ decide.
    encodings = {_detect_encoding(path) for path in files} - {"utf-8"}
    encoding = min(encodings, default="utf-8")
    csv = Csv(encoding=encoding)
    # Each file once, because the end of a compressed one is reached only through the whole file.
    unfinished = sum(not _ends_in_newline(path, csv) for path in paths)
    notes: dict[str, str] = {}
    if encoding != "utf-8":
        notes["encoding"] = f"the text is not UTF-8, but {encoding} fits. Check that names look right"
    if files:
        csv = _detect_csv(files[0], encoding)
        notes |= _explain(csv)
    if unfinished:
        subject = "the file does" if len(paths) == 1 else f"{unfinished} of {len(paths)} files do"
        notes["final_newline"] = (
            f"{subject} not end in a newline and may be incomplete; if so, fetch it again"
        )
    return DetectedDialect(csv.model_copy(update={"final_newline": not unfinished}), notes)


def _detect_encoding(path: Path) -> str:
    with open_text(path) as file:
        return detect_encoding(file)


def _detect_csv(path: Path, encoding: str) -> Csv:
    """Delimiter, decimal mark and marks of numbers, from the first lines of a file."""
    lines = read_head(path, encoding)
    if lines and _EXCEL_HINT.fullmatch(lines[0]):
        # A run skips this line, which must name the declared delimiter.
        delimiter, lines = lines[0][4], lines[1:]
    else:
        delimiter = detect_delimiter(lines)
    rows = _split(lines, delimiter)
    check_preamble(path.name, rows)
    decimal = detect_decimal(lines, delimiter)
    columns = zip(*(row for row in rows[1:] if len(row) == len(rows[0])), strict=True) if rows else ()
    marks = detect_marks(columns, decimal)
    return Csv.model_validate(
        {
            "encoding": encoding,
            "delimiter": delimiter,
            "decimal": decimal,
            "final_newline": False,
            **marks._asdict(),
        }
    )


def _explain(csv: Csv) -> dict[str, str]:
    """A note on each key of source.csv that differs from the default."""
    notes = {
        "delimiter": f"fields are separated by {_WORDS.get(csv.delimiter, csv.delimiter)}",
        "decimal": "numbers have a decimal comma",
        "thousands": "numbers have a mark between thousands",
        "currency_marks": "dropped from numbers; all of them count as the same currency",
        "negative": "how numbers below 0 are written",
    }
    default = Csv()
    return {key: note for key, note in notes.items() if getattr(csv, key) != getattr(default, key)}


def check_preamble(name: str, rows: Sequence[Sequence[str]]) -> None:
    """Refuse a file whose header comes after other lines, such as a title."""
    widths = Counter(len(row) for row in rows)
    width = max(widths, key=lambda width: (widths[width], width), default=1)
    if width < 2 or widths[width] < 2 or not _is_title(rows[0], width):
        return
    header = next(number for number, row in enumerate(rows) if not _is_title(row, width))
    if 0 < header <= _MOST_PREAMBLE and header < len(rows) - 1:
        raise Refused(
            "preamble",
            f"{name}: the header seems to be line {header + 1}; expected the header first, so "
            "delete what comes before it",
        )


def _is_title(row: Sequence[str], width: int) -> bool:
    """Is this line narrower than the table, or filled up with empty fields?"""
    return len(row) < width or (width > 2 and sum(bool(cell.strip()) for cell in row) <= 1)


def read_head(path: Path, encoding: str) -> list[str]:
    """The first whole lines of a file, at most 1 MiB."""
    with io.TextIOWrapper(open_text(path), encoding=encoding, errors="replace", newline="") as file:
        text = file.read(CHUNK)
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    # A full chunk ends within a line, which is dropped.
    return lines[: max(1, min(len(lines) - 1, _MOST_LINES))] if len(text) == CHUNK else lines[:_MOST_LINES]


def detect_delimiter(lines: Sequence[str]) -> str:
    """The delimiter for which most lines have the same number of fields. A comma if none splits them.

    >>> detect_delimiter(["id;name\\n", "1;a, b\\n"])
    ';'
    """
    # Of equally consistent delimiters, the one with more fields wins. The width is that of most lines and
    # not of the first, which may be a title.
    best, delimiter = (0.0, 0), ","
    for candidate in DELIMITERS:
        widths = Counter(map(len, _split(lines, candidate)))
        width = max(widths, key=lambda width: (widths[width], width), default=1)
        if width < 2:
            continue
        agreeing = widths[width] / widths.total()
        if (agreeing, width) > best:
            best, delimiter = (agreeing, width), candidate
    return delimiter


def detect_decimal(lines: Sequence[str], delimiter: str) -> Literal[".", ","]:
    """A comma if more cells are numbers with a comma than with a point, otherwise a point."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in _split(lines, delimiter)[1:] for cell in row]
    commas = sum(_COMMA.fullmatch(cell) is not None for cell in cells)
    return "," if commas > sum(_POINT.fullmatch(cell) is not None for cell in cells) else "."


def _ends_in_newline(path: Path, csv: Csv) -> bool:
    """Does the file end in a newline? A truncated file does not. Refused if it is not a table."""
    try:
        check_content(path, csv)
    except Refused as refusal:
        if refusal.code == "no-final-newline":
            return False
        raise
    return True


def _split(lines: Sequence[str], delimiter: str) -> list[list[str]]:
    try:
        return [row for row in csv_module.reader(io.StringIO("".join(lines)), delimiter=delimiter) if row]
    except csv_module.Error:
        return []  # a field beyond the csv module's limit: not this delimiter
