"""Reading manifest.json, the one place where it is parsed.

Its fields are in schemas/manifest.py. Writing it belongs in tasks/publish.py.
"""

from pydantic import ValidationError

from schemas.manifest import Manifest
from segmentation.errors import Refused
from segmentation.store.objects import AnyPath

MANIFEST = "manifest.json"


def read_manifest(folder: AnyPath) -> Manifest:
    """The manifest of an edition's folder. Refused if it is missing or damaged."""
    try:
        return _parse(folder)
    except (OSError, ValidationError):
        raise Refused(
            "damaged-edition", f"{folder}: {MANIFEST} is missing or damaged; see 'resegment audit'"
        ) from None


def try_read_manifest(folder: AnyPath) -> Manifest | None:
    """The manifest of an edition's folder; None if it is missing or damaged, which audit reports."""
    try:
        return _parse(folder)
    except (OSError, ValidationError):
        return None


def _parse(folder: AnyPath) -> Manifest:
    # Later versions may add fields: an older one ignores them and still reads the edition.
    return Manifest.model_validate_json((folder / MANIFEST).read_bytes(), extra="ignore")
