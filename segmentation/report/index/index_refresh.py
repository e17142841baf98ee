"""Writes the index: index.html and index.json of a segmentation, and those of its store.

Both can be rebuilt from the editions at any time. They are refreshed at the end of every night, after a
promotion or a naming, and by `resegment report NAME --index`. Their content: index_entries.py.
"""

import json
from typing import Any

from pydantic import BaseModel, TypeAdapter

from segmentation.errors import ResegmentError
from segmentation.report.index.index_entries import (
    FACTS_FILE,
    FACTS_VERSION,
    EditionIndex,
    collect_editions,
    read_facts,
)
from segmentation.report.index.index_pages import render_index, render_store_page
from segmentation.store.files.durable import write_durably
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.rewriting import rewrite

INDEX_PAGE = "index.html"


class _Summary(BaseModel):
    """A segmentation in the store's index.json."""

    description: str
    live: str
    k: int
    customers: int
    sizes: dict[str, int]
    editions: int
    newest: str
    state: str


_SUMMARIES = TypeAdapter(dict[str, _Summary])


def refresh_index(home: AnyPath) -> str | None:
    """Write the index of a segmentation and of its store; return a warning if that failed.

    A night never fails because of its index: the next refresh writes it.
    """
    try:
        write_index(home)
    except (OSError, ResegmentError) as error:
        cause = str(error) if isinstance(error, ResegmentError) else error.strerror or type(error).__name__
        return (
            f"{INDEX_PAGE} is out of date ({cause}); rewrite it with 'resegment report {home.name} --index'"
        )
    return None


def write_index(home: AnyPath, reread: bool = False) -> AnyPath:
    """Write the index of a segmentation and of its store, and return the path of the first page.

    reread: read all manifests again instead of trusting index.json.
    """

    def write_facts() -> bytes:
        index = collect_editions(home, reread)
        write_durably(home / FACTS_FILE, _to_json(index))
        return render_index(index)

    with lock(home / LOCK):
        rewrite(home / INDEX_PAGE, write_facts)
    _write_store_index(home)
    return home / INDEX_PAGE


def _write_store_index(home: AnyPath) -> None:
    """Write the store's index with the current summary of one of its segmentations."""
    store, summary = home.parent, _summarise(read_facts(home / FACTS_FILE))

    def list_segmentations() -> dict[str, Any]:
        segmentations = read_facts(store / FACTS_FILE).get("segmentations", {})
        try:
            _SUMMARIES.validate_python(segmentations)
        except ValueError:
            return {}  # damaged: each segmentation adds itself again
        return dict(segmentations)

    def add_summary() -> bytes:
        summaries = {**list_segmentations(), home.name: summary}
        # A deleted segmentation leaves the index the next time any other is refreshed.
        existing = {name: summaries[name] for name in summaries if (store / name).is_dir()}
        return _pack({"form": FACTS_VERSION, "segmentations": existing})

    # Taken after the other lock is free, so that nobody holds one while waiting for the other.
    with lock(store / LOCK):
        rewrite(store / FACTS_FILE, add_summary)
        rewrite(store / INDEX_PAGE, lambda: render_store_page(list_segmentations()))


def _to_json(index: EditionIndex) -> bytes:
    editions = [{**entry.facts._asdict(), "state": entry.state} for entry in index.entries]
    return _pack({"form": FACTS_VERSION, "description": index.description, "editions": editions})


def _pack(content: dict[str, Any]) -> bytes:
    # Sorted and compact: the same facts give the same bytes.
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _summarise(content: dict[str, Any]) -> dict[str, Any]:
    """A segmentation's entry in the store's index.json, from the segmentation's index.json."""
    editions: list[dict[str, Any]] = content.get("editions", [])
    live: dict[str, Any] = next((edition for edition in editions if edition["state"] == "live"), {})
    newest: dict[str, Any] = editions[0] if editions else {}
    return {
        "description": content.get("description", ""),
        "live": live.get("as_of", ""),
        "k": live.get("k", 0),
        "customers": live.get("customers", 0),
        "sizes": live.get("sizes", {}),
        "editions": len(editions),
        "newest": newest.get("as_of", ""),
        "state": newest.get("state", ""),
    }
