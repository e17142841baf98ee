"""Canonical JSON: the same content is the same bytes, whatever order it was gathered in.

Only of a definition the order counts: the first column that refuses a row gives the reason.
"""

import json

from schemas.record import Record


def sort_content(content: object, is_ordered: bool = False) -> object:
    """The content with sorted keys, but those of a definition, at any depth, as they are.

    >>> sort_content({"b": 1, "a": {"d": 2, "c": 3}, "definition": {"f": {"z": 4, "y": 5}}})
    {'a': {'c': 3, 'd': 2}, 'b': 1, 'definition': {'f': {'z': 4, 'y': 5}}}
    """
    if isinstance(content, dict):
        keys = content if is_ordered else sorted(content)
        return {key: sort_content(content[key], is_ordered or key == "definition") for key in keys}
    if isinstance(content, list | tuple):
        return [sort_content(one, is_ordered) for one in content]
    return content


def to_json(record: Record) -> bytes:
    """A record as canonical JSON for people: two spaces, a final newline."""
    return (json.dumps(sort_content(record.model_dump(mode="json")), indent=2) + "\n").encode()
