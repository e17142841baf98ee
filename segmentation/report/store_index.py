"""The index of a segmentation's editions: what is told of each, gathered once and kept in index.json.

An edition's own facts never change, so each manifest is read once; its state is settled anew each time.
Writing it is segmentation/report/indexing.py's, how it looks index_page.py's.
"""

import json
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from segmentation.identity.given_names import Naming, read_names
from segmentation.store.given_ids import read_manifest
from segmentation.store.layout import edition_folder, published_dates, published_edition
from segmentation.store.objects import ObjectPath
from segmentation.store.pointer import Pointer, read_pointer

FACTS = "index.json"
FORM = 1  # of index.json; another form is read as none
_MOST_REASONS = 5


class Entry(NamedTuple):
    """One edition. moved: share of the customers of both nights; None on a first night."""

    as_of: str
    edition: str
    decision: str
    k: int
    customers: int
    sizes: dict[str, int]
    moved: float | None
    joined: int
    left: int
    how: str
    reasons: tuple[str, ...]


class Row(NamedTuple):
    """An edition and its state: live, published, held, set aside or replaced."""

    entry: Entry
    state: str


class Index(NamedTuple):
    """What the page of a segmentation tells. called: what sets a segment apart, of the live edition."""

    name: str
    description: str
    rows: tuple[Row, ...]  # newest first
    names: dict[str, Naming]
    called: dict[str, str]


def gather(home: Path | ObjectPath, anew: bool = False) -> Index:
    """Every edition whose manifest can be read, newest first, and what the live one's segments are called."""
    facts = {} if anew else read_facts(home / FACTS)
    known = {(one.as_of, one.edition): one for one in _read_entries(facts)}
    entries, description = [], str(facts.get("description", ""))
    for path in (home / "editions").glob("*/*/manifest.json"):
        key = (path.parent.parent.name, path.parent.name)
        entry = known.get(key)
        if entry is None:
            manifest = read_manifest(path.parent)
            entry = None if manifest is None else _tell(key, manifest)
            if entry is not None and manifest is not None:
                description = str(manifest["definition"].get("description", ""))
        if entry is not None:
            entries.append(entry)
    entries.sort(key=lambda one: (one.as_of, one.edition), reverse=True)
    pointer = read_pointer(home)
    rows = _settle(home, entries, pointer)
    called = _read_called(edition_folder(home, *pointer.live)) if pointer.live else {}
    return Index(home.name, description, tuple(rows), read_names(home), called)


def _tell(key: tuple[str, str], manifest: dict[str, Any]) -> Entry | None:
    """What the index tells of an edition; None where its manifest or date is not one of ours."""
    try:
        date.fromisoformat(key[0])
        churn = manifest["churn"] or {}
        moved = churn.get("behaviour", 0) + churn.get("model", 0)
        return Entry(
            as_of=key[0],
            edition=key[1],
            decision=str(manifest["decision"]),
            k=int(manifest["k"]),
            customers=int(manifest["rows"]["customers"]),
            sizes={str(name): int(size) for name, size in manifest["sizes"].items()},
            moved=moved / max(1, moved + churn["stayed"]) if churn else None,
            joined=int(churn.get("joined", 0)),
            left=int(churn.get("left", 0)),
            how=str(manifest["how"]),
            reasons=tuple(map(str, manifest["reasons"][:_MOST_REASONS])),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # audit tells


def _settle(home: Path | ObjectPath, entries: list[Entry], pointer: Pointer) -> Iterable[Row]:
    """Each edition's state. A table's footer is read only where its date could hold more than one edition."""
    days = {str(day) for day in published_dates(home)}
    by_day: dict[str, list[Entry]] = {}
    for one in entries:
        by_day.setdefault(one.as_of, []).append(one)
    published = dict[str, str | None]()
    for day in by_day.keys() & days:
        sole = by_day[day][0] if len(by_day[day]) == 1 else None
        certain = sole is not None and sole.decision == "published"
        published[day] = (
            sole.edition if sole and certain else published_edition(home, date.fromisoformat(day))
        )
    for one in entries:
        if published.get(one.as_of) != one.edition:
            state = "held" if one.decision == "held" else "replaced"
        elif pointer.live == (date.fromisoformat(one.as_of), one.edition):
            state = "live"
        else:
            state = "set aside" if one.edition in pointer.set_aside else "published"
        yield Row(one, state)


def _read_called(folder: Path | ObjectPath) -> dict[str, str]:
    try:
        with (folder / "descriptions.parquet").open("rb") as file:
            table = pq.ParquetFile(file).read(columns=["segment_id", "name"], use_threads=False).to_pydict()
    except (OSError, pa.ArrowException):
        return {}  # a damaged edition is audit's to tell
    return dict(zip(table["segment_id"], table["name"], strict=True))


def _read_entries(facts: dict[str, Any]) -> list[Entry]:
    try:
        return [
            Entry(**{name: one[name] for name in Entry._fields})._replace(reasons=tuple(one["reasons"]))
            for one in facts.get("editions", [])
        ]
    except (TypeError, KeyError):
        return []


def read_facts(path: Path | ObjectPath) -> dict[str, Any]:
    """What was kept; nothing where it is missing, damaged or of another form: then it is gathered anew."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and found.get("form") == FORM else {}
