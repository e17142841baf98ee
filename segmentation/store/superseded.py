"""Which editions promotions have superseded, from the ledger: what live.json can be rebuilt from.

A promotion's row lists all superseded editions from then on. Rows of versions before 0.4 list dates only: the
edition is then the one that the ledger had for the date.
"""

from collections.abc import Sequence
from typing import Any

from segmentation.store.dates import published_dates
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_repair, damaged
from segmentation.store.ledger import PUBLISHING, SUPERSEDED, Ledger, read_ledger


def look_up_superseded(home: AnyPath) -> frozenset[str]:
    """The superseded editions according to the ledger. Refused if it cannot say."""
    dates = published_dates(home)
    if not dates:
        return frozenset()
    ledger = read_ledger(home)
    superseded = replay_promotions(home, ledger.rows)
    doubts = list_doubts(home, ledger, superseded)
    if superseded is None or doubts:
        raise damaged(
            home / "live.json", f"is missing, and {doubts[0]}", "the live edition", advise_repair(home)
        )
    return superseded


def list_doubts(home: AnyPath, ledger: Ledger, superseded: frozenset[str] | None) -> list[str]:
    """Why a promotion may be missing from the rows, in words; empty if they are complete.

    superseded: what replay_promotions made of the rows.
    """
    doubts = []
    if ledger.unreadable:
        doubts.append(f"rows of the ledger cannot be read: {', '.join(ledger.unreadable[:3])}")
    # With a single date, no other can have been promoted over it.
    dates = published_dates(home)
    if len(dates) > 1 and (unrecorded := {*map(str, dates)} - {row.get("as_of") for row in ledger.rows}):
        doubts.append(f"the ledger has no row for {min(unrecorded)}, which is published")
    if superseded is None:
        doubts.append("the ledger does not say which editions a promotion superseded")
    return doubts


def replay_promotions(home: AnyPath, rows: Sequence[dict[str, Any]]) -> frozenset[str] | None:
    """The superseded editions after these rows; None if a row of an earlier version does not tell."""
    superseded = frozenset[str]()
    for position, row in enumerate(rows):
        if row.get(SUPERSEDED) is not None:
            superseded = frozenset(row[SUPERSEDED])
        elif row.get("outcome") == "promoted":
            added = [_look_up_edition(home, day, rows[:position]) for day in row.get("set_aside", [])]
            if None in added:
                return None
            superseded = frozenset({*superseded, *filter(None, added)} - {row.get("edition")})
    return superseded


def _look_up_edition(home: AnyPath, day: str, rows: Sequence[dict[str, Any]]) -> str | None:
    """The edition that was published for a date after these rows; None if it is not certain."""
    editions = [
        str(row["edition"])
        for row in rows
        if row.get("as_of") == day and row.get("outcome") in PUBLISHING and row.get("edition")
    ]
    # A run that was killed after its commit left no edition in its row.
    folders = editions[-1:] or [path.name for path in (home / "editions").glob(f"{day}/*")]
    return folders[0] if len(folders) == 1 else None
