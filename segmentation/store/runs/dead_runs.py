"""Rows of the ledger that say `begun` although their process is dead: completed once their date is settled.

Rows of living runs are written in ledger.py. The lock on a run's stage files shows whether it is alive.
"""

import platform
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from schemas.manifest import Manifest
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.ledger import read_nights, replace_row
from segmentation.store.runs.staging import STAGING

_DIED = "its process ended before it could record how"


def describe_manifest(manifest: Manifest) -> dict[str, Any]:
    """What a row says about its edition, from the edition's manifest."""
    names = {
        "edition",
        "rows",
        "versions",
        "k",
        "how",
        "why",
        "inertia",
        "drift",
        "sizes",
        "churn",
        "code",
        "environment",
        "ids_before",
    }
    return manifest.model_dump(include=names)


def complete_dead_rows(home: AnyPath, workplace: Path, as_of: date, manifest: Manifest) -> int:
    """Complete the rows of dead runs of a date that has this edition. Returns how many.

    workplace: the local folder with the stage files. If no row says that it made the edition, the last of
    the dead runs did; the others have failed.
    """
    rows = [row for row in read_nights(home) if row.get("as_of") == str(as_of)]
    # Whether a run of another machine lives shows only where they share stage files.
    dead = [row for row in rows if row.get("outcome") == "begun" and not _is_alive(row, home, workplace)]
    publication = (manifest.decision, manifest.edition)
    has_row = any((row.get("outcome"), row.get("edition")) == publication for row in rows)
    for row in reversed(dead):
        outcome = {"outcome": "failed", "reasons": [_DIED]}
        if not has_row:
            outcome = {
                "outcome": manifest.decision,
                **describe_manifest(manifest),
                "reasons": manifest.reasons,
            }
            has_row = True
        replace_row(home, {**row, **outcome, "completed_later": True})
    return len(dead)


def has_made(home: AnyPath, run_id: str, as_of: date, edition: str) -> bool:
    """Did an earlier attempt of this run publish the edition, and die before it could say so?"""
    rows = [row for row in read_nights(home) if row.get("as_of") == str(as_of)]
    own_row = next((row for row in rows if row["run_id"] == run_id), {})
    is_recorded = any((row.get("outcome"), row.get("edition")) == ("published", edition) for row in rows)
    return own_row.get("tries", 0) > 1 and not is_recorded


def _is_alive(row: dict[str, Any], home: AnyPath, workplace: Path) -> bool:
    if isinstance(home, ObjectPath) and row.get("host") != platform.node():
        return True
    folder = workplace / STAGING / str(row["run_id"])
    if not folder.is_dir():
        return False
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(folder / LOCK, wait=False))
        except OSError:
            return True
    return False
