"""The ledger: one row per run, kept forever. Clock times, host and paths are here and nowhere else.

A row is written when a run begins and replaced when it ends, so a killed run is still `begun`. An
edition's facts are in its manifest.json.
"""

import json
import os
import platform
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

from schemas.ledger_row import LedgerRow
from schemas.night import Night
from segmentation.errors import DamagedFile, Refused
from segmentation.store.edition.source_digest import read_checkout_commit
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_audit, parse_json, read_small_file
from segmentation.store.layout import VERSION, Home, get_home, join_path

# Outcomes of rows that say nothing about whether their date was published.
_OTHER_ACTS = frozenset({"compared", "validated", "repaired", "erased", "erasing", "pruned"})

# Outcomes of rows whose edition was published for their date, at that time or before.
PUBLISHING = frozenset({"published", "already-published", "promoted"})

SUPERSEDED = "superseded_editions"  # in rows of what a person decided: all that is superseded from then on
MAX_WHO, MAX_REASON = 100, 500  # characters
_ACTS = ("erased-", "erasure-", "pruned-")  # the names of their rows' files


class Ledger(NamedTuple):
    """The rows, oldest first, and the names of the files that cannot be read."""

    rows: list[dict[str, Any]]
    unreadable: list[str]


def ledger_path(home: Home, run_id: str) -> Home:
    """The file with one run's row."""
    return join_path(home, "ledger", f"{run_id}.json")


def check_author(who: str, reason: str = "") -> None:
    """Refuse a name or reason that the ledger and the history could not show as one line."""
    for field, text, longest in (("who", who, MAX_WHO), ("reason", reason, MAX_REASON)):
        if len(text) > longest or not (text.isprintable() and (text.strip() or field == "reason")):
            raise Refused(field, f"{field} must be one line of text of at most {longest} characters")


def begin_row(night: Night) -> None:
    """Write the row of a run that begins. A retry of the same run keeps its first `began`."""
    earlier = read_own_row(get_home(night), night.run_id)
    row = {
        "run_id": night.run_id,
        "segmentation": night.definition.name,
        "as_of": str(night.as_of),
        "began": earlier.get("began", _now()),
        "ended": None,
        "outcome": "begun",
        "tries": earlier.get("tries", 0) + 1,
        "host": platform.node(),
        "process": os.getpid(),
        "version": VERSION,
        "commit": read_checkout_commit(),
        "source": night.source or night.definition.source.path or night.definition.source.sample,
        "force": night.force,
        **({"accept_new_ids": True} if night.accept_new_ids else {}),
        "parent_run_id": night.parent,
        "refusals": night.attempt,
    }
    _put_row(get_home(night), row)


def end_row(night: Night, outcome: str, facts: dict[str, Any]) -> None:
    """Complete the row of this run with its outcome and facts, such as edition, k or the reason."""
    row = {"run_id": night.run_id, **read_own_row(get_home(night), night.run_id)}
    _put_row(get_home(night), {**row, **facts, "ended": _now(), "outcome": outcome})


def replace_row(home: AnyPath, row: dict[str, Any]) -> None:
    """Complete the row of a run that could not do so itself: it ends now, if the row has no time."""
    _put_row(home, {**row, "ended": row.get("ended") or _now()})


def add_row(home: AnyPath, as_of: date, outcome: str, facts: dict[str, Any]) -> None:
    """Write a row for something that is not a run, such as a promotion."""
    run_id, moment = str(uuid4()), _now()
    if SUPERSEDED in facts:
        # The last decision counts, also after a clock was set back.
        moment = max(moment, _follow_decisions(home))
    row = {
        "run_id": run_id,
        "segmentation": home.name,
        "as_of": str(as_of),
        "began": moment,
        "ended": moment,
        "outcome": outcome,
        "host": platform.node(),
        "version": VERSION,
        **facts,
    }
    _put_row(home, row)


def _follow_decisions(home: AnyPath) -> str:
    """The first moment after all decisions in the ledger; empty without any."""
    began = [row["began"] for row in read_rows(home) if SUPERSEDED in row and row.get("began")]
    try:
        latest = datetime.fromisoformat(max(began, default="")) + timedelta(milliseconds=1)
    except (ValueError, OverflowError):  # without any, or not a time
        return ""
    return latest.isoformat(timespec="milliseconds")


def withdraw_row(home: AnyPath, run_id: str) -> None:
    """Say in a row of add_row, if there is one, that what it records has failed."""
    row = read_own_row(home, run_id)
    row.pop(SUPERSEDED, None)
    if row:
        _put_row(home, {**row, "outcome": "failed"})


def read_ledger(home: AnyPath) -> Ledger:
    """All rows, oldest first, and what cannot be read."""
    rows, unreadable = [], []
    paths: list[AnyPath] = sorted((home / "ledger").glob("*.json"), key=str)
    for path in paths:
        try:
            row = read_row(path)
        except DamagedFile:
            unreadable.append(path.name)
        else:
            rows += [row] if row else []  # without one: removed in the meantime
    rows.sort(key=lambda row: (row.get("began", ""), row["run_id"]))
    return Ledger(rows, unreadable)


def read_rows(home: AnyPath) -> list[dict[str, Any]]:
    """All rows, oldest first, without those that cannot be read, which audit reports."""
    return read_ledger(home).rows


def read_nights(home: AnyPath) -> list[dict[str, Any]]:
    """The rows of runs meant to publish their date and of promotions, oldest first."""
    return [row for row in read_rows(home) if row.get("outcome") not in _OTHER_ACTS]


def read_recent_rows(home: Path, limit: int = 20) -> Iterator[dict[str, Any]]:
    """The runs' rows written last, newest first, without those that cannot be read. Not for a bucket."""
    # An erasure or a pruning writes hundreds of rows at once.
    runs = (path for path in (home / "ledger").glob("*.json") if not path.name.startswith(_ACTS))
    paths = sorted(runs, key=lambda path: path.stat().st_mtime)
    for path in reversed(paths[-limit:]):
        with suppress(DamagedFile):
            if row := read_row(path):
                yield row


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def list_run_ids(home: AnyPath, prefix: str) -> Iterator[str]:
    """The ids of rows that begin with this, found by the names of their files."""
    for path in (home / "ledger").glob(f"{prefix}*.json"):
        yield path.name.removesuffix(".json")


def read_row(path: AnyPath) -> dict[str, Any] | None:
    """The row in a file; None without the file. Refused if it is damaged."""
    return read_small_file(path, _parse_row, "a row of the ledger", advise_audit(path.parent.parent))


def _parse_row(content: bytes) -> dict[str, Any]:
    row = parse_json(content)
    LedgerRow.model_validate(row)
    return row


def read_own_row(home: AnyPath, run_id: str) -> dict[str, Any]:
    """A run's row; empty if it is missing or damaged, since the run is about to write it whole."""
    try:
        return read_row(ledger_path(home, run_id)) or {}
    except DamagedFile:
        return {}


def _put_row(home: AnyPath, row: dict[str, Any]) -> None:
    # A file per run: parallel runs never write the same one, so the ledger needs no lock.
    content = json.dumps(row, indent=1, sort_keys=True).encode() + b"\n"
    write_durably(ledger_path(home, row["run_id"]), content)
