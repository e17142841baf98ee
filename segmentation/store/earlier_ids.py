"""Which segment ids the editions and the ledger say were issued: what ids.json can be rebuilt from.

A manifest has the ids of its edition exactly. Where the edition was removed or its manifest is damaged, the
row of its run does. Issuing ids is in issued_ids.py.
"""

import json
import re
from collections.abc import Iterable
from typing import NamedTuple

from segmentation.errors import DamagedFile
from segmentation.store.edition.manifests import MANIFEST, read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_repair, damaged
from segmentation.store.ledger import read_ledger

_ID = re.compile(r"S(\d+)")


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

    def add(self, edition: str, offset: int | None, segment_ids: Iterable[str]) -> "IssuedIds":
        """With an edition that has these ids. Those above the offset are its own."""
        numbers = [int(match[1]) for match in map(_ID.fullmatch, segment_ids) if match]
        total = max(self.total, *numbers, offset or 0)
        if offset is None:
            return self._replace(total=total)
        size = sum(number > offset for number in numbers)
        return IssuedIds(total, {**self.editions, edition: IdRange(offset, size)})


class EarlierIds(NamedTuple):
    """The issued ids, and the files without which they may not be all."""

    issued: IssuedIds
    unreadable: list[str]


def collect_issued_ids(home: AnyPath) -> IssuedIds:
    """The issued ids according to the editions and the ledger. Refused if they cannot tell all of them."""
    earlier = search_issued_ids(home)
    if earlier.unreadable:
        problem = f"is missing, and so are the ids in {earlier.unreadable[0]}, which is damaged"
        raise damaged(home / "ids.json", problem, "the segment ids that were given", advise_repair(home))
    return earlier.issued


def search_issued_ids(home: AnyPath) -> EarlierIds:
    """The issued ids according to the editions and the ledger, as far as they can be read."""
    ledger = read_ledger(home)
    issued, recorded = IssuedIds(0, {}), set()
    for row in ledger.rows:
        edition, sizes = row.get("edition"), row.get("sizes")
        if edition and sizes:
            recorded.add(edition)
            issued = issued.add(edition, row.get("ids_before"), sizes)
    unreadable = [f"ledger/{name}" for name in ledger.unreadable]
    for path in (home / "editions").glob(f"*/*/{MANIFEST}"):
        folder, edition = path.parent, path.parent.name
        try:
            manifest = read_manifest(folder)
        except DamagedFile:
            if edition not in recorded:
                unreadable.append(f"editions/{folder.parent.name}/{edition}/{MANIFEST}")
        else:
            issued = issued.add(edition, manifest.ids_before, manifest.sizes)
    return EarlierIds(issued, unreadable)
