"""Two streams of tables sorted by customer id, side by side: the rows of both in the same range of ids.

Neither stream is held whole, however many more customers one of them has. Joining tonight's customers with
those of an edition, part by part, is in segmentation/identity/join.py.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from schemas.part import Part
from segmentation.identity.join import split_at_id
from segmentation.parts import choose_part_rows, write_part


class MergedRange(NamedTuple):
    """The rows of both streams in one range of ids."""

    tonight: pa.Table
    earlier: pa.Table


class _Stream:
    """A stream of at least one table. The first table may be empty; it says which columns there are."""

    def __init__(self, tables: Iterator[pa.Table]) -> None:
        self.tables = tables
        self.table = next(tables)
        self.is_done = False

    def fill(self) -> None:
        """Go on to the next table with rows, if all of this one's are taken."""
        while not self.table.num_rows and not self.is_done:
            following = next(self.tables, None)
            self.is_done = following is None
            self.table = self.table if following is None else following

    @property
    def last_id(self) -> str:
        """The largest id of the table."""
        last: str = self.table["customer_id"][-1].as_py()
        return last

    def take_until(self, end: str) -> pa.Table:
        """The rows with ids up to this one."""
        rows, self.table = split_at_id(self.table, end)
        return rows


def merge_by_id(tonight: Iterator[pa.Table], earlier: Iterator[pa.Table]) -> Iterator[MergedRange]:
    """Both streams in ranges of ids. Each has at least one table, and ascends by customer_id, bytewise."""
    streams = (_Stream(tonight), _Stream(earlier))
    while True:
        for stream in streams:
            stream.fill()
        # Python compares texts by code points, which is the order of their UTF-8 bytes.
        ends = [stream.last_id for stream in streams if not stream.is_done]
        if not ends:
            return
        yield MergedRange(*(stream.take_until(min(ends)) for stream in streams))


class PartWriter:
    """Writes tables as full parts, while another stream is written too."""

    def __init__(self, folder: Path, stem: str) -> None:
        self.folder, self.stem = folder, stem
        self._parts: list[Part] = []
        self._pending: list[pa.Table] = []

    def add(self, table: pa.Table) -> None:
        """Add rows, and write what fills a part."""
        self._pending.append(table)
        size = choose_part_rows(table.num_columns)
        while sum(pending.num_rows for pending in self._pending) >= size:
            rows = pa.concat_tables(self._pending)
            self._write(rows.slice(0, size))
            self._pending = [rows.slice(size)]

    def close(self) -> Sequence[Part]:
        """Write the last rows. Returns all parts."""
        if any(table.num_rows for table in self._pending):
            self._write(pa.concat_tables(self._pending))
        self._pending = []
        return self._parts

    def _write(self, table: pa.Table) -> None:
        path = self.folder / f"{self.stem}-{len(self._parts):05d}.parquet"
        self._parts.append(write_part(path, table.combine_chunks()))
