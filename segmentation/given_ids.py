"""Which segment ids have been given: none is given twice, whatever becomes of editions.

`ids.json` only ever grows, and what an edition was given it is given again: building it anew makes the
same bytes. Where the file is missing, manifests tell. Which cluster gets which id is aligning.py's.
"""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

from segmentation.buckets import Changed
from segmentation.commit import locked
from segmentation.errors import StoreGone
from segmentation.objects import ObjectPath
from segmentation.store import write_durably

NAME = "ids.json"
_TRIES = 5


class Given(NamedTuple):
    """How many ids have been given; by edition, how many had been before it, and how many it got."""

    total: int
    editions: dict[str, tuple[int, int]]


def reserve_ids(home: Path | ObjectPath, edition: str, count: int) -> int:
    """How many ids had been given before this edition, which now has `count` new ones for itself alone."""
    with nullcontext() if isinstance(home, ObjectPath) else locked(home / ".lock"):
        for _ in range(_TRIES):
            version = (home / NAME).version() if isinstance(home, ObjectPath) else None
            given = _read_given(home) or find_given(home)
            known = given.editions.get(edition)
            if known and known[1] == count:
                return known[0]
            editions = {**given.editions, edition: (given.total, count)}
            try:
                _write_given(home, Given(given.total + count, editions), version)
            except Changed:
                continue
            return given.total
    raise StoreGone(f"{home / NAME} changed {_TRIES} times while ids were to be given; run again")


def copy_given(home: Path | ObjectPath, there: Path) -> None:
    """Write to another home what this one knows of ids given."""
    _write_given(there, _read_given(home) or find_given(home), None)


def find_given(home: Path | ObjectPath) -> Given:
    """What the manifests of all editions tell."""
    total, editions = 0, dict[str, tuple[int, int]]()
    for path in (home / "editions").glob("*/*/manifest.json"):
        manifest = read_manifest(path.parent) or {}
        numbers = [int(name[1:]) for name in manifest.get("sizes", {})]
        before = manifest.get("ids_before")
        total = max(total, *numbers, before or 0) if numbers else total
        if before is not None:
            editions[str(manifest["edition"])] = (before, sum(number > before for number in numbers))
    return Given(total, editions)


def _read_given(home: Path | ObjectPath) -> Given | None:
    try:
        found = json.loads((home / NAME).read_bytes())
        editions = {str(name): (int(of[0]), int(of[1])) for name, of in found["editions"].items()}
        return Given(int(found["given"]), editions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def _write_given(home: Path | ObjectPath, given: Given, version: str | None) -> None:
    content = json.dumps({"given": given.total, "editions": given.editions}, sort_keys=True).encode() + b"\n"
    if isinstance(home, ObjectPath):
        (home / NAME).put(content, replaces=version, create=version is None)
    else:
        write_durably(home / NAME, content)


def read_manifest(folder: Path | ObjectPath) -> dict[str, Any] | None:
    """An edition's manifest.json; None if it cannot be read."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return manifest if isinstance(manifest, dict) else None
