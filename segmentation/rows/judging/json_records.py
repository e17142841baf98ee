"""Rows as JSON objects, column by column: the same bytes as json.dumps of each row, without its cost.

Which rows are written so is decided in refusing.py.
"""

import json

import pyarrow as pa
import pyarrow.compute as pc

from segmentation.rows.reading.raw_values import list_values

_ESCAPED = r'[\x00-\x1f"\\]'  # what json.dumps escapes with ensure_ascii=False


def encode_records(table: pa.Table) -> pa.Array:
    """Each row as a JSON object with the columns' names.

    >>> encode_records(pa.table({"id": ["a", None], "n": [1, 2]})).to_pylist()
    ['{"id": "a", "n": 1}', '{"id": null, "n": 2}']
    """
    if not table.num_columns:
        return pa.array(["{}"] * table.num_rows, pa.string())
    parts: list[pa.Array | str] = []
    for i, name in enumerate(table.column_names):
        key = json.dumps(name, ensure_ascii=False)
        parts += [f"{', ' if i else '{'}{key}: ", _encode_column(table[name])]
    return pc.binary_join_element_wise(*parts, "}", "")


def _encode_column(column: pa.ChunkedArray) -> pa.Array:
    """Each value as JSON."""
    if pa.types.is_large_string(column.type):
        column = column.cast(pa.string())
    values = column.combine_chunks()
    if pa.types.is_integer(values.type):
        return pc.fill_null(values.cast(pa.string()), "null")
    if not pa.types.is_string(values.type):
        # Typed files have dates and decimals, which JSON does not know: default=str.
        texts = _encode_values(list_values(column))
        return pa.array(texts, pa.string())
    texts = pc.fill_null(pc.binary_join_element_wise('"', values, '"', ""), "null")
    is_escaped = pc.fill_null(pc.match_substring_regex(values, _ESCAPED), False)
    if not pc.any(is_escaped).as_py():
        return texts
    escaped = _encode_values(values.filter(is_escaped).to_pylist())
    return pc.replace_with_mask(texts, is_escaped, pa.array(escaped, pa.string()))


def _encode_values(values: list[object]) -> list[str]:
    """Each value as JSON."""
    if not values or any(isinstance(value, list | tuple | dict) for value in values):
        return [json.dumps(value, ensure_ascii=False, default=str) for value in values]
    # One call for all of them: each call makes an encoder. JSON escapes NUL, so it is in no value.
    encoded = json.dumps(values, ensure_ascii=False, default=str, separators=("\0", ": "))
    return encoded[1:-1].split("\0")
