"""Two publishers, one date: what to check before a commit, and where live.json points after it.

Both kinds of commit use it: commit.py under the lock, object_commit.py by conditional puts.
"""

from datetime import date

from schemas.manifest import EditionRef
from schemas.rows import EditionKey
from segmentation.errors import Conflict
from segmentation.store.catalogue.published import readable_edition, replaced_edition
from segmentation.store.dates import published_dates
from segmentation.store.files.objects import AnyPath
from segmentation.store.pointer import Pointer, read_pointer


def check_race(home: AnyPath, as_of: date, key: EditionKey) -> None:
    """Raise Conflict if the store is no longer as the run found it when it began.

    Either the date has another edition (and not this very one), or a promotion has superseded the previous
    edition.
    """
    edition = replaced_edition(home, as_of)
    if edition not in (key.replaces, key.edition):
        raise conflict_error(as_of, key, edition)
    if key.previous in read_pointer(home).superseded:
        raise Conflict(
            f"edition {key.previous} of {key.previous_as_of}, on which this run builds, was superseded "
            "by a promotion during the run; nothing was changed. Run again to build on the promoted edition"
        )


def conflict_error(as_of: date, key: EditionKey, edition: str | None) -> Conflict:
    """The error when a date no longer has the edition that it had when the run began."""
    return Conflict(
        f"{as_of} had edition {key.replaces or 'none'} when this run began and has {edition or 'none'} now: "
        "another run published it; nothing was changed. Run again to build on it"
    )


def advance_pointer(home: AnyPath, as_of: date, edition: str) -> Pointer | None:
    """The new pointer after this edition was published; None if it stays where it is.

    If live.json is lost, the newest published date that is not superseded becomes the live one.
    """
    pointer = read_pointer(home)
    live = EditionRef(as_of, edition)
    if pointer.live is None:
        later = [day for day in published_dates(home) if day > as_of]
        refs = [EditionRef(day, newest) for day in later if (newest := readable_edition(home, day))]
        live = [live, *(ref for ref in refs if ref.edition not in pointer.superseded)][-1]
    return pointer.advance(live)
