"""Reading large Parquet files: memory that does not depend on their groups of rows, batches that are full."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from segmentation.rows.reading import parquet_reading
from segmentation.rows.reading.parquet_reading import read_parquet


def test_a_file_of_one_group_is_not_in_memory_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a file of one group of 40 MB is read, Arrow holds a few batches of it at most."""
    monkeypatch.setattr(parquet_reading, "PART_ROWS", 16_384)
    path, values = tmp_path / "a.parquet", np.random.default_rng(2).normal(size=(5, 1_000_000))
    columns = [f"x{i}" for i in range(5)]
    pq.write_table(pa.table(dict(zip(columns, values, strict=True))), path, row_group_size=len(values[0]))
    assert pq.ParquetFile(path).num_row_groups == 1
    before, held, row = pa.total_allocated_bytes(), [], 0
    for raw in read_parquet(path, columns):
        held.append(pa.total_allocated_bytes() - before)
        assert np.array_equal(raw.table["x3"].to_numpy(), values[3, row : row + len(raw.rows)])
        row += len(raw.rows)
    assert row == 1_000_000
    assert max(held) < 20e6


@pytest.mark.parametrize("group_rows", [7, 100, 101, 1000])
def test_batches_are_full_however_small_the_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group_rows: int
) -> None:
    """Rows come in order, with their numbers, in batches of one size; only the last one may be smaller."""
    monkeypatch.setattr(parquet_reading, "PART_ROWS", 100)
    path = tmp_path / "a.parquet"
    table = pa.table({"id": [f"c{i}" for i in range(1030)], "x": np.arange(1030.0)})
    pq.write_table(table, path, row_group_size=group_rows)
    batches = list(read_parquet(path, ["x", "id"]))
    assert [len(raw.rows) for raw in batches] == [*[100] * 10, 30]
    assert all(last.rows[-1] + 1 == raw.rows[0] for last, raw in pairwise(batches))
    assert pa.concat_tables([raw.table for raw in batches]).equals(table.select(["x", "id"]))
