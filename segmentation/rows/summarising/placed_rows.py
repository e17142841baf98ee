"""The rows of stage files as a table for queries, with their places in the whole source.

A part numbers files and rows from its own first ones. Reading a part outside of queries adds the same:
segmentation/parts.py.
"""

from collections.abc import Sequence

from schemas.part import Part
from segmentation.rows.summarising.kept_rows import list_paths

_PART = "[CAST(file_index AS BIGINT) + 1]"
# Columns that a query does not name are not computed, so that this costs no more than the files alone.
ROWS = (
    f"(SELECT * REPLACE (CAST(source_file + $first_files{_PART} AS INTEGER) AS source_file, "
    f"source_row + $first_rows{_PART} AS source_row) FROM read_parquet($files))"
)


def bind_rows(parts: Sequence[Part]) -> dict[str, object]:
    """The values of ROWS for these parts; `files` are their paths."""
    return {
        "files": list_paths(parts),
        "first_files": [part.first_file for part in parts],
        "first_rows": [part.first_row for part in parts],
    }
