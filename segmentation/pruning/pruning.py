"""Pruning a segmentation: removing the editions that its retention does not keep.

An edition is recorded in the ledger before its files go, then the published table goes, then the rest, so a
kill at any moment leaves a date that is published and whole, or one that the ledger calls pruned, whose
leftovers the next pruning removes. Which dates are kept is in retention.py, removing files in
removal.py. docs/decisions/0034-pruning.md
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from config.clauses import Retention
from schemas.manifest import EditionRef
from schemas.pruning import PrunedDate, PruneSummary
from schemas.wording import list_names
from segmentation.erasing.erasure import ERASE_LOCK
from segmentation.errors import Conflict
from segmentation.pruning.removal import Removal, measure_removal, remove_date, remove_empty_folders
from segmentation.pruning.retention import NEWEST, choose_kept
from segmentation.report.index.index_refresh import refresh_index
from segmentation.store.catalogue.pruned import is_pruned, record_pruned
from segmentation.store.catalogue.published import published_edition, published_editions
from segmentation.store.dates import list_edition_refs
from segmentation.store.edition.manifests import identify_folder, try_read_manifest
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder
from segmentation.store.pointer import Pointer, read_pointer
from segmentation.store.runs.staging import STAGING, read_staged_run
from segmentation.store.runs.sweeping import sweep_store
from segmentation.store.tombstones import read_tombstones, refuse_pending

Progress = Callable[[str], None]


class PruneRequest(NamedTuple):
    """What to keep, who asks, and where runs on this machine keep their stage files."""

    retention: Retention
    who: str
    work: Path


class PrunePlan(NamedTuple):
    """What goes, oldest date first, and why the other published dates are kept."""

    removals: list[Removal]
    kept: Mapping[date, str]
    notes: tuple[str, ...] = ()


def plan_pruning(home: AnyPath, request: PruneRequest) -> PrunePlan:
    """What a pruning would remove. Refused if the store is damaged: what is needed would not be known."""
    pointer, refs = read_pointer(home), published_editions(home)
    if not refs or pointer.live is None:
        return PrunePlan([], {})
    reasons = {**choose_kept(refs, pointer, request.retention)}
    for as_of in _list_needed(refs, request.work):
        reasons.setdefault(as_of, "a run needs it")
    first = refs[-1].as_of - timedelta(days=request.retention.all_days - 1)
    published, removals, undecided = dict(refs), [], []
    for as_of, editions in sorted(_list_editions(home, published).items()):
        if as_of in reasons:
            # Without a table, the date is damaged, and nothing says which edition was replaced.
            is_old = as_of < first and as_of in published
            superfluous = [edition for edition in editions if edition != published[as_of]] if is_old else []
        elif as_of in published:
            superfluous = editions
        else:
            superfluous = [edition for edition in editions if is_pruned(home, edition)]
            undecided += [str(as_of)] if len(superfluous) < len(editions) and as_of < first else []
        if superfluous:
            whole = as_of not in reasons and len(superfluous) == len(editions)
            removals.append(Removal(as_of, tuple(superfluous), published.get(as_of), whole))
    return PrunePlan(removals, reasons, _list_notes(undecided))


def prune_editions(home: AnyPath, request: PruneRequest, progress: Progress) -> PruneSummary:
    """Remove what the retention does not keep. Killed, or run twice at once, it can be run again.

    Conflict if an erasure, which rewrites editions, is under way.
    """
    sweep_store(home.parent)  # what a killed pruning had moved out of the way
    with _without_erasure(home):
        plan = plan_pruning(home, request)
        pruned = []
        for removal in plan.removals:
            if (entry := _remove(home, removal, request)) is not None:
                progress(f"{entry.as_of}: {list_names(entry.editions)} removed")
                pruned.append(entry)
        with lock(home / LOCK):
            remove_empty_folders(home)
    warning = refresh_index(home)
    notes = (*plan.notes, *([warning] if warning else []))
    outcome = "pruned" if pruned else "nothing"
    return _summarise(home, request, plan, tuple(pruned)).model_copy(
        update={"outcome": outcome, "notes": notes}
    )


def rehearse_pruning(home: AnyPath, request: PruneRequest) -> PruneSummary:
    """What prune_editions would do; nothing is changed."""
    plan = plan_pruning(home, request)
    entries = tuple(_describe(removal, measure_removal(home, removal)) for removal in plan.removals)
    return _summarise(home, request, plan, entries)


def _summarise(
    home: AnyPath, request: PruneRequest, plan: PrunePlan, dates: tuple[PrunedDate, ...]
) -> PruneSummary:
    return PruneSummary(
        name=home.name,
        outcome="dry-run",
        retention=request.retention,
        dates=dates,
        kept=dict(Counter(plan.kept.values())),
        notes=plan.notes,
    )


def _describe(removal: Removal, size: int) -> PrunedDate:
    return PrunedDate(
        as_of=removal.as_of, editions=removal.editions, whole_date=removal.whole_date, bytes=size
    )


def _list_notes(undecided: list[str]) -> tuple[str, ...]:
    if not undecided:
        return ()
    return (
        f"kept, because nobody has decided on them: the editions of {list_names(undecided)}, whose dates "
        "are not published; promote or remove them",
    )


def _list_editions(home: AnyPath, published: Mapping[date, str]) -> dict[date, list[str]]:
    """Editions by date: those with a folder, and those that only a published table names."""
    editions: dict[date, list[str]] = {as_of: [edition] for as_of, edition in published.items()}
    for ref in list_edition_refs(home):
        # Another date's edition may have been moved there, and be the only copy of what must stay.
        if identify_folder(edition_folder(home, *ref)) in (ref, None):
            names = editions.setdefault(ref.as_of, [])
            names += [ref.edition] if ref.edition not in names else []
    return {as_of: sorted(names) for as_of, names in editions.items()}


def _list_needed(refs: list[EditionRef], work: Path) -> Iterator[date]:
    """Dates that runs build on, which are under way or may be retried on this machine."""
    for folder in (work / STAGING).glob("*/"):
        run = read_staged_run(folder)
        if run is not None:
            as_of = date.fromisoformat(run.as_of)
            yield from [ref.as_of for ref in refs if ref.as_of <= as_of][-NEWEST - 1 :]


@contextmanager
def _without_erasure(home: AnyPath) -> Iterator[None]:
    refuse_pending(home, read_tombstones(home))
    with ExitStack() as stack:
        try:
            stack.enter_context(lock(home / ERASE_LOCK, wait=False))
        except BlockingIOError:
            raise Conflict(
                f"an erasure or another pruning of {home.name} is under way; nothing was removed. Run again "
                "after it"
            ) from None
        yield


def _remove(home: AnyPath, removal: Removal, request: PruneRequest) -> PrunedDate | None:
    """Remove the editions of a date; None if the date has changed since the plan was made."""

    def begin() -> bool:
        if not _is_current(read_pointer(home), removal, published_edition(home, removal.as_of)):
            return False
        for edition in removal.editions:
            _record(home, EditionRef(removal.as_of, edition), removal, request)
        return True

    # Under the lock of nights and promotions. Each date on its own: they do not wait for the others.
    with lock(home / LOCK):
        size = measure_removal(home, removal)
        is_removed = remove_date(home, removal, begin)
    return _describe(removal, size) if is_removed else None


def _is_current(pointer: Pointer, removal: Removal, published: str | None) -> bool:
    is_live = pointer.live is None or pointer.live.as_of <= removal.as_of
    return published == removal.published and not (removal.whole_date and is_live)


def _record(home: AnyPath, ref: EditionRef, removal: Removal, request: PruneRequest) -> None:
    days, months = request.retention.all_days, request.retention.month_ends
    ends = "month ends" if months is None else f"{months} month ends"
    reason = f"by {request.who}: the retention keeps {days} days and {ends}"
    manifest = try_read_manifest(edition_folder(home, *ref))
    facts = {"who": request.who, "reasons": [reason], "whole_date": removal.whole_date}
    record_pruned(home, ref, manifest, facts)
