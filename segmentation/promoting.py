"""Promoting an edition: a person puts a held edition live, or an earlier one again.

Later nights build on it: segmentation/store/catalogue/preceding.py. Publishing a night is in
segmentation/store/publication/commit.py.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import date
from typing import NamedTuple
from uuid import uuid4

from schemas.manifest import EditionRef
from schemas.promotion import Promotion
from segmentation.errors import Conflict, Refused, ResegmentError
from segmentation.report.index.index_refresh import refresh_index
from segmentation.store.catalogue.editions import Edition, resolve_edition
from segmentation.store.catalogue.published import published_editions, replaced_edition
from segmentation.store.erasures import refuse_erased_rows
from segmentation.store.files.buckets import ObjectChanged
from segmentation.store.files.durable import write_durably
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.files.scratch import scratch_folder
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.ledger import SUPERSEDED, add_row, check_author, withdraw_row
from segmentation.store.pointer import LIVE, Pointer, read_pointer
from segmentation.store.publication.commit import publish_table
from segmentation.store.publication.object_commit import move_live_object
from segmentation.store.repair.audited_editions import check_sums
from segmentation.store.runs.staging import STAGING
from segmentation.store.runs.sweeping import sweep_store
from segmentation.store.tombstones import read_tombstones, refuse_pending


class PromotionRequest(NamedTuple):
    """A promotion as requested. edition: an id or its first characters; None if the date has only one."""

    as_of: date
    edition: str | None
    who: str
    reason: str


def promote_edition(home: AnyPath, request: PromotionRequest) -> Promotion:
    """Publish the edition's table for its date, point live.json at it, and record it in the ledger.

    Editions published for later dates are superseded: still readable under their dates, but no run builds
    on them. Promoting twice changes nothing. Refused if the edition is missing, ambiguous or damaged,
    Conflict if another run publishes the date at this moment.
    """
    check_author(request.who, request.reason)
    refuse_pending(home, read_tombstones(home))
    sweep_store(home.parent)
    edition = resolve_edition(home, request.as_of, request.edition)
    check_intact(home, edition)
    refuse_erased_rows(home, EditionRef(edition.as_of, edition.edition))
    promotion = _describe_promotion(home, edition, request)
    if promotion.outcome == "already-live":
        return promotion
    run_id = str(uuid4())
    try:
        _put_live(home, edition, lambda pointer: _record(home, promotion, edition, pointer, run_id))
    except (OSError, ResegmentError):
        with suppress(OSError, ResegmentError):
            _withdraw(home, edition, run_id)
        raise
    warning = refresh_index(home)
    return promotion.model_copy(update={"warnings": (warning,)}) if warning else promotion


def check_intact(home: AnyPath, edition: Edition) -> None:
    """Refuse an edition with a file that is missing, added or damaged."""
    problems = [f"{file.name}: {file.problem}" for file in check_sums(_folder(home, edition))]
    if problems:
        raise Refused(
            "damaged-edition", f"edition {edition.edition} is not as it was sealed: {'; '.join(problems[:3])}"
        )


def list_later(home: AnyPath, as_of: date) -> list[EditionRef]:
    """Editions published for dates after as_of."""
    return [ref for ref in published_editions(home) if ref.as_of > as_of]


def _describe_promotion(home: AnyPath, edition: Edition, request: PromotionRequest) -> Promotion:
    pointer = read_pointer(home)
    superseded = _dates_to_supersede(pointer, list_later(home, request.as_of))
    is_live = pointer.live == EditionRef(edition.as_of, edition.edition) and edition.state == "published"
    return Promotion(
        name=home.name,
        as_of=edition.as_of,
        edition=edition.edition,
        outcome="already-live" if is_live and not superseded else "promoted",
        who=request.who,
        reason=request.reason,
        previous_live=pointer.live,
        superseded=superseded,
        k=edition.manifest.k,
        customers=edition.manifest.rows.customers,
        segments_path=str(published_path(home, edition.as_of)),
        report_path=str(_folder(home, edition) / "report.html"),
    )


def _dates_to_supersede(pointer: Pointer, later: Iterable[EditionRef]) -> tuple[date, ...]:
    return tuple(ref.as_of for ref in later if ref.edition not in pointer.superseded)


def _folder(home: AnyPath, edition: Edition) -> AnyPath:
    return edition_folder(home, edition.as_of, edition.edition)


def _put_live(home: AnyPath, edition: Edition, record: Callable[[Pointer], None]) -> None:
    """The table first: after a crash in between, the old edition is live and promoting again works."""

    def move(pointer: Pointer) -> Pointer:
        later = [ref.edition for ref in list_later(home, edition.as_of)]
        promoted = pointer.promote(EditionRef(edition.as_of, edition.edition), later)
        # Before live.json, which can be rebuilt from the ledger and not the other way round.
        record(promoted)
        return promoted

    if isinstance(home, ObjectPath):
        _publish_object(home, edition)
        move_live_object(home, move)
        return
    with lock(home / LOCK):
        with scratch_folder(home / STAGING) as scratch:
            folder = edition_folder(home, edition.as_of, edition.edition)
            if not folder.is_dir():
                raise Conflict(f"edition {edition.edition} was pruned at this moment; nothing was changed")
            publish_table(folder, published_path(home, edition.as_of), scratch)
        write_durably(home / LIVE, move(read_pointer(home)).to_json())


def _publish_object(home: ObjectPath, edition: Edition) -> None:
    table = published_path(home, edition.as_of)
    version = table.version()
    if replaced_edition(home, edition.as_of) == edition.edition:
        return
    with scratch_folder() as scratch:
        copy = (edition_folder(home, edition.as_of, edition.edition) / SEGMENTS).fetch(scratch)
        try:
            table.put(copy, replaces=version, create=version is None)
        except ObjectChanged:
            raise Conflict(
                f"another run published {edition.as_of} at the same time; check it, and promote again"
            ) from None


def _withdraw(home: AnyPath, edition: Edition, run_id: str) -> None:
    """Correct the row of a promotion that failed, unless it has reached live.json all the same."""
    if read_pointer(home).live != EditionRef(edition.as_of, edition.edition):
        withdraw_row(home, run_id)


def _record(home: AnyPath, promotion: Promotion, edition: Edition, pointer: Pointer, run_id: str) -> None:
    fields = {"edition", "k", "who", "previous_live", "superseded"}
    facts = promotion.model_dump(mode="json", include=fields)
    counts = edition.manifest.model_dump(include={"rows", "sizes"})
    reason = f"by {promotion.who}" + (f": {promotion.reason}" if promotion.reason else "")
    facts |= {"run_id": run_id, "reasons": [reason], SUPERSEDED: sorted(pointer.superseded)}
    add_row(home, promotion.as_of, "promoted", {**facts, **counts})
