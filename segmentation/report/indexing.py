"""Writing the index: a page of a segmentation's editions, a page of a store's segmentations, and their facts.

Both are derived: written when a night ends, when a person promotes or names, and at will. What they tell is
segmentation/report/store_index.py's.
"""

import json
from pathlib import Path
from typing import Any

from segmentation.errors import ResegmentError
from segmentation.report.index_page import draw_index, draw_store
from segmentation.report.store_index import FACTS, FORM, Index, gather, read_facts
from segmentation.store.commit import hold
from segmentation.store.layout import write_durably
from segmentation.store.objects import ObjectPath
from segmentation.store.rewriting import rewrite

PAGE = "index.html"


def refresh_index(home: Path | ObjectPath) -> str | None:
    """Write the index of a segmentation and of its store; in words what hindered it, None if nothing did.

    No failure here is a run's: the index is derived, and whatever wrote it can write it again.
    """
    try:
        write_index(home)
    except (OSError, ResegmentError) as error:
        said = str(error) if isinstance(error, ResegmentError) else error.strerror or type(error).__name__
        return f"{PAGE} is not up to date: {said}; 'resegment report {home.name} --index' writes it"
    return None


def write_index(home: Path | ObjectPath, anew: bool = False) -> Path | ObjectPath:
    """Write the index of a segmentation and of its store; where the first lies.

    anew: every manifest is read again, whatever was kept of it.
    """

    def change() -> bytes:
        index = gather(home, anew)
        write_durably(home / FACTS, _to_json(index))
        return draw_index(index)

    with hold(home):
        rewrite(home / PAGE, change)
    summary = _summarise(read_facts(home / FACTS))
    store = home.parent
    known = dict[str, Any]()

    def add() -> bytes:
        nonlocal known
        there = {**read_facts(store / FACTS).get("segmentations", {}), home.name: summary}
        known = {name: there[name] for name in sorted(there) if (store / name).is_dir()}
        return _pack({"form": FORM, "segmentations": known})

    with hold(store):
        rewrite(store / FACTS, add)
        rewrite(store / PAGE, lambda: draw_store(known))
    return home / PAGE


def _to_json(index: Index) -> bytes:
    editions = [{**one.entry._asdict(), "state": one.state} for one in index.rows]
    return _pack({"form": FORM, "description": index.description, "editions": editions})


def _pack(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _summarise(facts: dict[str, Any]) -> dict[str, Any]:
    """A segmentation's line in the store's index."""
    editions: list[dict[str, Any]] = facts.get("editions", [])
    live: dict[str, Any] = next((one for one in editions if one["state"] == "live"), {})
    newest: dict[str, Any] = editions[0] if editions else {}
    return {
        "description": facts.get("description", ""),
        "live": live.get("as_of", ""),
        "k": live.get("k", 0),
        "customers": live.get("customers", 0),
        "sizes": live.get("sizes", {}),
        "editions": len(editions),
        "newest": newest.get("as_of", ""),
        "state": newest.get("state", ""),
    }
