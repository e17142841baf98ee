"""CSV text in blocks of whole records, for Arrow to parse. Lines with misplaced quotes are taken out.

In the place of each such line is a marker that Arrow reports as a malformed row, so that its number in the
file is counted as any other's. Which quotes are misplaced is up to quoting.py.
"""

import re
import secrets
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from segmentation.errors import Refused
from segmentation.rows.reading.quoting import (
    DETAILS,
    STRAY_QUOTE,
    Quoting,
    locate_last_line_end,
    locate_line_end,
)
from segmentation.rows.reading.raw_batch import Malformed, shorten

# Also the longest line: a record must fit into memory.
BLOCK_BYTES = 8 << 20
# Arrow gives no batch before the first row, and these lines wait in memory for it.
_MOST_MALFORMED = 1 << 20


class Cut(NamedTuple):
    """What can be parsed of a text, and where the rest of it begins."""

    records: bytes | memoryview
    end: int


class RecordBlocks:
    """A readable file for Arrow: each read gives whole records.

    `read` raises Refused for a line that is longer than a block, and UnicodeError for other encodings.
    """

    closed = False
    malformed_lines = 0  # since the last batch

    def __init__(self, name: str, blocks: Iterable[bytes], quoting: Quoting) -> None:
        self._name, self._quoting = name, quoting
        self._blocks = self._cut_blocks(iter(blocks))
        self._next: bytes | memoryview = b""
        self._refused: deque[tuple[str, str]] = deque()
        # Nobody can know it, so no line of a file can pass for a marker.
        self._token = secrets.token_hex(8)
        # Never as many fields as the header has.
        fields = 2 if quoting.width == 1 else 1
        self._marker = quoting.delimiter.join([self._token.encode()] * fields) + b"\n"

    def is_empty(self) -> bool:
        """Are there no records left?"""
        if not self._next:
            self._next = next(self._blocks, b"")
        return not self._next

    def readable(self) -> bool:
        """Arrow asks, as it does of any file."""
        return True

    def close(self) -> None:
        """Read no further."""
        self.closed = True
        self._blocks.close()

    def read(self, _size: int = -1) -> bytes | memoryview:
        """The next block of whole records, empty at the end of the file."""
        if self.malformed_lines > _MOST_MALFORMED:
            raise Refused(
                "malformed-csv",
                f"{self._name}: more than {_MOST_MALFORMED:,} lines in a row have another number of fields "
                "than the header",
            )
        block, self._next = self._next or next(self._blocks, b""), b""
        return block

    def look_up_malformed(self, row: int, text: str) -> Malformed | None:
        """The line that was taken out, if a malformed row's text is a marker. In order, each one once."""
        self.malformed_lines += 1
        if not text.startswith(self._token):
            return None
        reason, line = self._refused.popleft()
        return Malformed(row, reason, DETAILS[reason], line)

    def _cut_blocks(self, blocks: Iterator[bytes]) -> Generator[bytes | memoryview, None, None]:
        rest = b""
        for block in blocks:
            text = rest + block if rest else block
            end = self._quoting.locate_end(text)
            # Clean text, nearly always: a view saves copying it.
            cut = self._repair(text, is_last=False) if end is None else Cut(memoryview(text)[:end], end)
            rest = text[cut.end :]
            if len(rest) > BLOCK_BYTES:
                raise Refused("long-line", f"{self._name}: a line is longer than {BLOCK_BYTES >> 20} MiB")
            if not text.isascii():
                _check_utf_8(cut.records)
            # Empty means the end of the file.
            if cut.records:
                yield cut.records
        if rest:
            rest += b"" if rest.endswith((b"\n", b"\r")) else b"\n"
            _check_utf_8(rest)
            is_clean = self._quoting.locate_end(rest) == len(rest)
            yield rest if is_clean else self._repair(rest, is_last=True).records

    def _repair(self, text: bytes, is_last: bool) -> Cut:
        """The text with a marker in place of each line that no record begins with."""
        quoting, done, place = self._quoting, 0, 0
        pieces: list[bytes] = []
        while mark := quoting.marks.search(text, place):
            start = max(place, *(text.rfind(end, place, mark.start()) + 1 for end in (b"\n", b"\r")))
            record = quoting.patterns.record.match(text, start)
            reason = quoting.doubt(record[0]) if record else quoting.explain(text, start)
            if record and reason is None:
                place = record.end()
                continue
            line_end = locate_line_end(text, start)
            if not is_last and (line_end is None or reason is None):
                return Cut(b"".join([*pieces, self._escape(text[done:start])]), start)
            pieces += [self._escape(text[done:start]), self._refuse(text[start:line_end], reason)]
            # Only this line is refused: the next one may begin a record.
            done = place = len(text) if line_end is None else line_end
        end = len(text) if is_last else max(done, locate_last_line_end(text))
        return Cut(b"".join([*pieces, self._escape(text[done:end])]), end)

    def _escape(self, records: bytes) -> bytes:
        """The records with escapes of other characters than marks and line ends doubled: they are text."""
        if self._quoting.escape is None or self._quoting.escape not in records:
            return records
        escape = self._quoting.escape

        def rewrite(match: re.Match[bytes]) -> bytes:
            # Arrow would take the two for an escaped character and a line end.
            return match[0] if match[1] else escape + b"\r" + escape + b"\n" if match[2] else escape * 2

        return self._quoting.escapes.sub(rewrite, records)

    def _refuse(self, line: bytes, reason: str | None) -> bytes:
        text = shorten(line.decode(errors="replace").rstrip("\r\n"))
        self._refused.append((reason or STRAY_QUOTE, text))
        return self._marker


def _check_utf_8(block: bytes | memoryview) -> None:
    """Refuse other text, also in columns that nobody reads: Arrow cannot even report such lines."""
    bounds = pa.py_buffer(np.array([0, len(block)], np.int64))
    try:
        text = pa.Array.from_buffers(pa.large_string(), 1, [None, bounds, pa.py_buffer(block)])
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UnicodeError("not UTF-8") from error
