"""Noticing a second table in a CSV file, which would otherwise be read, or refused row by row, as the first.

Malformed lines are found in csv_reading.py.
"""

from collections.abc import Mapping

import pyarrow.compute as pc

from segmentation.errors import Refused
from segmentation.rows.reading.raw_batch import Malformed, RawBatch

REPEATED_HEADER = "repeated header"
# Fewer malformed lines at the end of a file are a footer.
_FEWEST_LINES = 10


class SecondTableCheck:
    """Watches the rows of one file go by: repeated headers, and lines of another width up to its end.

    A header that is repeated before the first row or as the last line is quarantined. `written` has the
    names of columns as they are in the file.
    """

    def __init__(self, name: str, names_in_file: Mapping[str, str]) -> None:
        self._name, self._written = name, names_in_file
        self._first_row: int | None = None
        self._header: int | None = None
        # Of the lines since `_start`, `_surplus` more have `_width` fields than have not.
        self._start = self._last = self._width = self._surplus = 0

    def note_malformed(self, row: int, width: int) -> None:
        """A line whose number of fields differs from the header's. Rows in between are good."""
        self._surplus -= row - self._last - 1
        self._last = row
        if self._surplus > 0:
            self._surplus += 1 if width == self._width else -1
        else:
            self._start, self._width, self._surplus = row, width, 1

    def take_headers(self, raw: RawBatch) -> RawBatch:
        """The batch with rows that repeat the header as malformed lines. Refused between other rows."""
        batch, headers = _split_headers(raw, self._written)
        rows = batch.rows
        if self._first_row is None and len(rows):
            self._first_row = int(rows[0])
        if self._header is None and self._first_row is not None:
            self._header = next((line.row for line in headers if line.row > self._first_row), None)
        if self._header is not None and len(rows) and rows[-1] > self._header:
            raise Refused(
                "repeated-header",
                f"{self._name}: row {self._header:,} repeats the header and more rows follow; give "
                "concatenated files one by one, or remove the line",
            )
        return batch

    def check_end(self, rows: int) -> None:
        """Refuse a file whose last lines, most of them, have one other width. `rows` counts all its rows."""
        surplus = self._surplus - (rows - self._last)
        # Lines of one field are rather text, such as a note below the table.
        is_table = surplus >= _FEWEST_LINES and self._width > 1
        if is_table and self._first_row is not None and self._first_row < self._start:
            raise Refused(
                "second-table",
                f"{self._name}: from row {self._start:,} to the end, lines have {self._width} fields, unlike "
                "the header; expected one table per file",
            )


def _split_headers(raw: RawBatch, names_in_file: Mapping[str, str]) -> tuple[RawBatch, list[Malformed]]:
    """The batch with rows that repeat the header as malformed lines, and these lines."""
    names = raw.table.column_names
    repeats = pc.equal(raw.table[0], names_in_file[names[0]])
    if not pc.any(repeats).as_py():
        return raw, []
    for name in names[1:]:
        repeats = pc.and_(repeats, pc.equal(raw.table[name], names_in_file[name]))
    text = ",".join(names)
    headers = [
        Malformed(int(row), REPEATED_HEADER, "the header again", text) for row in raw.rows[repeats.to_numpy()]
    ]
    is_row = pc.invert(repeats)
    rows = raw.rows[is_row.to_numpy()]
    return RawBatch(raw.table.filter(is_row), rows, [*raw.malformed, *headers]), headers
