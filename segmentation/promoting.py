"""Putting an edition live by a person's decision: one that was held, or an earlier one again.

What later nights build on follows from it (store.edition_before). Publishing a night is commit.py's.
"""

import tempfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

from schemas.promotion import Promotion
from segmentation.errors import Conflict, Refused
from segmentation.report.index_refresh import refresh_index
from segmentation.store.audit import check_sums
from segmentation.store.buckets import Changed
from segmentation.store.commit import publish_table
from segmentation.store.editions import Edition, find_edition
from segmentation.store.layout import (
    SEGMENTS,
    edition_folder,
    published_dates,
    published_edition,
    published_path,
    write_durably,
)
from segmentation.store.ledger import add_row
from segmentation.store.locking import LOCK, lock
from segmentation.store.object_commit import move_live_object
from segmentation.store.objects import AnyPath, ObjectPath
from segmentation.store.pointer import LIVE, Pointer, read_pointer

LONGEST_NAME, LONGEST_REASON = 100, 500


class Asked(NamedTuple):
    """What a person asks for. edition: an id or how it begins; None: the only one that can be meant."""

    as_of: date
    edition: str | None
    who: str
    reason: str


def promote_edition(home: AnyPath, asked: Asked) -> Promotion:
    """Publish the edition's table for its date, point live.json at it, and say so in the ledger.

    Editions published for later dates are set aside: readable under their dates, built on no more. Again
    is the same. Refused where the edition is not there, could be several, or is not as it was sealed;
    Conflict where another run publishes the date at this moment.
    """
    check_words(asked)
    found = find_edition(home, asked.as_of, asked.edition)
    damage = [f"{name}: {what}" for name, what in check_sums(_folder(home, found))]
    if damage:
        raise Refused(
            "damaged-edition", f"edition {found.edition} is not as it was sealed: {'; '.join(damage[:3])}"
        )
    before = read_pointer(home)
    later = find_later(home, asked.as_of)
    set_aside = tuple(day for day, edition in later.items() if edition not in before.set_aside)
    is_live = before.live == (asked.as_of, found.edition) and found.state == "published" and not set_aside
    promoted = Promotion(
        name=home.name,
        as_of=found.as_of,
        edition=found.edition,
        outcome="already-live" if is_live else "promoted",
        who=asked.who,
        reason=asked.reason,
        was_live=before.live,
        set_aside=set_aside,
        k=found.manifest.k,
        customers=found.manifest.rows.customers,
        segments_path=str(published_path(home, found.as_of)),
        report_path=str(_folder(home, found) / "report.html"),
    )
    if not is_live:
        _put_live(home, found)
        _record(home, promoted, found)
        hindered = refresh_index(home)
        promoted = promoted.model_copy(update={"warnings": (hindered,) if hindered else ()})
    return promoted


def find_later(home: AnyPath, as_of: date) -> dict[date, str]:
    """Editions published for dates after this one."""
    days = [day for day in published_dates(home) if day > as_of]
    return {day: edition for day in days if (edition := published_edition(home, day))}


def check_words(asked: Asked) -> None:
    """Refuse a name or reason that the ledger and the history could not show as one line."""
    for what, text, longest in (
        ("who", asked.who, LONGEST_NAME),
        ("reason", asked.reason, LONGEST_REASON),
    ):
        if len(text) > longest or not (text.isprintable() and (text.strip() or what == "reason")):
            raise Refused(what, f"{what} must be one line of text of at most {longest} characters")


def _folder(home: AnyPath, found: Edition) -> AnyPath:
    return edition_folder(home, found.as_of, found.edition)


def _put_live(home: AnyPath, found: Edition) -> None:
    """The table first: a crash in between leaves the old edition live, and again is right."""

    def move(pointer: Pointer) -> Pointer:
        return pointer.promote(found.as_of, found.edition, find_later(home, found.as_of).values())

    if isinstance(home, ObjectPath):
        _publish_object(home, found)
        move_live_object(home, move)
        return
    with lock(home / LOCK):
        staging = home / ".staging"
        staging.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=staging, prefix="promote-") as scratch:
            folder = edition_folder(home, found.as_of, found.edition)
            publish_table(folder, published_path(home, found.as_of), Path(scratch))
        write_durably(home / LIVE, move(read_pointer(home)).to_json())


def _publish_object(home: ObjectPath, found: Edition) -> None:
    table = published_path(home, found.as_of)
    version = table.version()
    if published_edition(home, found.as_of) == found.edition:
        return
    with tempfile.TemporaryDirectory() as scratch:
        copy = (edition_folder(home, found.as_of, found.edition) / SEGMENTS).fetch(Path(scratch))
        try:
            table.put(copy, replaces=version, create=version is None)
        except Changed:
            raise Conflict(
                f"another run published {found.as_of} meanwhile; look, and promote again"
            ) from None


def _record(home: AnyPath, promoted: Promotion, found: Edition) -> None:
    facts = promoted.model_dump(mode="json", include={"edition", "k", "who", "was_live", "set_aside"})
    manifest = found.manifest.model_dump(include={"rows", "sizes"})
    reasons = [f"by {promoted.who}" + (f": {promoted.reason}" if promoted.reason else "")]
    add_row(home, promoted.as_of, "promoted", {**facts, **manifest, "reasons": reasons})
