"""Memory that depends neither on columns nor on a file's groups of rows; batches that are full."""

import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.night import Night
from segmentation.identity.join import read_published
from segmentation.parts import PART_VALUES, choose_part_rows, write_part
from segmentation.rows.reading.parquet_reading import read_parquet
from tasks.summarise import route_to_buckets
from tests.wide_nights import FIRST, write_customers

ROOT = Path(__file__).parents[1]


def test_a_file_of_one_group_is_not_in_memory_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a file of one group of 40 MB is read, Arrow holds a few batches of it at most."""
    monkeypatch.setattr("segmentation.parts.PART_ROWS", 16_384)
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
    monkeypatch.setattr("segmentation.parts.PART_ROWS", 100)
    path = tmp_path / "a.parquet"
    table = pa.table({"id": [f"c{i}" for i in range(1030)], "x": np.arange(1030.0)})
    pq.write_table(table, path, row_group_size=group_rows)
    batches = list(read_parquet(path, ["x", "id"]))
    assert [len(raw.rows) for raw in batches] == [*[100] * 10, 30]
    assert all(last.rows[-1] + 1 == raw.rows[0] for last, raw in pairwise(batches))
    assert pa.concat_tables([raw.table for raw in batches]).equals(table.select(["x", "id"]))


def test_a_published_table_is_not_in_memory_whole(tmp_path: Path) -> None:
    """While last night's table of 40 MB is read, Arrow holds a few of its groups at most."""
    columns = {f"x{i}": np.random.default_rng(i).normal(size=1_000_000) for i in range(5)}
    table = pa.table({"customer_id": [f"c{i:07d}" for i in range(1_000_000)], **columns})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=20_000, use_dictionary=False)
    before, held, row = pa.total_allocated_bytes(), [], 0
    for batch in read_published(tmp_path / "a.parquet", ["x1", "x3", "x4"]):
        held.append(pa.total_allocated_bytes() - before)
        assert batch["x3"].combine_chunks().equals(table["x3"].slice(row, batch.num_rows).combine_chunks())
        row += batch.num_rows
    assert row == 1_000_000
    assert max(held) < 6e6


def test_wide_parts_have_fewer_rows() -> None:
    """The rows of a full part: as many as ever for few columns, and never more values than the bound."""
    rows = [choose_part_rows(columns) for columns in range(2001)]
    assert rows[:17] == [131_072] * 17
    assert all(size * columns <= PART_VALUES for columns, size in enumerate(rows))
    assert all(size * columns * 2 > PART_VALUES for columns, size in enumerate(rows[17:], 17))


def measure_memory() -> float:
    """The memory of this process that no file backs, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("RssAnon:")).split()[1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_many_buckets_take_little_memory(tmp_path: Path, make_night: Callable[..., Night]) -> None:
    """Customers in any order are routed to 150 files, a hundred pieces to each, in less than 30 MB."""
    ids = pa.array([f"c{i:05d}" for i in np.random.default_rng(1).permutation(30_000)])
    table = pa.table({"customer_id": ids, **{f"x{i}": np.arange(30_000.0) for i in range(4)}})
    parts = [write_part(tmp_path / f"{i}.parquet", table.slice(300 * i, 300)) for i in range(100)]
    column = {"x0": {"type": "float"}}
    definition = make_night(rows={"id": "id", "columns": column}, features=["x0"]).definition
    rows = route_to_buckets(parts, definition, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tasks.summarise.BUCKET_VALUES", 30_000 * 3 // 150)
        before = measure_memory()
        first = next(rows)
    assert measure_memory() - before < 30
    assert pa.concat_tables([first, *rows]).num_rows == 30_000


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_features_take_little_memory(tmp_path: Path) -> None:
    """Two nights of 150,000 customers with 100 features peak below 1 GB; in parts of 131,072 rows, above."""
    for number in range(2):
        write_customers(tmp_path / f"{FIRST + timedelta(days=number)}.parquet", 150_000, 100, number)
    code = ["-m", "tests.wide_nights", str(tmp_path), "100"]
    # A process of its own has a peak of its own.
    result = subprocess.run([sys.executable, *code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert result.returncode == 0, result.stderr[-4000:]
    assert int(result.stdout.splitlines()[-1]) < 1000
