"""The editions in a store, and which of them a date or an id refers to.

Making one is in tasks/publish.py, checking its bytes in segmentation/store/repair/audit.py.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from config.dates import parse_iso_date
from schemas.manifest import Manifest
from segmentation.errors import Refused
from segmentation.store.catalogue.preceding import identify_edition
from segmentation.store.catalogue.pruned import explain_missing
from segmentation.store.edition.manifests import MANIFEST, try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_audit
from segmentation.store.pointer import Pointer

_ID = re.compile(r"[0-9a-f]{4,16}")


class Edition(NamedTuple):
    """One edition in the store. state: published, held, or replaced by another edition of its date."""

    as_of: date
    edition: str
    state: str
    manifest: Manifest


class EditionSearch(NamedTuple):
    """Editions, and the ids of those whose manifest cannot be read, which audit reports."""

    editions: list[Edition]
    unreadable: list[str]


def list_editions(home: AnyPath, as_of: date | None = None) -> list[Edition]:
    """Editions with a readable manifest, all or those of one date, by date and id."""
    return search_editions(home, as_of).editions


def search_editions(home: AnyPath, as_of: date | None = None) -> EditionSearch:
    """The editions of all dates or of one, and those whose manifest cannot be read."""
    published = dict[date, str | None]()
    editions, unreadable = [], []
    for path in (home / "editions").glob(f"{as_of or '*'}/*/{MANIFEST}"):
        try:
            day = date.fromisoformat(path.parent.parent.name)
        except ValueError:
            continue  # not a folder of ours
        edition = path.parent.name
        manifest = try_read_manifest(path.parent)
        if manifest is None:
            unreadable.append(edition)
            continue
        if day not in published:
            # Without live.json, which may be damaged too.
            published[day] = identify_edition(home, day, Pointer())
        state = "held" if manifest.decision == "held" else "replaced"
        state = "published" if edition == published[day] else state
        editions.append(Edition(day, edition, state, manifest))
    editions.sort(key=lambda entry: (entry.as_of, entry.edition))
    return EditionSearch(editions, sorted(unreadable))


def resolve_edition(home: AnyPath, as_of: date, edition: str | None) -> Edition:
    """The edition of a date by its id or the first characters of it, or the only one published or held.

    Refused if no edition matches, or several do.
    """
    search = search_editions(home, as_of)
    if edition is None:
        current = [entry for entry in search.editions if entry.state != "replaced"]
        return _choose_only(home, current, search, str(as_of))
    return _choose_by_id(home, search, edition, f"{as_of} {edition}")


def resolve_date_or_id(home: AnyPath, word: str) -> Edition:
    """The edition of a date, published before held, or the edition whose id begins with `word`."""
    try:
        as_of = parse_iso_date(word)
    except ValueError:
        check_id(word)
        return _choose_by_id(home, search_editions(home), word, word)
    search = search_editions(home, as_of)
    published = [entry for entry in search.editions if entry.state == "published"]
    held = [entry for entry in search.editions if entry.state == "held"]
    return _choose_only(home, published or held, search, word)


def check_id(edition: str) -> None:
    """Refuse a text that is not an edition's id or its first characters."""
    if not _ID.fullmatch(edition):
        raise Refused(
            "edition", f"{edition[:40]!r} is not an edition; expected 4 to 16 of 0-9 and a-f, see history"
        )


def _choose_by_id(home: AnyPath, search: EditionSearch, prefix: str, query: str) -> Edition:
    check_id(prefix)
    matches = [entry for entry in search.editions if entry.edition.startswith(prefix)]
    unreadable = [edition for edition in search.unreadable if edition.startswith(prefix)]
    return _choose_only(home, matches, search._replace(unreadable=unreadable), query)


def _choose_only(home: AnyPath, candidates: Sequence[Edition], search: EditionSearch, query: str) -> Edition:
    if search.unreadable and not any(entry.state == "published" for entry in candidates):
        # It may be the one that is meant.
        raise Refused(
            "damaged-store",
            f"the manifest of edition {', '.join(search.unreadable[:5])} is damaged; {advise_audit(home)}",
        )
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        listed = "; ".join(f"{entry.edition} of {entry.as_of}, {entry.state}" for entry in candidates[:5])
        raise Refused(
            "edition", f"{query} could be any of {len(candidates)} editions: {listed}. Name one of them"
        )
    listed = ", ".join(f"{entry.edition} ({entry.state})" for entry in search.editions[-5:])
    raise Refused(
        "no-edition",
        f"edition {query} does not exist{explain_missing(home, query)}"
        + (f"; there are {listed}" if listed else ""),
    )
