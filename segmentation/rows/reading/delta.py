"""Rows of a Delta table at one version, staged as one Parquet file in the order in which they were written.

Which files count is in delta_log.py. They are read here, file by file, because an edition
needs its rows in a fixed order, which the deltalake package does not promise.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from config.definition import Definition
from segmentation.errors import NoData, Refused
from segmentation.parts import create_empty_folder, rechunk
from segmentation.rows.reading.delta_log import DeltaFile, DeltaLog, read_log, select_window
from segmentation.rows.reading.opening import OpenedSource
from segmentation.rows.reading.parquet_reading import open_source_file, read_parquet
from segmentation.sources.content import fingerprint
from segmentation.sources.listing import select_dated
from segmentation.sources.places import FoundFile, Place
from segmentation.store.files.objects import AnyPath, ObjectPath


def open_delta(table: AnyPath, definition: Definition, as_of: date, folder: Path) -> OpenedSource:
    """The table's rows, staged in `folder`. The input has the table's name and the version that was read."""
    log = read_log(table, definition.source.version, definition.rows)
    window = definition.window(as_of)
    files = select_window(log, definition.rows, window)
    if definition.source.date_in_name is not None:
        names = {file.name: FoundFile(table / file.name, file.name) for file in files}
        chosen = select_dated(Place([*names.values()], [], "folder"), definition.source, as_of, window)
        files = [file for file in files if names[file.name] in chosen.read]
    if not files:
        raise NoData("no-file", f"version {log.version} of Delta table {table.name} has no file for {as_of}")
    path = folder / "delta.parquet"
    stage_files(log, files, path)
    file = fingerprint(path, table.name)
    named = file.input.model_copy(update={"version": log.version})
    return OpenedSource([file._replace(input=named)], log.warnings, frozenset(log.header))


def stage_files(log: DeltaLog, files: list[DeltaFile], path: Path) -> None:
    """Write the rows of these files as one Parquet file, without those that were deleted."""
    kept_rows = _read_kept_rows(log)
    fetched = create_empty_folder(path.with_suffix(".fetched"))
    tables = (table for file in files for table in _read_file(log, file, kept_rows.get(file.name), fetched))
    with pq.ParquetWriter(path, log.columns.schema, compression="zstd", write_page_checksum=True) as writer:
        for table in rechunk(tables):
            writer.write_table(table)


def _read_kept_rows(log: DeltaLog) -> dict[str, pa.BooleanArray]:
    """Masks of the rows that are left, bool (n,), by the file's name; only for files with deletions."""
    kept_rows = {}
    for batch in log.table.deletion_vectors():
        for uri, mask in zip(*pa.record_batch(batch).columns, strict=True):
            # Paths are percent-encoded in the log, and names of partition folders once more.
            addresses = (uri.as_py(), unquote(uri.as_py()), unquote(unquote(uri.as_py())))
            names = [
                file.name
                for file in log.files
                if any(address.endswith(f"/{file.name}") for address in addresses)
            ]
            if not names:
                raise Refused("delta", f"Delta table {log.folder.name} has deletions of an unknown file")
            # The longest: a/part-0.parquet also ends in part-0.parquet.
            kept_rows[max(names, key=len)] = mask.values
    return kept_rows


def _read_file(
    log: DeltaLog, file: DeltaFile, kept_rows: pa.BooleanArray | None, folder: Path
) -> Iterator[pa.Table]:
    """The rows of one data file, under the table's names and types."""
    path = _fetch(log, file, folder)
    schema, names, partitions = log.columns
    stored = set(open_source_file(path).schema_arrow.names) - partitions
    held = {name: names[name] for name in schema.names if names[name] in stored}
    first_row = 0
    for raw in read_parquet(path, list(held.values())):
        count = len(raw.rows)
        table = _complete(raw.table.rename_columns(list(held)), schema, file)
        yield table if kept_rows is None else table.filter(_slice_mask(kept_rows, first_row, count))
        first_row += count
    # One download at a time, so that not all files of the table need room at once.
    if isinstance(log.folder, ObjectPath):
        path.unlink()


def _complete(table: pa.Table, schema: pa.Schema, file: DeltaFile) -> pa.Table:
    """The table with all columns, in their types."""
    columns = {}
    for field in schema:
        if field.name in table.column_names:
            columns[field.name] = _cast(table[field.name], field, file)
        else:
            # A column that was added later is null in older files; a partition has one value.
            value = pa.scalar(file.entry.get(f"partition.{field.name}"), field.type)
            columns[field.name] = pa.repeat(value, table.num_rows)
    return pa.table(columns, schema=schema)


def _cast(values: pa.ChunkedArray, field: pa.Field, file: DeltaFile) -> pa.ChunkedArray:
    if values.type == field.type:
        return values
    try:
        return values.cast(field.type)
    except pa.ArrowException:
        pass  # outside the handler, because Arrow's message quotes a value
    raise Refused(
        "wrong-type",
        f"{file.name}: column {field.name} is {values.type}, and {field.type} in the table's log",
    )


def _slice_mask(mask: pa.BooleanArray, first_row: int, count: int) -> pa.Array:
    """The mask of `count` rows from `first_row`, bool (n,). Rows beyond the mask are kept."""
    part = mask.slice(first_row, count)
    return pa.concat_arrays([part, pa.repeat(pa.scalar(True), count - len(part))])


def _fetch(log: DeltaLog, file: DeltaFile, folder: Path) -> Path:
    path = log.folder / file.name
    try:
        if isinstance(path, ObjectPath):
            return path.fetch(folder)
        path.stat()
    except FileNotFoundError:
        raise Refused(
            "vacuumed",
            f"version {log.version} of Delta table {log.folder.name} can no longer be read: VACUUM removed "
            "some of its files",
        ) from None
    return path
