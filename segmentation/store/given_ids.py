"""Which segment ids have been given: none is given twice, whatever becomes of editions.

`ids.json` only ever grows, and what an edition was given it is given again: building it anew makes the
same bytes. Where the file is missing, manifests tell. Which cluster gets which id is aligning.py's.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from segmentation.store.layout import write_durably
from segmentation.store.locking import LOCK, lock
from segmentation.store.manifests import try_read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.rewriting import rewrite

NAME = "ids.json"


class Given(NamedTuple):
    """How many ids have been given; by edition, how many had been before it, and how many it got."""

    total: int
    editions: dict[str, tuple[int, int]]


def reserve_ids(home: AnyPath, edition: str, count: int, known: Sequence[str] = ()) -> int:
    """How many ids had been given before this edition, which now has `count` new ones for itself alone.

    known: ids that are there already, should ids.json be older than they are, as from a backup.
    """
    before, least = 0, max((int(name[1:]) for name in known), default=0)

    def change() -> bytes | None:
        nonlocal before
        given = _read_given(home) or find_given(home)
        own = given.editions.get(edition)
        before = own[0] if own and own[1] == count else max(given.total, least)
        if own == (before, count):
            return None
        return _to_json(Given(before + count, {**given.editions, edition: (before, count)}))

    with lock(home / LOCK):
        rewrite(home / NAME, change)
    return before


def copy_given(home: AnyPath, there: Path) -> None:
    """Write to another home what this one knows of ids given."""
    write_durably(there / NAME, _to_json(_read_given(home) or find_given(home)))


def find_given(home: AnyPath) -> Given:
    """What the manifests of all editions tell."""
    total, editions = 0, dict[str, tuple[int, int]]()
    for path in (home / "editions").glob("*/*/manifest.json"):
        manifest = try_read_manifest(path.parent)
        if manifest is None:
            continue  # damaged, which audit reports
        numbers = [int(name[1:]) for name in manifest.sizes]
        before = manifest.ids_before
        total = max(total, *numbers, before or 0)
        if before is not None:
            editions[path.parent.name] = (before, sum(number > before for number in numbers))
    return Given(total, editions)


def _read_given(home: AnyPath) -> Given | None:
    try:
        found = json.loads((home / NAME).read_bytes())
        editions = {str(name): (int(of[0]), int(of[1])) for name, of in found["editions"].items()}
        return Given(int(found["given"]), editions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _to_json(given: Given) -> bytes:
    return json.dumps({"given": given.total, "editions": given.editions}, sort_keys=True).encode() + b"\n"
