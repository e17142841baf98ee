"""The editions that a store holds, and which of them a person means by a date or an id.

How one is made is tasks/publish.py's, whether its bytes are whole segmentation/store/audit.py's.
"""

import re
from datetime import date
from typing import NamedTuple

from config.dates import parse_iso_date
from schemas.manifest import Manifest
from segmentation.errors import Refused
from segmentation.store.layout import published_edition
from segmentation.store.manifests import try_read_manifest
from segmentation.store.objects import AnyPath

_ID = re.compile(r"[0-9a-f]{4,16}")


class Edition(NamedTuple):
    """One edition in the store. state: published, held, or replaced by another of its date."""

    as_of: date
    edition: str
    state: str
    manifest: Manifest


def list_editions(home: AnyPath, as_of: date | None = None) -> list[Edition]:
    """Editions whose manifest can be read, all or those of one date, by date and id."""
    published = dict[date, str | None]()
    found = []
    for path in (home / "editions").glob(f"{as_of or '*'}/*/manifest.json"):
        manifest = try_read_manifest(path.parent)
        try:
            day = date.fromisoformat(path.parent.parent.name)
        except ValueError:
            continue  # somebody else's folder
        if manifest is None:
            continue
        if day not in published:
            published[day] = published_edition(home, day)
        edition = path.parent.name
        otherwise = "held" if manifest.decision == "held" else "replaced"
        found.append(Edition(day, edition, "published" if edition == published[day] else otherwise, manifest))
    return sorted(found, key=lambda one: (one.as_of, one.edition))


def find_edition(home: AnyPath, as_of: date, edition: str | None) -> Edition:
    """The edition of a date: the one named, or the only one that is published or held.

    edition: an id or how it begins. Refused where there is none, or more than one could be meant.
    """
    there = list_editions(home, as_of)
    if edition is not None:
        check_id(edition)
        return _only([one for one in there if one.edition.startswith(edition)], there, f"{as_of} {edition}")
    return _only([one for one in there if one.state != "replaced"], there, str(as_of))


def find_any(home: AnyPath, word: str) -> Edition:
    """The edition that a date means, its published one first, or how an edition's id begins."""
    try:
        as_of = parse_iso_date(word)
    except ValueError:
        check_id(word)
        there = list_editions(home)
        return _only([one for one in there if one.edition.startswith(word)], there, word)
    there = list_editions(home, as_of)
    published = [one for one in there if one.state == "published"]
    return _only(published or [one for one in there if one.state == "held"], there, word)


def check_id(edition: str) -> None:
    """Refuse what is not an edition's id, or how one begins."""
    if not _ID.fullmatch(edition):
        raise Refused(
            "edition", f"{edition[:40]!r} is not an edition; expected 4 to 16 of 0-9 and a-f, see history"
        )


def _only(found: list[Edition], there: list[Edition], word: str) -> Edition:
    if len(found) == 1:
        return found[0]
    if found:
        named = "; ".join(f"{one.edition} of {one.as_of}, {one.state}" for one in found[:5])
        raise Refused("edition", f"{word} could be any of {len(found)} editions: {named}. Name one of them")
    known = ", ".join(f"{one.edition} ({one.state})" for one in there[-5:])
    raise Refused("no-edition", f"there is no edition {word}" + (f"; there are {known}" if known else ""))
