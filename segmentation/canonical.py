"""Canonical JSON: the same content gives the same bytes, in whatever order it was collected.

Only in a definition does order matter: the first column that refuses a row gives the reason.
"""

import json

from schemas.record import Record


def sort_content(content: object, is_ordered: bool = False) -> object:
    """The content with sorted keys, except those of a definition, which keep their order at any depth.

    >>> sort_content({"b": 1, "a": {"d": 2, "c": 3}, "definition": {"f": {"z": 4, "y": 5}}})
    {'a': {'c': 3, 'd': 2}, 'b': 1, 'definition': {'f': {'z': 4, 'y': 5}}}
    """
    if isinstance(content, dict):
        keys = content if is_ordered else sorted(content)
        return {key: sort_content(content[key], is_ordered or key == "definition") for key in keys}
    if isinstance(content, list | tuple):
        return [sort_content(item, is_ordered) for item in content]
    return content


def to_json(record: Record) -> bytes:
    """A record as canonical JSON for people: two spaces, a final newline."""
    return (json.dumps(sort_content(record.model_dump(mode="json")), indent=2) + "\n").encode()
