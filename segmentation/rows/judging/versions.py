"""Rows that do not count themselves, but may replace another row of their key.

The newest version of an order may be cancelled or lie outside the window. Then its older versions must not
count either, so ingest keeps the key and place of such rows. Which row wins is decided in
segmentation/rows/summarising/key_queries.py.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Rows


def take_versions(table: pa.Table, numbers: np.ndarray, mask: np.ndarray, rows: Rows) -> pa.Table:
    """The key, order_by and number of the rows of `mask`, bool (n,), where all of them can be read.

    `table` has the declared columns, `numbers` the rows' numbers, int64 (n,).
    """
    columns = table.select(list(rows.key_columns))
    is_readable = mask.copy()
    for column in columns.columns:
        is_readable &= pc.is_valid(column).to_numpy(zero_copy_only=False)
    versions = columns.filter(pa.array(is_readable))
    return versions.append_column("source_row", pa.array(numbers[is_readable], pa.int64()))


def concat_versions(versions: Sequence[pa.Table]) -> pa.Table | None:
    """These tables as one. None without a row."""
    table = pa.concat_tables(versions) if versions else None
    return table if table is not None and table.num_rows else None


def rename_id(table: pa.Table, rows: Rows) -> pa.Table:
    """The table with the id's column, if it has one, called customer_id as in all stage files."""
    return table.rename_columns({rows.id: "customer_id"} if rows.id in table.column_names else {})
