"""The text of a CSV file as UTF-8, in blocks, from its header on. Nothing larger than a block is in memory.

Decompressing is in segmentation/sources/compression.py, judging quotes in quoting.py.
"""

import codecs
import csv as csv_module
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading.quoting import Quoting, locate_line_end
from segmentation.sources.compression import open_text

# A file without line ends would be read into memory as one header.
LONGEST_HEADER = 1 << 20
# Most sources are many small files, whose headers are all read first.
_FIRST_BYTES = 1 << 16
# Each line costs memory of its own if it is malformed, so blocks of short lines are shorter.
_MOST_LINES = 1 << 18
_PAGE, _SAMPLED = 4096, 16
# Excel's way of naming the delimiter, in a line before the header.
_EXCEL_HINT = re.compile(rb'"?sep=([^\r\n])"?(?:\r\n?|\n)', re.IGNORECASE)
_BLANK_LINES = re.compile(rb"[\r\n]*")


class CsvText(NamedTuple):
    """A file's header, and its text after the header in blocks that may end anywhere.

    `written` are the names as in the file, with the blanks that some exports have around them.
    """

    header: list[str]
    written: list[str]
    blocks: Iterator[bytes]


def undecodable(path: Path, csv: Csv) -> Refused:
    """The refusal of a file whose text is not in the declared encoding."""
    return Refused(
        "encoding", f"{path.name} is not {csv.encoding} text; declare source.csv.encoding, such as latin-1"
    )


def read_text(path: Path, csv: Csv, block_bytes: int) -> Iterator[bytes]:
    """The text in blocks of about this many bytes, without a byte order mark."""
    is_first = True
    with open_text(path) as file:
        for block in _transcode(file, path, csv, block_bytes):
            yield from _split_short_lines(block.removeprefix(codecs.BOM_UTF8) if is_first else block)
            is_first = False


def _transcode(file: BinaryIO, path: Path, csv: Csv, block_bytes: int) -> Iterator[bytes]:
    """The bytes of the file as UTF-8."""
    try:
        codec = codecs.lookup(csv.encoding)
        # Python calls hex and base64 codecs, too.
        if not codec._is_text_encoding:
            raise LookupError(csv.encoding)
        # UTF-8 passes as it is; it is checked where it becomes values.
        decoder = None if codec.name in ("utf-8", "utf-8-sig") else codec.incrementaldecoder()
        size = _FIRST_BYTES
        while chunk := file.read(size):
            size = block_bytes
            yield chunk if decoder is None else decoder.decode(chunk).encode()
        if decoder is not None:
            yield decoder.decode(b"", final=True).encode()
    except (UnicodeError, LookupError) as error:
        raise undecodable(path, csv) from error


def _split_short_lines(block: bytes) -> Iterator[bytes]:
    """The block in pieces of not too many lines, as estimated from a sixteenth of it."""
    pages = np.frombuffer(block, np.uint8, len(block) // _PAGE * _PAGE).reshape(-1, _PAGE)
    sample = pages[:: _SAMPLED if len(pages) > _SAMPLED else 1]
    breaks = int(np.count_nonzero(sample == 10)) or int(np.count_nonzero(sample == 13))
    lines = breaks * len(block) // max(sample.size, 1)
    step = -(-len(block) // (1 + lines // _MOST_LINES))
    for start in range(0, len(block), step or 1):
        yield block[start : start + step] if step < len(block) else block


def open_csv_text(path: Path, csv: Csv, block_bytes: int) -> CsvText:
    """The header of a file and the text after it. A `sep=` line before the header must be as declared."""
    blocks = read_text(path, csv, block_bytes)
    record = Quoting(csv).patterns.record
    head, is_whole = b"", False
    while True:
        start = _skip_hint(path, csv, head)
        match = record.match(head, start)
        if match or is_whole or len(head) > LONGEST_HEADER:
            break
        block = next(blocks, None)
        is_whole = block is None
        # The last line may lack its line end.
        head += b"\n" if block is None else block
    if not head.strip(b"\r\n"):
        raise Refused("no-rows", f"{path.name} has neither a header nor rows")
    if not match:
        raise _refuse_header(path, csv, head[start : locate_line_end(head, start)])
    if match.end() - start > LONGEST_HEADER:
        raise _refuse_header(path, csv, match[0])
    written = _parse_header(path, csv, match[0])

    def list_blocks() -> Iterator[bytes]:
        # Together, because each block becomes a batch, and a small one costs as much as a large one.
        yield head[match.end() :] + next(blocks, b"")
        yield from blocks

    return CsvText([name.strip() for name in written], written, list_blocks())


def _skip_hint(path: Path, csv: Csv, head: bytes) -> int:
    """Where the header begins: after blank lines, and after Excel's line with the delimiter."""
    hint = _EXCEL_HINT.match(head)
    if hint and hint[1] != csv.delimiter.encode():
        raise Refused(
            "delimiter",
            f"{path.name}: its first line, for Excel, says that fields are separated by {chr(hint[1][0])!r}, "
            f"the definition says {csv.delimiter!r}; declare source.csv.delimiter",
        )
    blank = _BLANK_LINES.match(head, hint.end() if hint else 0)
    return blank.end() if blank else 0


def _refuse_header(path: Path, csv: Csv, line: bytes) -> Refused:
    if len(line) > LONGEST_HEADER:
        return Refused("long-line", f"{path.name}: the first line is longer than 1 MiB")
    for mark in ";\t|,":
        if Quoting(csv.model_copy(update={"delimiter": mark})).patterns.record.fullmatch(line):
            return Refused(
                "delimiter",
                f"{path.name}: the header's fields seem to be separated by {mark!r}, not by "
                f"{csv.delimiter!r}; declare source.csv.delimiter",
            )
    return Refused(
        "stray-quote",
        f"{path.name}: a quote in the header is inside a name, after a closing quote or never closed; "
        "remove it, or declare source.csv.quote",
    )


def _parse_header(path: Path, csv: Csv, record: bytes) -> list[str]:
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise undecodable(path, csv) from error
    reader = csv_module.reader(
        io.StringIO(text, newline=""),
        delimiter=csv.delimiter,
        quotechar=csv.quote,
        escapechar=csv.escape,
        quoting=csv_module.QUOTE_MINIMAL if csv.quote else csv_module.QUOTE_NONE,
    )
    try:
        return next(reader, [])
    except csv_module.Error as error:
        raise Refused("long-line", f"{path.name}: a column's name is longer than 128 KiB") from error
