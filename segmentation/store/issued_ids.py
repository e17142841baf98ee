"""Segment ids that have been issued. No id is issued twice, even if its edition is removed.

`ids.json` only grows. An edition that is built again gets the same ids again, so it has the same bytes. If
the file is missing, it is restored as in earlier_ids.py; if it is damaged, nothing is issued until it is
repaired. Choosing a cluster's id is in segmentation/identity/matching.py.
"""

from collections.abc import Sequence
from pathlib import Path

from segmentation.store.earlier_ids import IdRange, IssuedIds, collect_issued_ids, search_issued_ids
from segmentation.store.files.durable import write_durably
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.rewriting import rewrite
from segmentation.store.files.small_files import advise_repair, parse_json, read_small_file

IDS_FILE = "ids.json"


def reserve_ids(home: AnyPath, edition: str, count: int, known_ids: Sequence[str] = ()) -> int:
    """Reserve `count` new ids for this edition alone: how many had been issued before it.

    known_ids: ids in use already. They and those of editions and ledger count too, in case ids.json is older
    than they are, as after a restored backup.
    """
    offset, least = 0, max((int(segment_id[1:]) for segment_id in known_ids), default=0)
    # Reads every manifest, but only on nights that have a new segment.
    earlier = search_issued_ids(home).issued

    def change() -> bytes | None:
        nonlocal offset
        issued = read_issued_ids(home) or collect_issued_ids(home)
        ranges = {**earlier.editions, **issued.editions}
        reserved = ranges.get(edition)
        # An edition that is built again gets its ids again, and so the same bytes.
        is_again = reserved is not None and reserved.size == count
        offset = reserved.offset if reserved and is_again else max(issued.total, earlier.total, least)
        id_range = IdRange(offset, count)
        if issued.editions.get(edition) == id_range:
            return None
        total = max(issued.total, earlier.total, offset + count)
        return IssuedIds(total, {**ranges, edition: id_range}).to_json()

    # Read and write under one lock: a night and a backfill may reserve ids at the same time.
    with lock(home / LOCK):
        rewrite(home / IDS_FILE, change)
    return offset


def copy_issued_ids(home: AnyPath, target: Path) -> None:
    """Write ids.json of this home to another home."""
    write_durably(target / IDS_FILE, (read_issued_ids(home) or collect_issued_ids(home)).to_json())


def read_issued_ids(home: AnyPath) -> IssuedIds | None:
    """The content of ids.json; None if the file does not exist. Refused if it is damaged."""
    expected = "the segment ids that were given"
    return read_small_file(home / IDS_FILE, _parse_ids, expected, advise_repair(home))


def _parse_ids(content: bytes) -> IssuedIds:
    fields = parse_json(content)
    total, pairs = fields["given"], fields["editions"]
    ranges = {edition: IdRange(*pair) for edition, pair in pairs.items()}
    numbers = [total, *(number for id_range in ranges.values() for number in id_range)]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise ValueError("not a count")
    if any(offset + size > total for offset, size in ranges.values()):
        raise ValueError("an edition has ids beyond those that were given")
    return IssuedIds(total, ranges)
