"""The ledger's records of erasures: which files of an edition were rewritten, with old and new digests.

An edition's manifest keeps the digests that its files had when it was sealed. Those of files that an erasure
rewrote are in the ledger, so that manifest and ledger together say what every file must be. Erasing is in
segmentation/erasing/.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from schemas.manifest import EditionRef
from segmentation.errors import Refused
from segmentation.store.ledger import add_row, ledger_path, read_row
from segmentation.store.manifests import MANIFEST, read_manifest
from segmentation.store.objects import AnyPath, ObjectPath
from segmentation.store.tombstones import ErasureIntent

ERASED, ERASING = "erased", "erasing"  # outcomes: complete, and under way or killed


class ErasedFile(NamedTuple):
    """A file of an edition that was rewritten: sha256 before and after, and how many rows it lost."""

    old: str
    new: str
    rows: int


class Erasure(NamedTuple):
    """What one erasure did to one edition. `number` counts the edition's erasures, from 1."""

    ref: EditionRef
    number: int
    manifest: str  # sha256: an edition of the same name that was built again is another
    files: Mapping[str, ErasedFile]
    pending: bool

    @property
    def digests(self) -> dict[str, str]:
        """The new digests by file name."""
        return {name: file.new for name, file in self.files.items()}


def record_erasure(home: AnyPath, erasure: Erasure, intent: ErasureIntent) -> None:
    """Write the row of an erasure, or replace it. It holds no id."""
    rows = sum(file.rows for file in erasure.files.values())
    add_row(
        home,
        erasure.ref.as_of,
        ERASING if erasure.pending else ERASED,
        {
            "run_id": _row_id(erasure.ref, erasure.number),
            "edition": erasure.ref.edition,
            "erasure": intent.erasure,
            "who": intent.who,
            "when": intent.when,
            "reasons": [f"by {intent.who}" + (f": {intent.reason}" if intent.reason else "")],
            "number": erasure.number,
            "manifest": erasure.manifest,
            "erased_rows": rows,
            "files": {name: file._asdict() for name, file in erasure.files.items()},
        },
    )


def read_erasure(home: AnyPath, ref: EditionRef) -> Erasure | None:
    """The newest erasure of an edition; None if none touched it. Refused if its row is damaged."""
    numbers = sorted(_list_numbers(home, ref))
    if not numbers:
        return None
    row = read_row(ledger_path(home, _row_id(ref, numbers[-1])))
    if row is None:
        return None  # removed in the meantime
    return _parse(row, ref)


def get_recorded_digests(home: AnyPath, ref: EditionRef, folder: AnyPath) -> dict[str, str]:
    """sha256 by name of the files that manifest and ledger vouch for.

    All files of the edition but manifest.json, which the footer of segments.parquet names, and, unless it was
    rewritten, segments.parquet itself. Refused if manifest or ledger cannot be read.
    """
    digests = dict(read_manifest(folder).files)
    erasure = read_erasure(home, ref)
    return digests if erasure is None else {**digests, **erasure.digests}


def list_contradictions(
    home: AnyPath, ref: EditionRef, folder: AnyPath, sums: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Files whose digest in SHA256SUMS is not the one that manifest and ledger vouch for, and what is wrong.

    sums: sha256 by name from SHA256SUMS.
    """
    sealed = dict(read_manifest(folder).files)
    erasure = read_erasure(home, ref)
    if erasure is not None and erasure.manifest == sums.get(MANIFEST):
        yield from _compare_erased(home, erasure, sums)
        sealed = {name: digest for name, digest in sealed.items() if name not in erasure.files}
    for name, digest in sorted(sealed.items()):
        if sums.get(name, digest) != digest:
            yield name, "its digest in SHA256SUMS is neither its manifest's nor that of an erasure"


def _compare_erased(home: AnyPath, erasure: Erasure, sums: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files of an erased edition that are not as the erasure left them."""
    advice = f"run 'resegment erase {home.name}'"
    for name, file in sorted(erasure.files.items()):
        if sums.get(name) == file.new:
            continue
        if sums.get(name) != file.old:
            yield name, "its digest in SHA256SUMS is not the one that the erasure recorded"
        elif erasure.pending:
            yield name, f"an erasure is not complete: {advice}"
        else:
            yield name, f"holds rows that were erased, as if from a backup: {advice}"


def _row_id(ref: EditionRef, number: int) -> str:
    # By edition, so that the rows of one are found by their names alone, however long the ledger is.
    return f"erased-{ref.edition}-{number:04d}"


def _list_numbers(home: AnyPath, ref: EditionRef) -> Iterator[int]:
    prefix = f"erased-{ref.edition}-"
    ledger = home / "ledger"
    paths = ledger.list_below(prefix) if isinstance(ledger, ObjectPath) else ledger.glob(f"{prefix}*.json")
    for path in paths:
        number = path.name.removeprefix(prefix).removesuffix(".json")
        if number.isdigit():
            yield int(number)


def _parse(row: dict[str, Any], ref: EditionRef) -> Erasure:
    try:
        files = {
            str(name): ErasedFile(str(file["old"]), str(file["new"]), int(file["rows"]))
            for name, file in row["files"].items()
        }
        return Erasure(ref, int(row["number"]), str(row["manifest"]), files, row["outcome"] == ERASING)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Refused(
            "damaged-store",
            f"the ledger's row {row['run_id']} is not what 'resegment erase' writes; restore it from a "
            "backup",
        ) from None
