"""Reading manifest.json, the one place where it is parsed: only as it was sealed.

Its fields are in schemas/manifest.py. Writing it belongs in tasks/publish.py.
"""

import hashlib
from functools import partial

from schemas.manifest import EditionRef, Manifest
from segmentation.errors import DamagedFile
from segmentation.store.edition.footers import read_footer
from segmentation.store.edition.sealed_files import describe_damage, read_sealed_digests
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_audit, damaged, read_small_file
from segmentation.store.layout import SEGMENTS

MANIFEST = "manifest.json"
_EXPECTED = "the manifest that the edition was sealed with"


def read_manifest(folder: AnyPath) -> Manifest:
    """The manifest of an edition's folder. Refused if it is missing, damaged or changed."""
    path, advice = folder / MANIFEST, advise_audit(folder.parent.parent.parent)
    manifest = read_small_file(path, partial(_parse, folder), _EXPECTED, advice)
    if manifest is None:
        raise damaged(path, "is missing", _EXPECTED, advice)
    return manifest


def try_read_manifest(folder: AnyPath) -> Manifest | None:
    """The manifest of an edition's folder; None if it is missing or damaged, which audit reports."""
    try:
        return read_manifest(folder)
    except DamagedFile:
        return None


def identify_folder(folder: AnyPath) -> EditionRef | None:
    """The edition that a folder holds, whatever its name; None without a manifest as it was sealed."""
    parse, expected = partial(_parse_sealed, folder), _EXPECTED
    try:
        manifest = read_small_file(folder / MANIFEST, parse, expected, "")
    except DamagedFile:
        return None
    return EditionRef(manifest.as_of, manifest.edition) if manifest else None


def _parse(folder: AnyPath, content: bytes) -> Manifest:
    manifest = _parse_sealed(folder, content)
    is_in_store = folder.parent.parent.name == "editions"
    if is_in_store and (str(manifest.as_of), manifest.edition) != (folder.parent.name, folder.name):
        raise ValueError("of another edition")
    return manifest


def _parse_sealed(folder: AnyPath, content: bytes) -> Manifest:
    # A changed id or count would be as valid as the right one.
    if not _is_sealed(folder, hashlib.sha256(content).hexdigest()):
        raise ValueError("not as it was sealed")
    # Later versions may add fields: an older one ignores them and still reads the edition.
    return Manifest.model_validate_json(content, extra="ignore")


def _is_sealed(folder: AnyPath, digest: str) -> bool:
    """Is this the manifest's sha256 by SHA256SUMS or, if that is damaged, by the footer of the table?"""
    try:
        if read_sealed_digests(folder).get(MANIFEST) == digest:
            return True
    except OSError:
        pass
    footer = read_footer(folder / SEGMENTS)
    return footer is not None and footer[1] == digest


def check_file(folder: AnyPath, name: str) -> AnyPath:
    """The path of an edition's file. Refused unless it is the one that the manifest names.

    Not for files that an erasure rewrites: their digests are in the ledger (erasures.py).
    """
    digest, path = read_manifest(folder).files.get(name), folder / name
    if digest is None or (damage := describe_damage(path, digest)) is None:
        return path
    problem = damage.removeprefix(f"{name} ")
    raise damaged(path, problem, "the file that was sealed", advise_audit(folder.parent.parent.parent))
