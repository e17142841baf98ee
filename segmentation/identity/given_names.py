"""Names, owners and notes that people give to segments, in names.json of the segmentation's folder.

They are keyed by the stable id and not part of an edition, so naming changes no published byte.
The factual names of other segments are in segmentation/report/factual_names.py.
"""

import json
import re
from datetime import date
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.store.dates import published_dates
from segmentation.store.layout import edition_folder
from segmentation.store.locking import LOCK, lock
from segmentation.store.manifests import read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.pointer import read_live
from segmentation.store.published import readable_edition
from segmentation.store.rewriting import rewrite
from segmentation.store.small_files import parse_json, read_small_file

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


class SplitOrMerge(NamedTuple):
    """A named segment was split or merged after it was named."""

    as_of: date
    event: str
    from_segment_id: str
    segment_id: str


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


def name_segment(home: AnyPath, segment_id: str, texts: dict[str, str | None], user: str) -> GivenName:
    """Write name, owner and note of a segment. None leaves a text unchanged, an empty one removes it.

    Refused if no such segment is live or named already, or if a text is not a single line.
    """
    check_texts({**texts, "by": user})
    live = read_live(home)
    live_ids = [] if live is None else list(read_manifest(edition_folder(home, *live)).sizes)
    changes = {field: text for field, text in texts.items() if text is not None}
    given_name = GivenName()

    def change() -> bytes:
        nonlocal given_name
        names = read_given_names(home)
        if segment_id not in {*live_ids, *names}:
            raise Refused(
                "segment",
                f"the live edition has no segment {segment_id[:20]!r}; "
                f"there are {', '.join(live_ids) or 'none yet'}",
            )
        as_of = str(live[0]) if live else ""
        given_name = names.pop(segment_id, GivenName())._replace(**changes, by=user, as_of=as_of)
        if given_name.name or given_name.owner or given_name.note:
            names[segment_id] = given_name
        content = {key: name._asdict() for key, name in names.items()}
        return json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"

    with lock(home / LOCK):
        rewrite(home / NAMES_FILE, change)
    return given_name


def check_texts(texts: dict[str, str | None]) -> None:
    """Refuse a text that is not one short line."""
    for field, text in texts.items():
        longest = LONGEST.get(field, 80)
        # isprintable also refuses Unicode's direction controls, which could reverse the text after a name.
        if text is not None and (len(text) > longest or not text.isprintable()):
            raise Refused(field, f"{field} must be one line of text of at most {longest} characters")


def list_splits(home: AnyPath, names: dict[str, GivenName]) -> dict[str, SplitOrMerge]:
    """The last split or merge of each named segment since it was named: the name may no longer fit."""
    naming_dates = {segment_id: name.as_of for segment_id, name in names.items() if name.name}
    splits: dict[str, SplitOrMerge] = {}
    for day in published_dates(home):
        # ISO dates as text compare like dates.
        named_before = {segment_id for segment_id, date_ in naming_dates.items() if date_ < str(day)}
        edition = readable_edition(home, day) if named_before else None
        if edition is None:
            continue
        for event in _read_splits(edition_folder(home, day, edition)):
            source, target = event["from_segment_id"], event["segment_id"]
            for segment_id in named_before & {source, target}:
                splits[segment_id] = SplitOrMerge(day, event["event"], source, target)
    return splits


def _read_splits(folder: AnyPath) -> list[dict[str, Any]]:
    """The split and merged events of an edition. A damaged edition has none: reporting it is audit's job."""
    try:
        with (folder / "lineage.parquet").open("rb") as file:
            events = pq.ParquetFile(file).read(use_threads=False).to_pylist()
    except (OSError, ValueError):
        return []
    return [event for event in events if event["event"] in ("split", "merged")]
