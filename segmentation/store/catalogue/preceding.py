"""Which edition a date builds on: the newest earlier one that was published and is not superseded.

It is found whatever has been damaged or removed since: a night that overlooked it would give every segment a
new id. Whether its files are whole is checked in edition/sealed_files.py.
docs/decisions/0028-identity-survives-damage.md
"""

import os
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from schemas.manifest import EditionRef
from segmentation.errors import DamagedFile
from segmentation.store.dates import published_dates
from segmentation.store.edition.footers import read_footer
from segmentation.store.edition.manifests import MANIFEST, try_read_manifest
from segmentation.store.edition.sealed_files import describe_damage
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.small_files import advise_audit, damaged
from segmentation.store.layout import edition_folder, published_path
from segmentation.store.ledger import PUBLISHING, Ledger, read_ledger
from segmentation.store.pointer import Pointer, read_pointer

UNKNOWN = ""  # a date was published, but the store cannot tell with which edition


@dataclass(frozen=True)
class _Evidence:
    """What the store says about publications besides the published tables. The ledger is read if needed."""

    home: AnyPath
    pointer: Pointer

    @cached_property
    def ledger(self) -> Ledger:
        """All rows that can be read, and which files cannot."""
        return read_ledger(self.home)

    def list_recorded(self, as_of: date) -> list[EditionRef]:
        """Publications of earlier dates according to the ledger, oldest date first, the last one of each."""
        refs = {
            str(row["as_of"]): str(row["edition"])
            for row in self.ledger.rows
            if row.get("outcome") in PUBLISHING and row.get("edition") and row.get("as_of")
        }
        return [EditionRef(date.fromisoformat(day), refs[day]) for day in sorted(refs) if day < str(as_of)]


def previous_edition(home: AnyPath, as_of: date) -> EditionRef | None:
    """The edition that as_of builds on; None if no earlier date was published.

    Its id is UNKNOWN if its table is lost and the rest of the store does not tell either. Refused if the
    store cannot be read far enough.
    """
    evidence = _Evidence(home, read_pointer(home))
    days = _list_days(evidence, as_of)
    # Newest first, and one footer is read per date: usually the first one is the answer.
    for day in reversed(days):
        edition = _identify(evidence, day)
        if edition is not None and edition not in evidence.pointer.superseded:
            return EditionRef(day, edition)
    if days:
        return None
    # A store without earlier dates is a new one, unless its ledger knows better: they may have been pruned.
    recorded = evidence.list_recorded(as_of)
    return next((ref for ref in reversed(recorded) if ref.edition not in evidence.pointer.superseded), None)


def identify_edition(home: AnyPath, as_of: date, pointer: Pointer | None = None) -> str | None:
    """The edition published for a date, even if its table is lost; None if the date was never published.

    pointer: what live.json says, if the caller has read it.
    """
    if pointer is None:
        try:
            pointer = read_pointer(home)
        except DamagedFile:
            pointer = Pointer()  # tables and ledger tell as much
    return _identify(_Evidence(home, pointer), as_of)


def _list_days(evidence: _Evidence, as_of: date) -> list[date]:
    """Earlier dates that have a published table or an edition, or are live, ascending."""
    home, live = evidence.home, evidence.pointer.live
    days = {*published_dates(home), *_list_edition_dates(home), *([live.as_of] if live else ())}
    return sorted(day for day in days if day < as_of)


def _identify(evidence: _Evidence, day: date) -> str | None:
    home, live = evidence.home, evidence.pointer.live
    table = published_path(home, day)
    footer = read_footer(table)
    if footer and (edition := _look_up_named(home, day, footer)):
        return edition
    # The table is missing, unreadable, or a copy of another date's.
    if live is not None and live.as_of == day:
        return live.edition
    rows = [row for row in evidence.ledger.rows if row.get("as_of") == str(day)]
    recorded = ""
    for row in rows:
        if row.get("outcome") in PUBLISHING and row.get("edition"):
            recorded = str(row["edition"])
        elif row.get("whole_date"):
            recorded = ""  # it was pruned, whether or not that was killed before all files were removed
    if recorded:
        return recorded
    if not table.exists() and rows and not evidence.ledger.unreadable:
        return None  # its runs were held, or died before they published
    candidates = _list_candidates(home, day)
    if len(candidates) == 1:
        return candidates[0]
    return UNKNOWN if candidates or table.exists() else None


def _look_up_named(home: AnyPath, day: date, footer: tuple[str, str]) -> str | None:
    """The edition that a date's table names; None if it is one of another date."""
    edition, digest = footer
    if edition_folder(home, day, edition).is_dir():
        return edition
    # One of the two names in a footer may be damaged, and the manifest's leads to the edition as well.
    for name in _list_names(home, str(day)):
        folder = edition_folder(home, day, name)
        is_named = describe_damage(folder / MANIFEST, digest) is None
        if is_named and try_read_manifest(folder) is not None:  # None in a folder that was renamed
            return name
    is_foreign = any(edition_folder(home, past, edition).is_dir() for past in _list_edition_dates(home))
    return None if is_foreign else edition


def _list_candidates(home: AnyPath, day: date) -> list[str]:
    """Editions of a date that may have been published: all but those that were held."""
    names = _list_names(home, str(day))
    manifests = [try_read_manifest(edition_folder(home, day, name)) for name in names]
    return [
        name
        for name, manifest in zip(names, manifests, strict=True)
        if manifest is None or manifest.decision != "held"
    ]


def _list_edition_dates(home: AnyPath) -> list[date]:
    dates = []
    for name in _list_names(home):
        try:
            dates.append(date.fromisoformat(name))
        except ValueError:
            continue  # not a folder of ours
    return dates


def _list_names(home: AnyPath, *parts: str) -> list[str]:
    """Names in editions/ or a folder below it, sorted. Refused if it cannot be listed."""
    folder = home / "/".join(("editions", *parts))
    if isinstance(folder, ObjectPath):
        return sorted(path.name for path in folder.iterdir())
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208 - only names
    except FileNotFoundError:
        return []
    except OSError as error:
        problem = f"cannot be listed ({error.strerror})"
        raise damaged(folder, problem, "a folder for each edition", advise_audit(home)) from None
