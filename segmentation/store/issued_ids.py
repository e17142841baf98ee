"""Segment ids that have been issued. No id is issued twice, even if its edition is removed.

`ids.json` only grows. An edition that is built again gets the same ids again, so it has the same bytes. If
the file is missing, it is restored from the manifests. Choosing a cluster's id is in
segmentation/identity/matching.py.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from segmentation.store.durable import write_durably
from segmentation.store.locking import LOCK, lock
from segmentation.store.manifests import MANIFEST, try_read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.rewriting import rewrite

IDS_FILE = "ids.json"


class IdRange(NamedTuple):
    """The ids of one edition: how many had been issued before it, and how many it got."""

    offset: int
    size: int


class IssuedIds(NamedTuple):
    """How many ids have been issued in all, and each edition's range."""

    total: int
    editions: dict[str, IdRange]

    def to_json(self) -> bytes:
        """The content of ids.json."""
        return json.dumps({"given": self.total, "editions": self.editions}, sort_keys=True).encode() + b"\n"


def reserve_ids(home: AnyPath, edition: str, count: int, known_ids: Sequence[str] = ()) -> int:
    """Reserve `count` new ids for this edition alone: how many had been issued before it.

    known_ids: ids in use already, in case ids.json is older than they are, as after a restored backup.
    """
    offset, least = 0, max((int(segment_id[1:]) for segment_id in known_ids), default=0)

    def change() -> bytes | None:
        nonlocal offset
        issued = _read_ids(home) or collect_issued_ids(home)
        reserved = issued.editions.get(edition)
        # An edition that is built again gets its ids again, and so the same bytes.
        offset = reserved.offset if reserved and reserved.size == count else max(issued.total, least)
        id_range = IdRange(offset, count)
        if reserved == id_range:
            return None
        return IssuedIds(offset + count, {**issued.editions, edition: id_range}).to_json()

    # Read and write under one lock: a night and a backfill may reserve ids at the same time.
    with lock(home / LOCK):
        rewrite(home / IDS_FILE, change)
    return offset


def copy_issued_ids(home: AnyPath, target: Path) -> None:
    """Write ids.json of this home to another home."""
    write_durably(target / IDS_FILE, (_read_ids(home) or collect_issued_ids(home)).to_json())


def collect_issued_ids(home: AnyPath) -> IssuedIds:
    """The issued ids according to the manifests of all editions."""
    total, editions = 0, dict[str, IdRange]()
    for path in (home / "editions").glob(f"*/*/{MANIFEST}"):
        manifest = try_read_manifest(path.parent)
        if manifest is None:
            continue  # damaged, which audit reports
        numbers = [int(segment_id[1:]) for segment_id in manifest.sizes]
        offset = manifest.ids_before
        total = max(total, *numbers, offset or 0)
        if offset is not None:
            editions[path.parent.name] = IdRange(offset, sum(number > offset for number in numbers))
    return IssuedIds(total, editions)


def _read_ids(home: AnyPath) -> IssuedIds | None:
    try:
        content = json.loads((home / IDS_FILE).read_bytes())
        ranges = {str(key): IdRange(int(pair[0]), int(pair[1])) for key, pair in content["editions"].items()}
        return IssuedIds(int(content["given"]), ranges)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None
