"""names.json: names, owners and notes of segments, by stable id, with every version. It exists once.

A version holds for editions from a date on, so that a backfilled date gets the names that its night had.
Naming a segment is in segmentation/identity/given_names.py. docs/decisions/0042-names-and-moves.md
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from segmentation.errors import Refused
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import parse_json, read_small_file

NAMES_FILE = "names.json"
NAMES_ADVICE = "restore it from a backup; without one, remove it and name the segments again"
LONGEST = {"name": 80, "owner": 80, "note": 500}


class GivenName(NamedTuple):
    """A segment's name, owner and note, and who gave them. All three are empty once they were removed.

    as_of: the live date at that time. holds_from: the first date whose edition has the name, the day after.
    """

    name: str = ""
    owner: str = ""
    note: str = ""
    by: str = ""
    as_of: str = ""
    holds_from: str = ""


NameVersions = dict[str, tuple[GivenName, ...]]  # by segment id, in the order in which they were given


def read_given_names(home: AnyPath) -> dict[str, GivenName]:
    """The newest name, owner and note of each segment that has any. Refused if the file cannot be read."""
    newest = {segment_id: versions[-1] for segment_id, versions in read_name_versions(home).items()}
    return {
        segment_id: version
        for segment_id, version in newest.items()
        if version.name or version.owner or version.note
    }


def read_name_versions(home: AnyPath) -> NameVersions:
    """Every version by segment id; empty without a file. Refused if the file cannot be read."""
    # A damaged file is not an empty one, or the next write would erase all names.
    return read_small_file(home / NAMES_FILE, _parse_names, "names by segment id", NAMES_ADVICE) or {}


def select_names(versions: NameVersions, as_of: date) -> dict[str, str]:
    """The names that hold for the edition of a date, by segment id.

    The last one given counts: after a rollback, a name that was given for an earlier date also replaces the
    names of the dates that were withdrawn.

    >>> older, newer = GivenName("Best", holds_from="2026-01-02"), GivenName("Top", holds_from="2026-01-05")
    >>> select_names({"S01": (older, newer)}, date(2026, 1, 4))
    {'S01': 'Best'}
    """
    # ISO dates as text compare like dates.
    holding = {
        segment_id: [version for version in history if version.holds_from <= str(as_of)]
        for segment_id, history in versions.items()
    }
    last_names = {segment_id: history[-1].name for segment_id, history in holding.items() if history}
    return {segment_id: name for segment_id, name in last_names.items() if name}


def add_version(versions: NameVersions, segment_id: str, version: GivenName) -> NameVersions:
    """The versions with one more. It replaces one that would hold from the same date on."""
    history = versions.get(segment_id, ())
    unchanged = [earlier for earlier in history if earlier.holds_from != version.holds_from]
    return {**versions, segment_id: (*unchanged, version)}


def get_next_day(as_of: str) -> str:
    """The day after a live date: from then on a name holds. Without a live date, names hold for all dates."""
    return str(date.fromisoformat(as_of) + timedelta(days=1)) if as_of else str(date.min)


def serialise_names(versions: NameVersions) -> bytes:
    """The file's content."""
    content = {key: [version._asdict() for version in history] for key, history in versions.items()}
    return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"


def write_names_of_edition(home: Path, names: Mapping[str, str], as_of: date) -> None:
    """Write a file in which exactly these names hold for a date, for a store that makes it again."""
    versions: NameVersions = {key: (GivenName(name, holds_from=str(as_of)),) for key, name in names.items()}
    if versions:
        write_durably(home / NAMES_FILE, serialise_names(versions))


def _parse_names(content: bytes) -> NameVersions:
    names = {}
    for segment_id, entry in parse_json(content).items():
        # Earlier versions of the file have one name for a segment, and no list.
        versions = [entry] if isinstance(entry, dict) else entry
        if not re.fullmatch(r"S\d+", segment_id) or not isinstance(versions, list) or not versions:
            raise ValueError("not a segment's names")
        names[segment_id] = tuple(map(_parse_version, versions))
    return names


def _parse_version(fields: dict[str, Any]) -> GivenName:
    texts = {field: fields.get(field) or "" for field in GivenName._fields}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("not a segment's name")
    check_texts({field: texts[field] for field in ("name", "owner", "note", "by")})
    if texts["as_of"]:
        date.fromisoformat(texts["as_of"])
    holds_from = texts["holds_from"] or get_next_day(texts["as_of"])
    # Written out again, since 20260102 is an ISO date too and would not compare as text.
    return GivenName(**{**texts, "holds_from": str(date.fromisoformat(holds_from))})


def check_texts(texts: dict[str, str | None]) -> None:
    """Refuse a text that is not one short line."""
    for field, text in texts.items():
        longest = LONGEST.get(field, 80)
        # isprintable also refuses Unicode's direction controls, which could reverse the text after a name.
        if text is not None and (len(text) > longest or not text.isprintable()):
            raise Refused(field, f"{field} must be one line of text of at most {longest} characters")
