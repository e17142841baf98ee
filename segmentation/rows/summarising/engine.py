"""The engine that aggregates events: DuckDB in this process, with access to the stage files only.

The queries are built in aggregation.py. docs/decisions/0009-engine.md explains why
DuckDB.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from config.settings import read_settings
from segmentation.errors import OutOfMemory
from segmentation.parts import choose_part_rows
from segmentation.rows.summarising.sql_terms import AggregationQuery

if TYPE_CHECKING:
    # Imported inside functions: duckdb reports what a daemon thread keeps alive at exit as leaked.
    import duckdb

_NO_SPACE = os.strerror(errno.ENOSPC)


@contextmanager
def open_engine(stage_files: Path, spill: Path) -> "Iterator[duckdb.DuckDBPyConnection]":
    """A connection that may read below `stage_files` and spills to `spill` beyond the memory limit.

    It loads no extensions and has no network access, and no query can change that.
    """
    import duckdb

    settings = read_settings()
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": str(spill),
            # Keeping the order costs memory. Queries that need one say ORDER BY.
            "preserve_insertion_order": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )
    try:
        allowed = str(stage_files).replace("'", "''")
        # In this order: once external access is off, no directory can be added.
        connection.execute(f"SET allowed_directories = ['{allowed}']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def run_query(connection: "duckdb.DuckDBPyConnection", query: AggregationQuery) -> Iterator[pa.Table]:
    """Stream the query's rows in tables of full parts. OutOfMemory beyond the memory limit."""
    import duckdb

    try:
        # Not connection.sql: that wraps the query in another, which may lose its ORDER BY.
        result = connection.execute(query.sql, query.values)
        for batch in result.to_arrow_reader(choose_part_rows(len(result.description or ()))):
            yield pa.Table.from_batches([batch])
    except duckdb.Error as error:
        # A full disk has no class of its own. By default the limit of the spill is what the disk has free.
        if _NO_SPACE in str(error) or "max_temp_directory_size" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
        if not isinstance(error, duckdb.OutOfMemoryException):
            raise
        raise OutOfMemory(
            f"summarising the events needs more than {read_settings().memory_limit} of memory; raise "
            "RESEGMENT_MEMORY_LIMIT or lower RESEGMENT_THREADS"
        ) from None
