"""The engine: within its memory by way of the disk, and shut off from all but the stage files."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from config.settings import read_settings
from segmentation.errors import OutOfMemory
from segmentation.parts import write_part
from segmentation.rows.summarising.aggregation import Aggregation
from segmentation.rows.summarising.engine import open_engine, run_query
from segmentation.rows.summarising.sql_terms import AggregationQuery
from tests.event_inputs import AS_OF, define, with_features

FEATURES = with_features(
    {
        "total": {"op": "sum", "expression": "pieces * price"},
        "middle": {"op": "median", "column": "price"},
        "orders": {"op": "count_distinct", "column": "invoice"},
    }
)


def write_many(folder: Path, rows: int) -> tuple[pd.DataFrame, Aggregation]:
    """Events of as many customers, shuffled, in four stage files; sorted by customer, and their queries."""
    events = pd.DataFrame(
        {
            "customer_id": np.char.mod("customer-%07d", np.random.default_rng(1).permutation(rows)),
            "invoice": np.char.mod("invoice-%07d", np.arange(rows)),
            "day": np.datetime64("2026-01-05", "us"),
            "pieces": 2,
            "price": np.arange(rows) / 4,
        }
    )
    tables = (pa.Table.from_pandas(events[i::4], preserve_index=False) for i in range(4))
    parts = [write_part(folder / f"{i}.parquet", table) for i, table in enumerate(tables)]
    aggregation = Aggregation(define(**FEATURES), AS_OF, parts)
    return events.sort_values("customer_id", ignore_index=True), aggregation


def limit_memory(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Set the memory limit for this test."""
    monkeypatch.setenv("RESEGMENT_MEMORY_LIMIT", limit)
    monkeypatch.setenv("RESEGMENT_THREADS", "2")
    read_settings.cache_clear()


@contextmanager
def watch(folder: Path) -> Iterator[set[str]]:
    """Collect the names of files that appear in a folder during the block."""
    names: set[str] = set()
    is_over = threading.Event()

    def poll() -> None:
        while not is_over.wait(0.002):
            with suppress(FileNotFoundError):
                names.update(file.name for file in folder.iterdir())

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield names
    finally:
        is_over.set()
        thread.join()


@pytest.mark.slow
def test_aggregation_spills_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a million customers are aggregated within 90 MB, including medians, and the spill is removed."""
    limit_memory(monkeypatch, "90MB")
    events, aggregation = write_many(tmp_path, 500_000)
    spill = tmp_path / "spill"
    with open_engine(tmp_path, spill) as connection, watch(spill) as names:
        customers = pa.concat_tables(
            run_query(connection, aggregation.customers_query([2.0**40] * 3))
        ).to_pandas()
    assert names
    assert not spill.exists()
    assert customers["customer_id"].tolist() == events["customer_id"].tolist()
    assert (customers["f0"] == 2 * events["price"]).all()
    assert (customers["f1"] == events["price"]).all()
    assert (customers["f2"] == 1).all()


def test_too_little_memory_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If spilling does not help, the message names the setting."""
    limit_memory(monkeypatch, "5MB")
    _, aggregation = write_many(tmp_path, 500_000)
    with (
        open_engine(tmp_path, tmp_path / "spill") as connection,
        pytest.raises(OutOfMemory, match="needs more than 5MB of memory; raise RESEGMENT_MEMORY_LIMIT"),
    ):
        list(run_query(connection, aggregation.customers_query([1.0] * 3)))


def test_the_engine_can_only_read_stage_files(tmp_path: Path) -> None:
    """Other files, writing, extensions and settings are refused. Folder names are not glob patterns."""
    inside, outside = tmp_path / "a[b]*c'd", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        pq.write_table(pa.table({"x": [1]}), folder / "x.parquet")
    with open_engine(inside, inside / "spill") as connection:
        (table,) = run_query(
            connection, AggregationQuery("SELECT x FROM read_parquet($f)", {"f": [str(inside / "x.parquet")]})
        )
        assert table.to_pylist() == [{"x": 1}]
        for sql in (
            f"FROM read_parquet('{outside / 'x.parquet'}')",
            f"COPY (VALUES (1)) TO '{outside / 'y.csv'}'",
            f"ATTACH '{outside / 'z.db'}'",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "SET memory_limit = '90GB'",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(sql)
    assert [path.name for path in outside.iterdir()] == ["x.parquet"]
