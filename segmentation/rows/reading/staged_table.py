"""The rows of a query as one Parquet file, written batch by batch.

A column keeps its type until a batch has cells that do not fit it: then what is written is rewritten with the
column as text. What a cell becomes is in database_cells.py.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.rows.reading.database_cells import AWARE, NAIVE


class StagedTable:
    """A Parquet file with page checksums, whose columns may become text while it is written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """`schema` has the types that the columns have if every cell fits."""
        self.path, self.schema = path, schema
        self.valued: set[str] = set()  # columns that have a value
        self.writer = self._open(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def _open(self, path: Path) -> pq.ParquetWriter:
        return pq.ParquetWriter(path, self.schema, compression="zstd", write_page_checksum=True)

    def write(self, columns: Mapping[str, pa.Array]) -> None:
        """Write one batch as one row group."""
        kinds = {name: self._join_types(name, cells) for name, cells in columns.items()}
        changes = {name: kind for name, kind in kinds.items() if kind != self.schema.field(name).type}
        if changes:
            self._retype(changes)
        arrays = [_cast(columns[field.name], field.type) for field in self.schema]
        self.writer.write_table(pa.table(arrays, schema=self.schema))
        self.valued |= {name for name, cells in columns.items() if cells.null_count < len(cells)}

    def _join_types(self, name: str, cells: pa.Array) -> pa.DataType:
        """The type that holds what is written of a column and the cells of the next batch."""
        old, new = self.schema.field(name).type, cells.type
        if old == new or cells.null_count == len(cells):
            return old
        if name not in self.valued:
            return new
        if {old, new} == {NAIVE, AWARE}:
            # A column is one or the other; only times that Python cannot hold do not say which.
            return AWARE
        if {old, new} & {NAIVE, AWARE, pa.binary()}:
            raise Refused(
                "wrong-type", f"column {name} is {old} in some rows of the database and {new} in others"
            )
        return pa.string()

    def _retype(self, kinds: Mapping[str, pa.DataType]) -> None:
        """Give columns another type, in what is written as well."""
        self.writer.close()
        earlier_file = self.path.rename(self.path.with_suffix(".written"))
        fields = [(field.name, kinds.get(field.name, field.type)) for field in self.schema]
        self.schema = pa.schema(fields)
        self.writer = self._open(self.path)
        with pq.ParquetFile(earlier_file) as file:
            for group in range(file.num_row_groups):
                columns = file.read_row_group(group).columns
                arrays = [
                    _cast(column, field.type) for column, field in zip(columns, self.schema, strict=True)
                ]
                self.writer.write_table(pa.table(arrays, schema=self.schema))
        earlier_file.unlink()


def _cast(cells: pa.Array | pa.ChunkedArray, kind: pa.DataType) -> pa.Array | pa.ChunkedArray:
    """The cells in a type that holds them. Cells without a value have any type."""
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), kind)
    return cells.cast(kind)
