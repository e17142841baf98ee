"""names.json: names, owners and notes of segments, by stable id. It exists once and cannot be rebuilt.

Naming a segment is in segmentation/identity/given_names.py.
"""

import re
from datetime import date
from typing import NamedTuple

from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import parse_json, read_small_file

NAMES_FILE = "names.json"
NAMES_ADVICE = "restore it from a backup; without one, remove it and name the segments again"
LONGEST = {"name": 80, "owner": 80, "note": 500}


class GivenName(NamedTuple):
    """A segment's name, owner and note, who gave them, and the live date at that time."""

    name: str = ""
    owner: str = ""
    note: str = ""
    by: str = ""
    as_of: str = ""


def read_given_names(home: AnyPath) -> dict[str, GivenName]:
    """The names by segment id; empty without a file. Refused if it cannot be read."""
    # A damaged file is not an empty one, or the next write would erase all names.
    return read_small_file(home / NAMES_FILE, _parse_names, "names by segment id", NAMES_ADVICE) or {}


def _parse_names(content: bytes) -> dict[str, GivenName]:
    names = {}
    for segment_id, fields in parse_json(content).items():
        texts = {field: fields.get(field) or "" for field in GivenName._fields}
        if not re.fullmatch(r"S\d+", segment_id) or not all(isinstance(text, str) for text in texts.values()):
            raise ValueError("not a segment's name")
        check_texts({field: texts[field] for field in ("name", "owner", "note", "by")})
        if texts["as_of"]:
            date.fromisoformat(texts["as_of"])
        names[segment_id] = GivenName(**texts)
    return names


def check_texts(texts: dict[str, str | None]) -> None:
    """Refuse a text that is not one short line."""
    for field, text in texts.items():
        longest = LONGEST.get(field, 80)
        # isprintable also refuses Unicode's direction controls, which could reverse the text after a name.
        if text is not None and (len(text) > longest or not text.isprintable()):
            raise Refused(field, f"{field} must be one line of text of at most {longest} characters")
