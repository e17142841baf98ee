"""Repairing a segmentation: what audit finds and the rest of the store can rebuild.

Every action is in the ledger and replaces one file in one step, so a repair that was killed can be repeated.
What cannot be rebuilt with certainty is left to a person. Finding damage is in audit.py.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from schemas.manifest import EditionRef
from segmentation.errors import DamagedFile, Refused
from segmentation.store.catalogue.live_state import compute_live
from segmentation.store.dates import list_edition_refs, published_dates
from segmentation.store.earlier_ids import IssuedIds, search_issued_ids
from segmentation.store.edition.sealed_files import read_sealed_digests
from segmentation.store.files.durable import write_durably
from segmentation.store.files.exchange import recover_replaced
from segmentation.store.files.locking import LOCK, lock
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.rewriting import rewrite
from segmentation.store.issued_ids import IDS_FILE, read_issued_ids
from segmentation.store.layout import SUMS, edition_folder
from segmentation.store.ledger import SUPERSEDED, add_row, read_rows
from segmentation.store.pointer import LIVE
from segmentation.store.repair.audit import audit_store
from segmentation.store.repair.damage import Damage, Repair
from segmentation.store.repair.resealing import compute_sums
from segmentation.store.repair.restoring import restore_table
from segmentation.store.runs.sweeping import sweep_store
from segmentation.store.typed_inputs import format_typed_inputs, list_recorded_inputs, typed_inputs_path

_ROUNDS = 4  # SHA256SUMS first, then a table that it vouches for; and one that finds nothing more


class RepairRequest(NamedTuple):
    """A repair as requested. live: a date that a person chose to be live."""

    who: str
    live: date | None = None


class RepairResult(NamedTuple):
    """What was done, in words, and the damage that is left to a person."""

    actions: list[str]
    left: list[Damage]


def repair_store(home: AnyPath, request: RepairRequest) -> RepairResult:
    """Repair what can be rebuilt with certainty. Doing it again does nothing more.

    Refused if the chosen date is not published.
    """
    actions = _put_back(home, request)
    sweep_store(home.parent)  # after it: sweeping puts editions back as well, and does not say so
    if request.live is not None:
        check_choice(home, request.live)
        actions.append(_repair_live(home, request))
    for _ in range(_ROUNDS):
        damage = audit_store(home).damage
        repairs = sorted(
            (entry for entry in damage if entry.repair), key=lambda entry: [*Repair].index(entry.repair)
        )
        completed = [action for entry in repairs if (action := _repair(home, entry, request))]
        actions += completed
        if not completed:
            break
    return RepairResult([action for action in actions if action], damage)


def _put_back(home: AnyPath, request: RepairRequest) -> list[str]:
    """Put back editions that a crash took away while they were replaced."""
    actions = []
    for name in recover_replaced(home) if isinstance(home, Path) else []:
        actions.append(f"put back editions/{name}, which a crash had taken away")
        day, edition = name.split("/")
        _record(home, date.fromisoformat(day), request, actions[-1], {"edition": edition})
    return actions


def check_choice(home: AnyPath, as_of: date) -> None:
    """Refuse a live date that is not published."""
    if as_of not in published_dates(home):
        raise Refused("live", f"{as_of} is not published; expected a date that has a published table")


def _repair(home: AnyPath, damage: Damage, request: RepairRequest) -> str:
    """Repair one file. Returns what was done, empty if it was repaired already or cannot be."""
    small_files: dict[Repair | None, Callable[[AnyPath, RepairRequest], str]] = {
        Repair.LIVE: _repair_live,
        Repair.IDS: _repair_ids,
    }
    try:
        if damage.repair in small_files:
            return small_files[damage.repair](home, request)
        if damage.as_of is None or damage.edition is None:
            return ""
        ref = EditionRef(damage.as_of, damage.edition)
        if damage.repair is Repair.TABLE:
            digests = read_sealed_digests(edition_folder(home, *ref))
            return restore_table(home, ref, digests, request.who, hashes_both=True).repair
        rebuild = _repair_sums if damage.repair is Repair.SUMS else _repair_inputs
        return rebuild(home, ref, request)
    except DamagedFile:
        return ""  # something that it needs is damaged too, which the next audit says


def _repair_live(home: AnyPath, request: RepairRequest) -> str:
    action = ""

    def change() -> bytes | None:
        nonlocal action
        state = compute_live(home, request.live)
        live = state.pointer.live if state.pointer else None
        if state.pointer is None or live is None:
            return None
        superseded = state.pointer.superseded
        action = f"{LIVE} names {live.as_of}, edition {live.edition}"
        action += f", and {len(superseded)} superseded" if superseded else ""
        facts = {"edition": live.edition, SUPERSEDED: sorted(superseded)}
        # Before live.json, which can be rebuilt from the ledger and not the other way round.
        _record(home, live.as_of, request, action, facts)
        return state.pointer.to_json()

    with lock(home / LOCK):
        rewrite(home / LIVE, change)
    return action


def _repair_ids(home: AnyPath, request: RepairRequest) -> str:
    action = ""

    def change() -> bytes | None:
        nonlocal action
        earlier = search_issued_ids(home)
        if earlier.unreadable:
            return None
        try:
            current = read_issued_ids(home) or IssuedIds(0, {})
        except DamagedFile:
            current = IssuedIds(0, {})
        total = max(current.total, earlier.issued.total)
        issued = IssuedIds(total, {**current.editions, **earlier.issued.editions})
        action = f"{IDS_FILE} says that {total} ids were given"
        _record(home, _get_day(home), request, action, {"ids_given": total})
        return issued.to_json()

    with lock(home / LOCK):
        rewrite(home / IDS_FILE, change)
    return action


def _repair_sums(home: AnyPath, ref: EditionRef, request: RepairRequest) -> str:
    with lock(home / LOCK):
        content = compute_sums(home, ref)
        if content is None:
            return ""
        action = f"{SUMS} of edition {ref.edition} of {ref.as_of} is written again"
        _record(home, ref.as_of, request, action, {"edition": ref.edition})
        write_durably(edition_folder(home, *ref) / SUMS, content)
    return action


def _repair_inputs(home: AnyPath, ref: EditionRef, request: RepairRequest) -> str:
    digests = list_recorded_inputs(home, ref)
    if not digests:
        return ""
    action = f"the list of input files of edition {ref.edition} of {ref.as_of} is written again"
    _record(home, ref.as_of, request, action, {"edition": ref.edition})
    write_durably(typed_inputs_path(home, ref), format_typed_inputs(digests))
    return action


def _record(home: AnyPath, as_of: date, request: RepairRequest, action: str, facts: dict[str, Any]) -> None:
    reasons = [f"by {request.who}: {action}"]
    add_row(home, as_of, "repaired", {"who": request.who, "reasons": reasons, **facts})


def _get_day(home: AnyPath) -> date:
    """A date for a row that is about all of them: the newest, by editions, tables or ledger; else today."""
    days = [ref.as_of for ref in list_edition_refs(home)] or published_dates(home)
    days = days or [date.fromisoformat(row["as_of"]) for row in read_rows(home) if row.get("as_of")]
    return max(days, default=datetime.now(UTC).date())
