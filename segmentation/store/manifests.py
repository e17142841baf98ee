"""Reading manifest.json, the one place where it is parsed.

Its fields are in schemas/manifest.py. Writing it belongs in tasks/publish.py.
"""

from schemas.manifest import Manifest
from segmentation.errors import DamagedFile
from segmentation.store.objects import AnyPath
from segmentation.store.small_files import advise_audit, read_small_file

MANIFEST = "manifest.json"


def read_manifest(folder: AnyPath) -> Manifest:
    """The manifest of an edition's folder. Refused if it is missing or damaged."""
    advice = advise_audit(folder.parent.parent.parent)
    manifest = read_small_file(folder / MANIFEST, _parse, "an edition's manifest", advice)
    if manifest is None:
        raise DamagedFile("damaged-edition", f"{folder}: {MANIFEST} is missing; {advice}")
    return manifest


def try_read_manifest(folder: AnyPath) -> Manifest | None:
    """The manifest of an edition's folder; None if it is missing or damaged, which audit reports."""
    try:
        return read_manifest(folder)
    except DamagedFile:
        return None


def _parse(content: bytes) -> Manifest:
    # Later versions may add fields: an older one ignores them and still reads the edition.
    return Manifest.model_validate_json(content, extra="ignore")
