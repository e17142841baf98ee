"""The ledger's records of erasures: which files of an edition were rewritten, with old and new digests.

An edition's manifest keeps the digests that its files had when it was sealed. Those of files that an erasure
rewrote are in the ledger, so that manifest and ledger together say what every file must be. Erasing is in
segmentation/erasing/.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from schemas.manifest import EditionRef
from schemas.wording import format_count
from segmentation.errors import DamagedFile, Refused
from segmentation.parts import hash_file
from segmentation.store.edition.manifests import MANIFEST, read_manifest
from segmentation.store.edition.sealed_files import read_sealed_digests
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder
from segmentation.store.ledger import add_row, ledger_path, list_run_ids, read_row, replace_row
from segmentation.store.tombstones import ErasureIntent

ERASED, ERASING = "erased", "erasing"  # outcomes: complete, and under way or killed


class ErasedFile(NamedTuple):
    """A file of an edition that was rewritten: sha256 before and after, and how many rows it has lost."""

    old: str
    new: str
    rows: int


class Contradiction(NamedTuple):
    """A file whose digest nothing vouches for. can_erase: the rows that it holds are known to be too many."""

    name: str
    problem: str
    can_erase: bool = False


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
            "reasons": [describe_intent(intent)],
            "number": erasure.number,
            "manifest": erasure.manifest,
            "erased_rows": rows,
            "files": {name: file._asdict() for name, file in erasure.files.items()},
        },
    )


def complete_row(home: AnyPath, erasure: Erasure) -> None:
    """Change the row of a pending erasure to that of a complete one."""
    row = read_row(ledger_path(home, _row_id(erasure.ref, erasure.number)))
    if row is not None:
        replace_row(home, {**row, "outcome": ERASED})


def describe_intent(intent: ErasureIntent) -> str:
    """`by ana: request 4711`."""
    return f"by {intent.who}" + (f": {intent.reason}" if intent.reason else "")


def explain_rebuild(home: AnyPath, ref: EditionRef) -> list[str]:
    """Why an edition cannot be built again with the same bytes, if customers were erased from it."""
    erasures = read_erasures(home, ref)
    if not erasures:
        return []
    rows = max(file.rows for file in erasures[-1].files.values())
    return [
        f"customers were erased from the edition of {ref.as_of} ({format_count(rows, 'row')} of one file at "
        "most): without their rows its bytes cannot be repeated"
    ]


def read_erasures(home: AnyPath, ref: EditionRef) -> list[Erasure]:
    """All erasures of an edition, the newest last. Refused if a row of theirs is damaged."""
    rows = [
        (number, read_row(ledger_path(home, _row_id(ref, number))))
        for number in sorted(_list_numbers(home, ref))
    ]
    return [_parse(row, ref) for _, row in rows if row is not None]


def get_recorded_digests(home: AnyPath, ref: EditionRef, folder: AnyPath) -> dict[str, str]:
    """sha256 by name of the files that manifest and ledger vouch for.

    All files of the edition but manifest.json, which the footer of segments.parquet names, and, unless it was
    rewritten, segments.parquet itself. Refused if manifest or ledger cannot be read.
    """
    digests = dict(read_manifest(folder).files)
    erasures = read_erasures(home, ref)
    if not erasures or erasures[-1].manifest != hash_file(folder / MANIFEST):
        return digests
    return {**digests, **erasures[-1].digests}


def list_contradictions(
    home: AnyPath, ref: EditionRef, folder: AnyPath, sums: Mapping[str, str]
) -> Iterator[Contradiction]:
    """Files whose digest in SHA256SUMS is not the one that manifest and ledger vouch for, by name.

    sums: sha256 by name from SHA256SUMS. Refused if manifest or ledger cannot be read.
    """
    sealed = dict(read_manifest(folder).files)
    erasures = [erasure for erasure in read_erasures(home, ref) if erasure.manifest == sums.get(MANIFEST)]
    erased = erasures[-1].files if erasures else {}
    for name in sorted(sealed.keys() | erased.keys()):
        digest = sums.get(name)
        if name in erased:
            if digest != erased[name].new:
                yield _judge_erased(name, digest, erasures)
        elif digest not in (None, sealed[name]):
            yield Contradiction(name, "its digest in SHA256SUMS is not the one in its manifest")


def holds_erased_rows(home: AnyPath, ref: EditionRef) -> bool:
    """Does an edition hold rows that an erasure has removed, because a backup brought it back?"""
    if next(_list_numbers(home, ref), None) is None:
        return False
    folder = edition_folder(home, *ref)
    try:
        contradictions = list(list_contradictions(home, ref, folder, read_sealed_digests(folder)))
    except (DamagedFile, OSError):
        return False  # which whoever reads the edition finds
    return any(contradiction.can_erase for contradiction in contradictions)


def refuse_erased_rows(home: AnyPath, ref: EditionRef) -> None:
    """Refuse an edition whose erased rows a backup brought back: they would get into others."""
    if holds_erased_rows(home, ref):
        raise Refused(
            "erasing",
            f"edition {ref.edition} of {ref.as_of} holds rows that were erased, as if from a backup; run "
            f"'resegment erase {home.name}', then run again",
        )


def _judge_erased(name: str, digest: str | None, erasures: Sequence[Erasure]) -> Contradiction:
    """What is wrong with a file that is not as the last erasure left it."""
    earlier = [erasure.files[name] for erasure in erasures if name in erasure.files]
    if digest not in {digest for file in earlier for digest in (file.old, file.new)}:
        return Contradiction(name, "its digest in SHA256SUMS is not the one that its erasure recorded")
    if erasures[-1].pending:
        return Contradiction(name, "an erasure is not complete", can_erase=True)
    return Contradiction(name, "holds rows that were erased, as if from a backup", can_erase=True)


def _get_prefix(ref: EditionRef) -> str:
    """What the ids of the rows of an edition's erasures begin with."""
    return f"erased-{ref.edition}-"


def _row_id(ref: EditionRef, number: int) -> str:
    # By edition, so that the rows of one are found by their names alone, however long the ledger is.
    return f"{_get_prefix(ref)}{number:04d}"


def _list_numbers(home: AnyPath, ref: EditionRef) -> Iterator[int]:
    prefix = _get_prefix(ref)
    for run_id in list_run_ids(home, prefix):
        number = run_id.removeprefix(prefix)
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
        raise DamagedFile(
            "damaged-store",
            f"the ledger's row {row['run_id']} is not what 'resegment erase' writes; restore it from a "
            "backup",
        ) from None
