"""Raw values of any file type as Python objects and as text, for quarantine and for digests.

Parquet holds times that Python cannot, such as the year 10000 or a zone that nobody knows. Reading values
belongs in segmentation/rows/casting/text_columns.py.
"""

import pyarrow as pa

# KeyError: zoneinfo's and pytz's error for an unknown zone.
_UNKNOWN_TO_PYTHON = (OverflowError, ValueError, KeyError, pa.ArrowException)


def list_values(values: pa.ChunkedArray) -> list[object]:
    """The values as Python objects, or as text where Python has no such object."""
    try:
        objects: list[object] = values.to_pylist()
        return objects
    except _UNKNOWN_TO_PYTHON:
        return list(to_text(values).to_pylist())


def to_text(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """The values as text, null where they are null. Times with a zone are in UTC."""
    kind = values.type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        # The instants do not depend on the zone, which may be unknown.
        values = values.cast(pa.int64()).cast(pa.timestamp(kind.unit))
    try:
        return values.cast(pa.string())
    except pa.ArrowException:
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return pa.chunked_array([pa.array(texts, pa.string())])
