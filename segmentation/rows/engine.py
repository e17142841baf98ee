"""The engine that aggregates events: DuckDB in this process, shut off from all but the stage files.

Which queries it runs is segmentation/rows/aggregation.py's business. Why DuckDB:
docs/decisions/0009-engine.md.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from config.settings import read_settings
from segmentation.errors import OutOfMemory
from segmentation.parts import PART_ROWS
from segmentation.rows.aggregation import Query

if TYPE_CHECKING:
    # Imported where it is used: what a daemon thread keeps alive at exit, duckdb reports as leaked.
    import duckdb


@contextmanager
def open_engine(stage_files: Path, spill: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection that reads below stage_files and, beyond the memory limit, writes to spill.

    It loads no extension, reaches no network, and no query can widen what it may do.
    """
    import duckdb

    settings = read_settings()
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": str(spill),
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )
    try:
        allowed = str(stage_files).replace("'", "''")
        connection.execute(f"SET allowed_directories = ['{allowed}']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def run_query(connection: "duckdb.DuckDBPyConnection", query: Query) -> Iterator[pa.Table]:
    """The query's rows, streamed in tables of at most a part's rows. OutOfMemory beyond the limit."""
    import duckdb

    try:
        # Not connection.sql: it wraps the query in another, which need not keep its order.
        for batch in connection.execute(query.sql, query.values).to_arrow_reader(PART_ROWS):
            yield pa.Table.from_batches([batch])
    except duckdb.OutOfMemoryException:
        raise OutOfMemory(
            f"summarising the events needs more than {read_settings().memory_limit}; raise "
            "RESEGMENT_MEMORY_LIMIT, or lower RESEGMENT_THREADS"
        ) from None
