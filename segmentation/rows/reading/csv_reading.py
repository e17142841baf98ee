"""Reading CSV with Arrow: the contract's columns as text, with the numbers of rows and malformed lines.

Which text Arrow parses is decided in record_blocks.py. Casting belongs in
segmentation/rows/casting/text_columns.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from config.sources import Csv
from segmentation.errors import Refused
from segmentation.rows.reading.csv_text import open_csv_text, undecodable
from segmentation.rows.reading.quoting import Quoting
from segmentation.rows.reading.raw_batch import Malformed, RawBatch, number_rows, shorten
from segmentation.rows.reading.record_blocks import BLOCK_BYTES, RecordBlocks
from segmentation.rows.reading.second_table import SecondTableCheck


class _MalformedLines:
    """The malformed lines that Arrow reports while it parses, and their numbers among the rows."""

    def __init__(self, blocks: RecordBlocks, check: SecondTableCheck) -> None:
        self._blocks, self._check = blocks, check
        self._unreported: list[Malformed] = []
        # Records before the next batch, and the numbers of malformed ones that may come after it.
        self.before = 0
        self._ahead: list[int] = []

    def note(self, row: arrow_csv.InvalidRow) -> str:
        """Arrow's handler of a row with another number of fields than the header."""
        line = self._blocks.look_up_malformed(row.number, row.text)
        if line is None:
            reason = "too many fields" if row.actual_columns > row.expected_columns else "too few fields"
            detail = f"{row.actual_columns} fields where the header has {row.expected_columns}"
            line = Malformed(row.number, reason, detail, shorten(row.text))
            self._check.note_malformed(row.number, row.actual_columns)
        self._unreported.append(line)
        self._ahead.append(row.number)
        return "skip"

    def number_rows(self, count: int) -> np.ndarray:
        """The numbers of the next `count` rows."""
        numbers = number_rows(self.before, count, self._ahead)
        last = int(numbers[-1]) if count else self.before
        passed = 0
        for row in self._ahead:
            if row > last + 1:
                break
            passed += 1
            last = max(last, row)
        self.before, self._ahead = last, self._ahead[passed:]
        return numbers

    def report(self) -> list[Malformed]:
        """The lines noted since the last report."""
        lines, self._unreported = self._unreported, []
        self._blocks.malformed_lines = 0
        return lines


def read_csv(path: Path, columns: Sequence[str], csv: Csv) -> Iterator[RawBatch]:
    """These columns of a CSV file, in batches."""
    text = open_csv_text(path, csv, BLOCK_BYTES)
    if missing := [column for column in columns if column not in text.header]:
        raise Refused("missing-column", f"{path.name}: the header lacks {', '.join(missing)}")
    blocks = RecordBlocks(path.name, text.blocks, Quoting(csv, len(text.header)))
    check = SecondTableCheck(path.name, dict(zip(text.header, text.written, strict=True)))
    lines = _MalformedLines(blocks, check)
    try:
        # Arrow takes a file without a row for one without a header.
        if blocks.is_empty():
            return
        # Arrow knows the numbers of malformed rows only when it reads with one thread.
        with arrow_csv.open_csv(
            blocks,
            arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False, column_names=text.header),
            arrow_csv.ParseOptions(
                delimiter=csv.delimiter,
                quote_char=csv.quote or False,
                escape_char=csv.escape or False,
                # Blocks end with a record, so Arrow need not look for a place to cut them.
                newlines_in_values=False,
                invalid_row_handler=lines.note,
            ),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                # Empty text stays text here. Which texts mean missing is up to the
                # definition and the column's type.
                strings_can_be_null=False,
            ),
        ) as reader:
            for batch in reader:
                numbers = lines.number_rows(batch.num_rows)
                raw = RawBatch(pa.Table.from_batches([batch]), numbers, lines.report())
                yield check.take_headers(raw)
        if rest := lines.report():
            # Arrow gives no batch at all if no block has a row.
            no_rows = pa.table({column: pa.array([], pa.string()) for column in columns})
            lines.number_rows(0)
            yield RawBatch(no_rows, np.empty(0, np.int64), rest)
    except UnicodeError as error:
        raise undecodable(path, csv) from error
    except pa.ArrowInvalid:
        # Without Arrow's message, which quotes rows.
        raise Refused("malformed-csv", f"{path.name} cannot be read as CSV") from None
    check.check_end(lines.before)
