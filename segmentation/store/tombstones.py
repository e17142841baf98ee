"""tombstones.json: salted hashes of the ids of erased customers, so that later nights leave them out.

Why hashes, and what they protect: docs/decisions/0032-erasing.md. Erasing rows is in segmentation/erasing/,
leaving rows out of a night in segmentation/rows/judging/erased_rows.py.
"""

import hashlib
import json
import secrets
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from schemas.record import Record
from segmentation.errors import Conflict, Refused
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import damaged, parse_json, read_small_file
from segmentation.store.ledger import list_run_ids

TOMBSTONES_FILE = "tombstones.json"
ERASURE_PREFIX = "erasure-"  # the ledger's rows of erasures begin with this
_HEX = r"^[0-9a-f]{32}$"


class Tombstone(Record):
    """One erased customer."""

    hash: str = Field(pattern=_HEX)
    erasure: str = Field(description="The erasure that erased the customer.")


class ErasureIntent(Record):
    """An erasure: who asked for it, when and why. `pending` until every file has been rewritten."""

    erasure: str
    who: str
    when: str
    reason: str
    pending: bool = False


class Tombstones(Record):
    """The content of tombstones.json. The salt is the store's own, drawn with the first erasure."""

    salt: str = Field(pattern=r"^[0-9a-f]{64}$")
    erasures: tuple[ErasureIntent, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()

    @property
    def pending(self) -> tuple[ErasureIntent, ...]:
        """Erasures that were begun and not completed."""
        return tuple(intent for intent in self.erasures if intent.pending)

    @cached_property
    def hashes(self) -> frozenset[bytes]:
        """All hashes."""
        return frozenset(bytes.fromhex(tombstone.hash) for tombstone in self.tombstones)

    def hash_id(self, customer_id: str) -> str:
        """The keyed hash of an id, 128 bits as hex."""
        return hashlib.blake2b(customer_id.encode(), digest_size=16, key=bytes.fromhex(self.salt)).hexdigest()

    def list_erased(self, ids: pa.Array | pa.ChunkedArray) -> list[str]:
        """The distinct ids among these that have a tombstone. Each distinct id is hashed once."""
        if not self.tombstones:
            return []
        salted, hashes = hashlib.blake2b(digest_size=16, key=bytes.fromhex(self.salt)), self.hashes
        erased = []
        for customer_id in pc.unique(ids).to_pylist():
            if customer_id is None:
                continue
            state = salted.copy()  # the key is a block of its own, hashed once
            state.update(customer_id.encode())
            if state.digest() in hashes:
                erased.append(customer_id)
        return erased

    def add(self, ids: Iterable[str], intent: ErasureIntent) -> "Tombstones":
        """With an erasure of these ids. One that is there already keeps its tombstone."""
        recorded = {tombstone.hash for tombstone in self.tombstones}
        new = sorted({self.hash_id(customer_id) for customer_id in ids} - recorded)
        added = tuple(Tombstone(hash=digest, erasure=intent.erasure) for digest in new)
        return Tombstones(
            salt=self.salt, erasures=(*self.erasures, intent), tombstones=(*self.tombstones, *added)
        )

    def complete(self) -> "Tombstones":
        """With no erasure pending."""
        erasures = tuple(intent.model_copy(update={"pending": False}) for intent in self.erasures)
        return Tombstones(salt=self.salt, erasures=erasures, tombstones=self.tombstones)

    def to_json(self) -> bytes:
        """The file's content: an erasure or a tombstone a line."""
        lines = [f'{{"salt": "{self.salt}",']
        for name, records in (("erasures", self.erasures), ("tombstones", self.tombstones)):
            entries = ",\n".join(json.dumps(_without_defaults(record), sort_keys=True) for record in records)
            lines += [f'"{name}": [', *([entries] if entries else []), "]," if name == "erasures" else "]}"]
        return "\n".join(lines).encode() + b"\n"


def _without_defaults(record: Record) -> dict[str, Any]:
    return record.model_dump(exclude_defaults=True)


def create_tombstones() -> Tombstones:
    """Tombstones of nobody, with a new salt."""
    return Tombstones(salt=secrets.token_hex(32))


def read_tombstones(home: AnyPath) -> Tombstones | None:
    """The tombstones of a segmentation; None if nobody was erased.

    Refused if the file is damaged, or does not have every erasure of the ledger.
    """
    path, expected = home / TOMBSTONES_FILE, "the hashes of erased customers' ids"
    advice = "restore it from a backup: without it, erased customers would come back"
    tombstones = read_small_file(
        path, lambda content: Tombstones.model_validate(parse_json(content)), expected, advice
    )
    recorded = {run_id.removeprefix(ERASURE_PREFIX) for run_id in list_run_ids(home, ERASURE_PREFIX)}
    if recorded and tombstones is None:
        raise damaged(path, "is missing, though customers were erased", expected, advice)
    if tombstones is not None and recorded - {intent.erasure for intent in tombstones.erasures}:
        raise damaged(path, "lacks an erasure that the ledger has, as if from a backup", expected, advice)
    return tombstones


def copy_tombstones(home: AnyPath, target: Path) -> None:
    """Copy the file, if there is one, to another store: the same tombstones have the same hashes there."""
    if (tombstones := read_tombstones(home)) is not None:
        write_durably(target / TOMBSTONES_FILE, tombstones.to_json())


def refuse_pending(home: AnyPath, tombstones: Tombstones | None) -> None:
    """Refuse to go on while an erasure is not complete: some editions still hold the customers' rows."""
    if tombstones is not None and tombstones.pending:
        intent = tombstones.pending[0]
        raise Refused(
            "erasing",
            f"the erasure that {intent.who} began at {intent.when} is not complete; complete it with "
            f"'resegment erase {home.name}', then run again",
        )


def fingerprint_tombstones(tombstones: Tombstones | None) -> str | None:
    """What changes with every erasure; None without tombstones."""
    return None if tombstones is None else hashlib.sha256(tombstones.to_json()).hexdigest()[:16]


def check_tombstones(home: AnyPath, fingerprint: str | None) -> None:
    """Conflict if customers were erased since the run that had this fingerprint began."""
    if fingerprint_tombstones(read_tombstones(home)) != fingerprint:
        raise Conflict(
            "customers were erased during this run, which has read their rows; it is not published. Run "
            f"'resegment erase {home.name}', which erases what the run may have left, and then run again"
        )


def digest_ids(tombstones: Tombstones | None, ids: Iterable[str]) -> str | None:
    """16 characters for the tombstones of these ids; None for none of them."""
    hashes = sorted(tombstones.hash_id(customer_id) for customer_id in ids) if tombstones else []
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:16] if hashes else None
