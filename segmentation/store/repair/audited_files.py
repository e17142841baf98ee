"""The small files of a segmentation, parsed and compared with each other: what is damaged, and what to do.

live.json and ids.json follow from editions and ledger, so they can be repaired. Names and rows exist once.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import date

import pyarrow as pa

from schemas.manifest import EditionRef
from segmentation.errors import DamagedFile
from segmentation.parts import read_table
from segmentation.store.catalogue.live_state import compute_live
from segmentation.store.dates import published_dates
from segmentation.store.earlier_ids import EarlierIds, IssuedIds, search_issued_ids
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_repair
from segmentation.store.issued_ids import IDS_FILE, read_issued_ids
from segmentation.store.ledger import read_ledger
from segmentation.store.names_file import NAMES_ADVICE, NAMES_FILE, read_given_names
from segmentation.store.pointer import LIVE, read_pointer
from segmentation.store.repair.damage import Damage, Repair, advise_rerun, relative_path
from segmentation.store.tombstones import TOMBSTONES_FILE, read_tombstones
from segmentation.store.typed_inputs import list_recorded_inputs, read_typed_inputs
from segmentation.store.validations import (
    VALIDATION_FILE,
    VALIDATION_TABLE,
    advise_validation,
    list_validated_dates,
    read_validation,
    validation_folder,
)

_BACKUP = "restore it from a backup"


def audit_small_files(home: AnyPath) -> Iterator[Damage]:
    """Damage to live.json, ids.json, names.json, the ledger, and the rest."""
    yield from _audit_live(home)
    yield from _audit_ids(home)
    yield from _audit_ledger(home)
    yield from _audit_inputs(home)
    yield from _audit_validations(home)
    yield from _audit_index(home)
    for file, parse, advice in (
        (NAMES_FILE, read_given_names, NAMES_ADVICE),
        (TOMBSTONES_FILE, read_tombstones, f"{_BACKUP}: without it, erased customers would come back"),
    ):
        try:
            parse(home)
        except DamagedFile as error:
            yield Damage(relative_path(home, home / file), _describe_problem(error, home / file), advice)


def _describe_problem(error: DamagedFile, path: AnyPath) -> str:
    """What was found, without the path and the advice."""
    return error.message.removeprefix(f"{path} ").partition("; ")[0]


def _audit_live(home: AnyPath) -> Iterator[Damage]:
    """A live.json that is damaged, lost, or does not say what tables and ledger say."""
    if problem := _describe_live_problem(home):
        state = compute_live(home)
        if state.pointer is not None and state.pointer.live is None:
            yield Damage(relative_path(home, home / LIVE), problem, "nothing is published: remove it")
        elif state.pointer is None:
            command = f"resegment repair {home.name} --live DATE"
            advice = f"{state.doubts[0]}: {_BACKUP}; without one, choose the live date with '{command}'"
            yield Damage(relative_path(home, home / LIVE), problem, advice)
        else:
            yield Damage(relative_path(home, home / LIVE), problem, advise_repair(home), Repair.LIVE)


def _describe_live_problem(home: AnyPath) -> str | None:
    try:
        pointer = read_pointer(home)
    except DamagedFile as error:
        return _describe_problem(error, home / LIVE)
    if not published_dates(home):
        return None
    if pointer.live is None:
        return "missing, though dates are published"
    state = compute_live(home)
    if state.pointer is None:
        return "does not name the newest edition"
    expected = state.pointer
    if expected.live is not None and pointer.live != expected.live:
        return f"does not name {expected.live.as_of} and its edition"
    # Rows of earlier versions do not always tell what was superseded.
    if state.recorded is not None and not pointer.superseded == expected.superseded == state.recorded:
        return "differs from the ledger in what is superseded"
    return None


def _audit_ids(home: AnyPath) -> Iterator[Damage]:
    """An ids.json that is damaged, lost or older than the editions."""
    earlier = search_issued_ids(home)
    try:
        issued = read_issued_ids(home)
        problem = _compare_ids(issued, earlier.issued)
    except DamagedFile as error:
        problem = _describe_problem(error, home / IDS_FILE)
    if problem is None:
        return
    path, advice = relative_path(home, home / IDS_FILE), advise_repair(home)
    if earlier.unreadable:
        advice = f"ids may be in {_list_some(earlier)}: see there first, then {advice}"
    yield Damage(path, problem, advice, None if earlier.unreadable else Repair.IDS)


def _list_some(earlier: EarlierIds) -> str:
    return ", ".join(earlier.unreadable[:3])


def _compare_ids(issued: IssuedIds | None, expected: IssuedIds) -> str | None:
    if issued is None:
        return "missing, though segment ids were given" if expected.total else None
    if issued.total < expected.total:
        return (
            f"is older than the editions: S{expected.total:02d} was given, and it ends at S{issued.total:02d}"
        )
    ranges = expected.editions.items()
    is_same = all(issued.editions.get(edition) == id_range for edition, id_range in ranges)
    return None if is_same else "says other ids of an edition than the edition"


def _audit_ledger(home: AnyPath) -> Iterator[Damage]:
    """Rows that cannot be read. They exist once."""
    ledger = read_ledger(home)
    advice = f"{_BACKUP}; without one, remove it: the history then lacks that run"
    try:
        read_pointer(home)
    except DamagedFile:
        # Once it is gone, nothing says that it may have been a promotion.
        command = f"resegment repair {home.name} --live DATE"
        advice = f"{_BACKUP}; without one, choose the live date with '{command}', then remove it"
    for name in ledger.unreadable:
        path = relative_path(home, home / "ledger" / name)
        yield Damage(path, "is not a row of the ledger", advice)


def _audit_inputs(home: AnyPath) -> Iterator[Damage]:
    """Lists of typed input files that cannot be read."""
    paths: list[AnyPath] = sorted((home / "inputs").glob("*/*.json"), key=str)
    for path in paths:
        with suppress(ValueError):  # not a folder of ours
            ref = EditionRef(date.fromisoformat(path.parent.name), path.name.removesuffix(".json"))
            try:
                read_typed_inputs(home, ref)
            except DamagedFile as error:
                repair = Repair.INPUTS if list_recorded_inputs(home, ref) else None
                advice = advise_repair(home) if repair else advise_rerun(home, ref.as_of)
                yield Damage(relative_path(home, path), _describe_problem(error, path), advice, repair, *ref)


def _audit_validations(home: AnyPath) -> Iterator[Damage]:
    """Validations that cannot be read. Judging the date again makes the same, if its rows are still there."""
    for day in list_validated_dates(home):
        folder = validation_folder(home, day)
        advice = advise_validation(home, day)
        try:
            read_validation(home, day)
        except DamagedFile as error:
            path = folder / VALIDATION_FILE
            yield Damage(relative_path(home, path), _describe_problem(error, path), advice)
        try:
            read_table(folder / VALIDATION_TABLE)
        except FileNotFoundError:
            yield Damage(relative_path(home, folder / VALIDATION_TABLE), "missing", advice)
        except (OSError, pa.ArrowException):
            yield Damage(relative_path(home, folder / VALIDATION_TABLE), "cannot be read", advice)


def _audit_index(home: AnyPath) -> Iterator[Damage]:
    """A page or its cache that is cut or not what was written. Both can be rebuilt at any time."""
    for name, is_whole in (("index.html", _is_page), ("index.json", _is_json)):
        path = home / name
        try:
            if is_whole(path.read_bytes()):
                continue
        except FileNotFoundError:
            continue
        except OSError:
            pass
        advice = f"run 'resegment report {home.name} --index'"
        yield Damage(relative_path(home, path), "damaged", advice)


def _is_page(content: bytes) -> bool:
    return b"\0" not in content and content.rstrip().endswith(b"</html>")


def _is_json(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False
