"""Erasing customers from a segmentation's store: the order of its steps, and what a kill between them leaves.

The hashes of the ids are recorded first, as a pending erasure, and nights are refused while one is pending.
Then every edition is rewritten, one after the other. Running the command again completes what was killed.
Searching and rewriting one edition is in editions.py. docs/decisions/0032-erasing.md
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import pyarrow as pa

from schemas.erasure import ErasureSummary
from schemas.manifest import EditionRef
from schemas.wording import format_count
from segmentation.erasing.editions import (
    EditionRows,
    complete_erasure,
    rewrite_edition,
)
from segmentation.erasing.matching import ErasedCustomers
from segmentation.erasing.published_tables import publish_rewritten, rewrite_orphan
from segmentation.erasing.requests import ErasureRequest
from segmentation.erasing.searching import Progress, SearchResult, search_store, summarise_search
from segmentation.erasing.stage_files import list_folders, remove_stage_files
from segmentation.errors import Conflict, Refused
from segmentation.store.dates import list_edition_refs
from segmentation.store.erasures import ERASED, ERASING, describe_intent, record_erasure
from segmentation.store.files.exchange import exchange_folders, restore_replaced
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.permissions import PRIVATE_FOLDER, create_folder
from segmentation.store.files.rewriting import rewrite
from segmentation.store.files.scratch import scratch_folder
from segmentation.store.layout import SUMS
from segmentation.store.ledger import add_row, ledger_path, read_row, replace_row
from segmentation.store.runs.staging import STAGING
from segmentation.store.tombstones import (
    ERASURE_PREFIX,
    TOMBSTONES_FILE,
    ErasureIntent,
    Tombstones,
    create_tombstones,
    fingerprint_tombstones,
    read_tombstones,
)

ERASE_LOCK = ".erase.lock"


def plan_erasure(home: AnyPath, request: ErasureRequest, progress: Progress) -> ErasureSummary:
    """What an erasure would do. Refused if it cannot be done, for instance since an edition is damaged."""
    findings = search_store(home, list_edition_refs(home), _draft(home, request).customers, progress)
    folders = len(list_folders(request.work))
    return summarise_search(home, findings).model_copy(update={"stage_folders": folders})


def erase_customers(home: AnyPath, request: ErasureRequest, progress: Progress) -> ErasureSummary:
    """Erase the customers from every file. Conflict if a run or another erasure is under way."""
    with _lock_erasure(home):
        list_folders(request.work)  # a search may take minutes
        draft = _draft(home, request)
        # Before anything is recorded: what is damaged is refused while the store is as it was.
        refs = list_edition_refs(home)
        findings = search_store(home, refs, draft.customers, progress)
        folders = _begin(home, request, draft)
        added = [ref for ref in list_edition_refs(home) if ref not in refs]
        # Published during the search. From now on nights are refused.
        findings = findings.add(search_store(home, added, draft.customers, progress))
        for ref in list_edition_refs(home):
            complete_erasure(home, ref)
        for edition in findings.affected:
            progress(
                f"{edition.ref.as_of}: {edition.ref.edition}, {format_count(edition.total, 'row')} erased"
            )
            _erase_edition(home, edition, draft)
        _replace_tables(home, findings)
        _complete(home, draft)
    summary = summarise_search(home, findings).model_copy(
        update={"erasure": draft.intent.erasure, "outcome": "erased", "stage_folders": folders}
    )
    counts = {"erased_rows": summary.rows, "erased_editions": len(summary.editions)}
    _record(home, draft.intent, ERASED, counts)
    return summary


class _Draft(NamedTuple):
    """An erasure before it is recorded: the tombstones as found, and as they will be."""

    fingerprint: str | None  # what identifies the tombstones in the store
    tombstones: Tombstones
    intent: ErasureIntent
    customers: ErasedCustomers


def _draft(home: AnyPath, request: ErasureRequest) -> _Draft:
    recorded = read_tombstones(home)
    if recorded is None and not request.ids:
        raise Refused("no-ids", f"nobody has been erased from {home.name} yet: give the ids of customers")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    intent = ErasureIntent(
        erasure=uuid4().hex[:16], who=request.who, when=now, reason=request.reason, pending=True
    )
    tombstones = (recorded or create_tombstones()).add(request.ids, intent)
    # An erasure that was killed has left only hashes of its ids, and is completed together with this one.
    by_hash = not request.ids or (recorded is not None and bool(recorded.pending))
    ids = None if by_hash else pa.array(sorted(request.ids), pa.string())
    customers = ErasedCustomers(tombstones, ids, set())
    return _Draft(fingerprint_tombstones(recorded), tombstones, intent, customers)


@contextmanager
def _lock_erasure(home: AnyPath) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(home / ERASE_LOCK, wait=False))
        except BlockingIOError:
            raise _make_conflict(home) from None
        yield


def _begin(home: AnyPath, request: ErasureRequest, draft: _Draft) -> int:
    """Record the erasure as pending, and remove stage files: nights are refused from here on."""

    def record() -> bytes:
        if fingerprint_tombstones(read_tombstones(home)) != draft.fingerprint:
            raise _make_conflict(home)
        return draft.tombstones.to_json()

    # Under the lock under which a run creates its folder: from now on it finds the erasure pending.
    with lock(request.work / LOCK):
        list_folders(request.work)
        rewrite(home / TOMBSTONES_FILE, record)
        _record(home, draft.intent, ERASING, {})
        return remove_stage_files(request.work)


def _complete(home: AnyPath, draft: _Draft) -> None:
    """Record that no erasure is pending: this one has completed those that were killed."""
    with lock(home / LOCK):
        rewrite(home / TOMBSTONES_FILE, lambda: draft.tombstones.complete().to_json())
    for intent in draft.tombstones.pending:
        row = read_row(ledger_path(home, f"{ERASURE_PREFIX}{intent.erasure}"))
        if row is not None and intent != draft.intent:
            replace_row(home, {**row, "outcome": ERASED})


def _make_conflict(home: AnyPath) -> Conflict:
    return Conflict(f"another erasure of {home.name} is under way; nothing was changed. Run again after it")


def _erase_edition(home: AnyPath, edition: EditionRows, draft: _Draft) -> None:
    intent = draft.intent
    with scratch_folder(_scratch_parent(home)) as scratch:
        rewritten = rewrite_edition(home, edition, draft.customers, scratch)
        with lock(home / LOCK):
            record_erasure(home, rewritten.erasure, intent)  # before the files: a kill leaves known digests
            _put_edition(home, edition.folder, rewritten.folder)
            publish_rewritten(home, edition.ref, scratch)
            record_erasure(home, rewritten.erasure._replace(pending=False), intent)


def _put_edition(home: AnyPath, folder: AnyPath, rewritten: Path) -> None:
    """Put the rewritten files in the place of the old ones: all at once on disk, one by one in a bucket."""
    if isinstance(folder, ObjectPath):
        for path in sorted(rewritten.iterdir(), key=lambda file: (file.name == SUMS, file.name)):
            (folder / path.name).put(path)
    elif isinstance(home, Path):
        restore_replaced(home)
        exchange_folders(rewritten, folder, home)


def _replace_tables(home: AnyPath, findings: SearchResult) -> None:
    """Replace published tables that a killed erasure left, or whose editions are gone."""
    for table in findings.tables:
        if table.is_stale or table.orphan_rows:
            with scratch_folder(_scratch_parent(home)) as scratch, lock(home / LOCK):
                if table.is_stale:
                    publish_rewritten(home, EditionRef(table.as_of, table.edition), scratch)
                else:
                    rewrite_orphan(home, table.as_of, findings.customers, scratch)


def _scratch_parent(home: AnyPath) -> Path | None:
    """Where to build files: in the store, so that putting them is a rename; None for a bucket."""
    if isinstance(home, ObjectPath):
        return None
    create_folder(home / STAGING, PRIVATE_FOLDER)
    return home / STAGING


def _record(home: AnyPath, intent: ErasureIntent, outcome: str, counts: dict[str, int]) -> None:
    """Write the ledger's row of the whole erasure, next to those of its editions."""
    facts = {"run_id": f"{ERASURE_PREFIX}{intent.erasure}", "erasure": intent.erasure, "who": intent.who}
    reasons = [describe_intent(intent)]
    add_row(home, date.fromisoformat(intent.when[:10]), outcome, {**facts, "reasons": reasons, **counts})
