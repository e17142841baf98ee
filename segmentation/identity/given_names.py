"""Names, owners and notes that people give to segments, in names.json of the segmentation's folder.

They are keyed by the stable id and not part of an edition, so naming changes no published byte.
The factual names of other segments are in segmentation/report/factual_names.py.
"""

import json
from datetime import date
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from segmentation.errors import Refused
from segmentation.parts import open_file
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.dates import published_dates
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.rewriting import rewrite
from segmentation.store.layout import edition_folder
from segmentation.store.names_file import NAMES_FILE, GivenName, check_texts, read_given_names
from segmentation.store.pointer import read_live
from segmentation.store.runs.sweeping import sweep_store


class SplitOrMerge(NamedTuple):
    """A named segment was split or merged after it was named."""

    as_of: date
    event: str
    from_segment_id: str
    segment_id: str


def name_segment(home: AnyPath, segment_id: str, texts: dict[str, str | None], user: str) -> GivenName:
    """Write name, owner and note of a segment. None leaves a text unchanged, an empty one removes it.

    Refused if no such segment is live or named already, or if a text is not a single line.
    """
    check_texts({**texts, "by": user})
    sweep_store(home.parent)
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
        with open_file(folder / "lineage.parquet") as file:
            events = pq.ParquetFile(file).read(use_threads=False).to_pylist()
    except (OSError, ValueError):
        return []
    return [event for event in events if event["event"] in ("split", "merged")]
