"""The batches of a whole source: every file's rows, numbered, in the source's order.

Reading one file belongs in file_batches.py, judging batches in segmentation/rows/judging/judged_batches.py.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa

from config.columns import Rows
from config.sources import Csv
from segmentation.partitions import read_ahead
from segmentation.parts import choose_part_rows
from segmentation.rows.reading.file_batches import RawBatch, read_batches
from segmentation.rows.reading.headers import columns_to_read
from segmentation.sources.content import SourceFile, check_unchanged

MERGED_ROWS = 50_000  # rows of small files that are judged as one batch


class SourceBatch(NamedTuple):
    """One batch of the source, its file's number and name, and the rows in the files before it.

    Rows of typed files are numbered through the whole source, so `name` is None, `rows_before` 0, and
    `first_row` what their file's rows are numbered from.
    """

    raw: RawBatch
    file: int
    name: str | None
    rows_before: int
    first_row: int = 0


def read_files(files: Sequence[SourceFile], rows: Rows, csv: Csv) -> Iterator[SourceBatch]:
    """The batches of all files, read one ahead. SourceChanged if a file was changed after the run began."""
    return read_ahead(_read_files(files, rows, csv))


def _read_files(files: Sequence[SourceFile], rows: Rows, csv: Csv) -> Iterator[SourceBatch]:
    rows_before = 0
    for number, file in enumerate(files):
        count = 0
        for raw in read_batches(file.path, _omit_constants(rows, file), csv):
            raw = _insert_constants(raw, rows, file) if file.constants else raw
            # Malformed lines have row numbers too.
            count += raw.table.num_rows + len(raw.malformed)
            if file.input.numbered:
                numbered = raw._replace(rows=raw.rows + rows_before)
                yield SourceBatch(numbered, number, None, 0, rows_before)
            else:
                yield SourceBatch(raw, number, file.input.name, rows_before)
        # After reading, so that a file that was replaced meanwhile cannot pass under its old digest.
        check_unchanged(file)
        rows_before += count


def _omit_constants(rows: Rows, file: SourceFile) -> Rows:
    """The contract without the columns that the file does not hold."""
    columns = {name: column for name, column in rows.columns.items() if name not in file.constants}
    rows_id = None if rows.id in file.constants else rows.id
    return rows.model_copy(update={"id": rows_id, "columns": columns}) if file.constants else rows


def _insert_constants(raw: RawBatch, rows: Rows, file: SourceFile) -> RawBatch:
    """The batch with the file's constants as text, in the contract's order."""
    table = raw.table
    for name, value in file.constants.items():
        table = table.append_column(name, pa.array([value] * table.num_rows, pa.string()))
    return raw._replace(table=table.select(columns_to_read(rows)))


def choose_merged_rows(table: pa.Table) -> int:
    """How many rows with these columns are judged as one batch: MERGED_ROWS, but at most a full part."""
    return min(MERGED_ROWS, choose_part_rows(table.num_columns))


def merge_small_batches(batches: Iterable[SourceBatch]) -> Iterator[list[SourceBatch]]:
    """Group small batches, so that hundreds of daily files cost as much as one file.

    A group has whole files, or a part of one file.
    """
    group: list[SourceBatch] = []
    begins_inside = False  # does the group begin inside a file?
    for batch in batches:
        most = choose_merged_rows(batch.raw.table)
        is_next = bool(group) and batch.file != group[-1].file
        # Parquet files of one source may differ in physical types, and only tables of
        # equal types can be joined.
        if group and (
            _count_rows([*group, batch]) > most
            or batch.raw.table.schema != group[0].raw.table.schema
            or (begins_inside and is_next)
        ):
            complete = group if is_next else [member for member in group if member.file != batch.file]
            if complete:
                yield complete
                group, begins_inside = group[len(complete) :], False
            if group and _count_rows([*group, batch]) > most:
                yield group
                group, begins_inside = [], True
        group.append(batch)
    if group:
        yield group


def _count_rows(batches: Sequence[SourceBatch]) -> int:
    return sum(batch.raw.table.num_rows for batch in batches)
