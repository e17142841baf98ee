"""Detecting how CSV files are written, for a proposal that a person reads.

Runs never detect anything: they use source.csv as declared. Reading rows belongs in
segmentation/rows/reading.py.
"""

import codecs
import csv as csv_module
import io
import re
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from config.sources import Csv
from segmentation.errors import Refused
from segmentation.source_checks import check_content

DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 20
_MOST_LINES = 1000
_COMMA = re.compile(r"[+-]?\d+,\d+")
_POINT = re.compile(r"[+-]?\d*\.\d+")
# Bytes that are control characters in Latin-1. Windows-1252 has quotes and the euro sign there, and five
# of them undefined.
_WINDOWS, _GAPS = re.compile(rb"[\x80-\x9f]"), re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_WORDS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


class DetectedDialect(NamedTuple):
    """A declaration of source.csv, with a note on each key that differs from the default."""

    csv: Csv
    notes: dict[str, str]


def detect_dialect(paths: Sequence[Path]) -> DetectedDialect:
    """What to declare for all of these files. Refused if one of them is not a table."""
    files = [path for path in paths if path.suffix.lower() == ".csv"]
    # Pure ASCII is also UTF-8, so the files that differ decide.
    encodings = {detect_encoding(path) for path in files} - {"utf-8"}
    encoding = min(encodings, default="utf-8")
    csv = Csv(encoding=encoding, final_newline=False)
    notes: dict[str, str] = {}
    for path in paths:
        check_content(path, csv)
    if encoding != "utf-8":
        notes["encoding"] = f"the text is not UTF-8, but {encoding} fits. Check that names look right"
    if files:
        delimiter = detect_delimiter(read_head(files[0], encoding))
        if delimiter != ",":
            notes["delimiter"] = f"fields are separated by {_WORDS[delimiter]}"
        decimal = detect_decimal(read_head(files[0], encoding), delimiter)
        if decimal != ".":
            notes["decimal"] = "numbers have a decimal comma"
        csv = Csv(encoding=encoding, delimiter=delimiter, decimal=decimal, final_newline=False)
    unfinished = sum(not ends_in_newline(path, csv) for path in files)
    if unfinished:
        subject = "the file does" if len(files) == 1 else f"{unfinished} of {len(files)} files do"
        notes["final_newline"] = (
            f"{subject} not end in a newline and may be incomplete; if so, fetch it again"
        )
    return DetectedDialect(csv.model_copy(update={"final_newline": not unfinished}), notes)


def detect_encoding(path: Path) -> str:
    """utf-8, utf-16, latin-1 or cp1252. The whole file is read, chunk by chunk."""
    with path.open("rb") as file:
        head = file.read(2)
        # UTF-16 has a byte order mark in practice; without one its NUL bytes are valid UTF-8.
        if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        # Incremental, because a character may be cut by the end of a chunk.
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _detect_western(file)
    return "utf-8"


def _detect_western(file: BinaryIO) -> str:
    file.seek(0)
    is_windows = False
    while chunk := file.read(_CHUNK):
        if _GAPS.search(chunk):
            return "latin-1"
        is_windows = is_windows or _WINDOWS.search(chunk) is not None
    return "cp1252" if is_windows else "latin-1"


def read_head(path: Path, encoding: str) -> list[str]:
    """The first whole lines of a file, at most 1 MiB."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        text = file.read(_CHUNK)
    lines = text.removeprefix("\ufeff").splitlines(keepends=True)
    # A full chunk ends within a line, which is dropped.
    return lines[: max(1, min(len(lines) - 1, _MOST_LINES))] if len(text) == _CHUNK else lines[:_MOST_LINES]


def detect_delimiter(lines: Sequence[str]) -> str:
    """The delimiter for which most lines have as many fields as the header. A comma if none splits it.

    >>> detect_delimiter(["id;name\\n", "1;a, b\\n"])
    ';'
    """
    # Of equally consistent delimiters, the one with more fields wins.
    best, delimiter = (0.0, 0), ","
    for candidate in DELIMITERS:
        rows = _split(lines, candidate)
        if not rows or len(rows[0]) < 2:
            continue
        agreeing = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        if (agreeing, len(rows[0])) > best:
            best, delimiter = (agreeing, len(rows[0])), candidate
    return delimiter


def detect_decimal(lines: Sequence[str], delimiter: str) -> Literal[".", ","]:
    """A comma if more cells are numbers with a comma than with a point, otherwise a point."""
    if delimiter == ",":
        return "."
    cells = [cell.strip() for row in _split(lines, delimiter)[1:] for cell in row]
    commas = sum(_COMMA.fullmatch(cell) is not None for cell in cells)
    return "," if commas > sum(_POINT.fullmatch(cell) is not None for cell in cells) else "."


def ends_in_newline(path: Path, csv: Csv) -> bool:
    """Does the file end in a newline? A truncated file does not."""
    try:
        check_content(path, csv.model_copy(update={"final_newline": True}))
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
