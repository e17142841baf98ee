"""The editions in a store, and which of them a date or an id refers to.

Making one is in tasks/publish.py, checking its bytes in segmentation/store/audit.py.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from config.dates import parse_iso_date
from schemas.manifest import Manifest
from segmentation.errors import Refused
from segmentation.store.manifests import MANIFEST, try_read_manifest
from segmentation.store.objects import AnyPath
from segmentation.store.published import published_edition

_ID = re.compile(r"[0-9a-f]{4,16}")


class Edition(NamedTuple):
    """One edition in the store. state: published, held, or replaced by another edition of its date."""

    as_of: date
    edition: str
    state: str
    manifest: Manifest


def list_editions(home: AnyPath, as_of: date | None = None) -> list[Edition]:
    """Editions with a readable manifest, all or those of one date, by date and id."""
    published = dict[date, str | None]()
    editions = []
    for path in (home / "editions").glob(f"{as_of or '*'}/*/{MANIFEST}"):
        try:
            day = date.fromisoformat(path.parent.parent.name)
        except ValueError:
            continue  # not a folder of ours
        manifest = try_read_manifest(path.parent)
        if manifest is None:
            continue
        if day not in published:
            published[day] = published_edition(home, day)
        edition = path.parent.name
        state = "held" if manifest.decision == "held" else "replaced"
        state = "published" if edition == published[day] else state
        editions.append(Edition(day, edition, state, manifest))
    return sorted(editions, key=lambda entry: (entry.as_of, entry.edition))


def resolve_edition(home: AnyPath, as_of: date, edition: str | None) -> Edition:
    """The edition of a date by its id or the first characters of it, or the only one published or held.

    Refused if no edition matches, or several do.
    """
    editions = list_editions(home, as_of)
    if edition is None:
        current = [entry for entry in editions if entry.state != "replaced"]
        return _choose_only(current, editions, str(as_of))
    return _choose_by_id(editions, edition, f"{as_of} {edition}")


def resolve_date_or_id(home: AnyPath, word: str) -> Edition:
    """The edition of a date, published before held, or the edition whose id begins with `word`."""
    try:
        as_of = parse_iso_date(word)
    except ValueError:
        check_id(word)
        return _choose_by_id(list_editions(home), word, word)
    editions = list_editions(home, as_of)
    published = [entry for entry in editions if entry.state == "published"]
    held = [entry for entry in editions if entry.state == "held"]
    return _choose_only(published or held, editions, word)


def check_id(edition: str) -> None:
    """Refuse a text that is not an edition's id or its first characters."""
    if not _ID.fullmatch(edition):
        raise Refused(
            "edition", f"{edition[:40]!r} is not an edition; expected 4 to 16 of 0-9 and a-f, see history"
        )


def _choose_by_id(editions: Sequence[Edition], prefix: str, query: str) -> Edition:
    check_id(prefix)
    return _choose_only([entry for entry in editions if entry.edition.startswith(prefix)], editions, query)


def _choose_only(candidates: Sequence[Edition], editions: Sequence[Edition], query: str) -> Edition:
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        listed = "; ".join(f"{entry.edition} of {entry.as_of}, {entry.state}" for entry in candidates[:5])
        raise Refused(
            "edition", f"{query} could be any of {len(candidates)} editions: {listed}. Name one of them"
        )
    listed = ", ".join(f"{entry.edition} ({entry.state})" for entry in editions[-5:])
    raise Refused(
        "no-edition", f"edition {query} does not exist" + (f"; there are {listed}" if listed else "")
    )
