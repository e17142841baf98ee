"""The editions of a segmentation and the state of each, as its index page lists them.

The facts of an edition never change, so each manifest is read once and its facts are kept in index.json.
States do change, so they are computed on every refresh. Writing the index: index_refresh.py. Its look:
index_pages.py.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from schemas.manifest import Manifest
from schemas.validation import Validation
from segmentation.store.catalogue.pruned import list_pruned
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.dates import published_dates
from segmentation.store.edition.descriptions import read_factual_names
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder
from segmentation.store.names_file import NAMES_FILE, GivenName, read_given_names
from segmentation.store.pointer import Pointer, read_pointer
from segmentation.store.validations import list_newest_validations

FACTS_FILE = "index.json"
FACTS_VERSION = 1  # a facts file of another version is ignored and rebuilt
_MAX_REASONS = 5
_MAX_VALIDATIONS = 12
_ID = re.compile(r"S\d+")


class EditionFacts(NamedTuple):
    """One edition. moved: share of the customers of both nights who moved, None for a first edition.

    The field names are the keys in index.json.
    """

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


_FACTS = TypeAdapter(list[EditionFacts])


class IndexEntry(NamedTuple):
    """An edition and its state: live, published, held, superseded or replaced."""

    facts: EditionFacts
    state: str


class EditionIndex(NamedTuple):
    """The content of a segmentation's index page.

    names: the newest that people set. factual_names: of the live edition's segments, from what sets each
    apart. names_of_live: those that people had set before the live edition.
    """

    name: str
    description: str
    entries: tuple[IndexEntry, ...]  # newest first
    names: dict[str, GivenName]
    factual_names: dict[str, str]
    pruned: int = 0  # editions that a pruning has removed
    unreadable: int = 0  # editions whose manifest is damaged, which audit reports
    names_of_live: Mapping[str, str] = MappingProxyType({})
    validations: tuple[Validation, ...] = ()  # newest first

    @property
    def live(self) -> EditionFacts | None:
        """The live edition, if there is one."""
        return next((entry.facts for entry in self.entries if entry.state == "live"), None)


def collect_editions(home: AnyPath, reread: bool = False) -> EditionIndex:
    """Every edition with a readable manifest, newest first, and the names of the live segments.

    reread: read all manifests again instead of trusting index.json.
    """
    content = {} if reread else read_facts(home / FACTS_FILE)
    remembered = {(edition.as_of, edition.edition): edition for edition in _parse_editions(content)}
    description, editions, unreadable = str(content.get("description", "")), list[EditionFacts](), 0
    # Sorted, so that the description is the newest one whatever order the file system lists folders in.
    paths: list[AnyPath] = sorted((home / "editions").glob("*/*/manifest.json"), key=str)
    for path in paths:
        as_of, edition_id = path.parent.parent.name, path.parent.name
        facts = remembered.get((as_of, edition_id))
        # Facts of known editions come from index.json: after a year there are hundreds of manifests.
        if facts is None:
            manifest = try_read_manifest(path.parent)
            unreadable += manifest is None
            facts = _extract_facts(as_of, edition_id, manifest) if manifest else None
            if facts is not None and manifest is not None:
                description = str(manifest.definition.get("description", ""))
        if facts is not None:
            editions.append(facts)
    editions.sort(key=lambda edition: (edition.as_of, edition.edition), reverse=True)
    pointer = read_pointer(home)
    published = _get_published_editions(home, editions)
    entries = tuple(IndexEntry(edition, _get_state(edition, published, pointer)) for edition in editions)
    live = edition_folder(home, *pointer.live) if pointer.live else None
    factual_names = read_factual_names(live) if live else {}
    pruned = len({*list_pruned(home)} - {edition.edition for edition in editions})
    names = read_given_names(home)
    names_of_live = _read_names_of_edition(live) if live and (home / NAMES_FILE).exists() else {}
    return EditionIndex(
        home.name,
        description,
        entries,
        names,
        factual_names,
        pruned,
        unreadable,
        names_of_live=names_of_live,
        validations=list_newest_validations(home, _MAX_VALIDATIONS),
    )


def _extract_facts(as_of: str, edition_id: str, manifest: Manifest) -> EditionFacts | None:
    """None for a folder name that Resegment did not write."""
    try:
        date.fromisoformat(as_of)
    except ValueError:
        return None
    churn = manifest.churn
    moved = churn.behaviour + churn.model if churn else 0
    return EditionFacts(
        as_of=as_of,
        edition=edition_id,
        decision=manifest.decision,
        k=manifest.k,
        customers=manifest.rows.customers,
        sizes=manifest.sizes,
        # Of the customers in both editions: those who joined or left did not move.
        moved=moved / max(1, moved + churn.stayed) if churn else None,
        joined=churn.joined if churn else 0,
        left=churn.left if churn else 0,
        how=manifest.how,
        reasons=manifest.reasons[:_MAX_REASONS],
    )


def _get_published_editions(home: AnyPath, editions: Sequence[EditionFacts]) -> dict[str, str | None]:
    """The published edition of each date.

    The footer of a published table is read only if its date has several editions: a lone edition that was
    decided to be published is the published one.
    """
    by_date: dict[str, list[EditionFacts]] = {}
    for edition in editions:
        by_date.setdefault(edition.as_of, []).append(edition)
    published = dict[str, str | None]()
    for day in by_date.keys() & set(map(str, published_dates(home))):
        editions_of_day = by_date[day]
        is_certain = len(editions_of_day) == 1 and editions_of_day[0].decision == "published"
        published[day] = (
            editions_of_day[0].edition if is_certain else readable_edition(home, date.fromisoformat(day))
        )
    return published


def _get_state(edition: EditionFacts, published: Mapping[str, str | None], pointer: Pointer) -> str:
    if published.get(edition.as_of) != edition.edition:
        return "held" if edition.decision == "held" else "replaced"
    if pointer.live == (date.fromisoformat(edition.as_of), edition.edition):
        return "live"
    return "superseded" if edition.edition in pointer.superseded else "published"


def _read_names_of_edition(folder: AnyPath) -> Mapping[str, str]:
    manifest = try_read_manifest(folder)
    return manifest.given_names if manifest else {}


def _parse_editions(content: dict[str, Any]) -> list[EditionFacts]:
    try:
        entries = [
            {field: edition[field] for field in EditionFacts._fields}
            for edition in content.get("editions", [])
        ]
        editions = _FACTS.validate_python(entries)
    except (TypeError, KeyError, AttributeError, ValueError):
        return []  # damaged: all manifests are read again
    return editions if all(_ID.fullmatch(name) for facts in editions for name in facts.sizes) else []


def read_facts(path: AnyPath) -> dict[str, Any]:
    """The content of an index.json; empty if it is missing, damaged or of another version."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) and content.get("form") == FACTS_VERSION else {}
