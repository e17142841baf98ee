"""Which quotes of CSV text are where RFC 4180 allows them, and where its records end.

A quote may only open at a field's start, be doubled inside, and close before a delimiter, a line end or the
end of the file. Taking text apart into blocks belongs in record_blocks.py.
"""

import re
from functools import cached_property
from typing import NamedTuple

import numpy as np

from config.sources import Csv

# Longer ones are rather rows swallowed by a quote that nobody closed.
MOST_LINES = 20
# A quoted field whose every line looks like a row is refused if at least this many delimiters agree.
_CONVINCING = 3
STRAY_QUOTE = "stray quote"
LONG_FIELD = "quoted field of many lines"
QUOTED_ROWS = "quoted field looks like rows"
DETAILS = {
    STRAY_QUOTE: "a quote inside an unquoted field, after a closing quote, or never closed",
    LONG_FIELD: f"a quoted field runs over more than {MOST_LINES} lines",
    QUOTED_ROWS: "a quoted field runs over lines that each have as many fields as the header",
}
# Unambiguous, because alternatives that overlap would make a failed match take exponential time.
_LINE_END = rb"(?:\r\n|\r(?!\n)|\n)"
_FIRST_LINE_END = re.compile(rb"\r\n?|\n")
_ONE = np.uint64(1)
_LAST = np.uint64(63)


class Patterns(NamedTuple):
    """One record and its line end; a record that the end of the text cuts off; a record that is too long."""

    record: re.Pattern[bytes]
    unfinished: re.Pattern[bytes]
    endless: re.Pattern[bytes]


class QuoteMap(NamedTuple):
    """Places in a text, one bit per byte, uint64 (n / 64,): misplaced quotes, and breaks in and between."""

    misplaced: np.ndarray
    inner_breaks: np.ndarray
    outer_breaks: np.ndarray


class Quoting:
    """How a file's fields are delimited and quoted, and how many each record has."""

    def __init__(self, csv: Csv, width: int = 0) -> None:
        self.delimiter = csv.delimiter.encode()
        self.quote = None if csv.quote is None else csv.quote.encode()
        self.escape = None if csv.escape is None else csv.escape.encode()
        self.width = width

    @cached_property
    def marks(self) -> re.Pattern[bytes]:
        """A byte that makes a line more than plain text between delimiters."""
        marks = [re.escape(mark) for mark in (self.quote, self.escape) if mark is not None]
        return re.compile(b"|".join(marks) or rb"(?!)")

    @cached_property
    def escapes(self) -> re.Pattern[bytes]:
        """An escape: before a mark or line break (group 1), before a CRLF (group 2), or mere text."""
        marks = b"".join(re.escape(mark) for mark in (self.quote, self.escape, self.delimiter) if mark)
        escape = re.escape(self.escape or b"")
        return re.compile(
            b"(" + escape + b"[" + marks + rb"\n]|" + escape + rb"\r(?!\n))|(" + escape + rb"\r\n)|" + escape
        )

    @cached_property
    def patterns(self) -> Patterns:
        """Patterns of a record that take time proportional to its length, whether they match or not."""
        quote, escape, delimiter = (
            b"" if mark is None else re.escape(mark) for mark in (self.quote, self.escape, self.delimiter)
        )
        escaped = escape + rb"(?:\r\n|[\s\S])" if escape else rb"(?!)"
        text = b"[^" + quote + escape + delimiter + rb"\r\n]"
        field = text + b"*(?:" + escaped + text + b"*)*"
        opening = rb"(?!)"
        endless = rb"(?!)"
        if quote:
            inner = b"[^" + quote + escape + rb"\r\n]*"
            line = inner + b"(?:(?:" + quote + quote + b"|" + escaped + b")" + inner + b")*"
            breaks = b"(?:" + _LINE_END + line
            opening = quote + line + breaks + b"){0,%d}" % MOST_LINES
            endless = quote + line + breaks + b"){%d}" % MOST_LINES + _LINE_END
            field = b"(?:" + opening + quote + b"|" + field + b")"
        start = b"(?:" + field + delimiter + b")*"
        cut = b"(?:" + escape + rb"|)\Z" if escape else rb"\Z"
        return Patterns(
            re.compile(start + field + _LINE_END),
            re.compile(start + b"(?:" + opening + b"|" + field + b")" + cut),
            re.compile(start + endless),
        )

    def locate_end(self, text: bytes) -> int | None:
        """Where the last whole record of a text ends, 0 without one; None if the text needs a closer look.

        The text begins with a record. This decides about clean text without looking at its lines.
        """
        # Parity says nothing about an escaped quote.
        if self.escape is not None and self.escape in text:
            return None
        if self.quote is None or self.quote not in text:
            return locate_last_line_end(text)
        quotes = map_quotes(text, self.quote, self.delimiter)
        if quotes.misplaced.any():
            return None
        end = _last_bit(quotes.outer_breaks) + 1
        if not quotes.inner_breaks.any():
            return end
        inner, outer = (_list_bits(words) for words in (quotes.inner_breaks, quotes.outer_breaks))
        record_of_break = np.searchsorted(outer, inner)
        bounds = np.concatenate([[-1], outer, [len(text) - 1]])
        # Only records with a line break inside: few, even in a file that quotes everything.
        for record in np.unique(record_of_break).tolist():
            if self.doubt(text[bounds[record] + 1 : bounds[record + 1] + 1]):
                return None
        return end

    def doubt(self, record: bytes) -> str | None:
        """Why a record of several lines is not credible, if it is not."""
        lines = record.splitlines()
        if len(lines) - 1 > MOST_LINES:
            return LONG_FIELD
        delimiters = self.width - 1
        if len(lines) > 1 and (len(lines) - 1) * delimiters >= _CONVINCING:
            return QUOTED_ROWS if all(line.count(self.delimiter) == delimiters for line in lines) else None
        return None

    def explain(self, text: bytes, start: int) -> str | None:
        """Why no record begins at this place; None if the text ends before that is clear."""
        if self.patterns.unfinished.match(text, start):
            return None
        return LONG_FIELD if self.patterns.endless.match(text, start) else STRAY_QUOTE


def locate_line_end(text: bytes, start: int) -> int | None:
    """Where the line at this place ends, behind its line end; None if the text ends before."""
    line_end = _FIRST_LINE_END.search(text, start)
    return line_end.end() if line_end else None


def locate_last_line_end(text: bytes) -> int:
    """Where the last whole line of a text ends, behind its line end; 0 without one."""
    return max(text.rfind(b"\n"), text.rfind(b"\r")) + 1


def map_quotes(text: bytes, quote: bytes, delimiter: bytes) -> QuoteMap:
    """Where quotes are misplaced in a text that begins with a record, and which line breaks are quoted.

    One bit per byte: the bits of inside are the running parity of quotes, computed 64 at a time (Langdale
    and Lemire, Parsing gigabytes of JSON per second, 2019). A text that ends within quotes is not misplaced.
    """
    array = np.frombuffer(text, np.uint8)
    quotes = _pack(array == quote[0])
    breaks = _pack(array == 10)
    if b"\r" in text:
        breaks |= _pack(array == 13)
    inside = quotes.copy()
    # Prefix XOR: bit i becomes the parity of quotes up to byte i of its word.
    for shift in (1, 2, 4, 8, 16, 32):
        inside ^= inside << np.uint64(shift)
    # A word's last bit carries over: after an odd number of quotes, the next word begins inside.
    odd_words = np.bitwise_xor.accumulate(inside >> _LAST)
    inside[1:] ^= np.negative(odd_words[:-1])
    edges = _pack(array == delimiter[0]) | breaks | quotes
    after_edge = edges << _ONE
    after_edge[1:] |= edges[:-1] >> _LAST
    after_edge[0] |= _ONE
    before_edge = edges >> _ONE
    before_edge[:-1] |= edges[1:] << _LAST
    # The end of the text is an edge, too.
    before_edge[-1] |= _ONE << np.uint64((len(text) - 1) % 64)
    misplaced = (quotes & inside & ~after_edge) | (quotes & ~inside & ~before_edge)
    return QuoteMap(misplaced, breaks & inside, breaks & ~inside)


def _pack(mask: np.ndarray) -> np.ndarray:
    """The bits of a mask, filled up with zeros: uint64 (n / 64,), the first in the lowest bit."""
    octets = np.packbits(mask, bitorder="little")
    if len(octets) % 8:
        octets = np.append(octets, np.zeros(-len(octets) % 8, np.uint8))
    return octets.view("<u8")


def _last_bit(words: np.ndarray) -> int:
    """The place of the last bit that is set, -1 without one."""
    places = np.flatnonzero(words)
    return int(places[-1]) * 64 + int(words[places[-1]]).bit_length() - 1 if len(places) else -1


def _list_bits(words: np.ndarray) -> np.ndarray:
    """The places of the bits that are set: int64 (n,)."""
    return np.flatnonzero(np.unpackbits(words.view(np.uint8), bitorder="little"))
