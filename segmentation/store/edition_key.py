"""Which edition a run makes: derived from content alone, so that the same input gives the same edition.

What the store has published is in segmentation/store/published.py.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import date
from typing import Any

from schemas.manifest import EditionRef
from schemas.night import Night
from schemas.rows import Digest, EditionKey
from segmentation.canonical import sort_content
from segmentation.schema_code import hash_source
from segmentation.store.layout import VERSION, edition_folder, get_home
from segmentation.store.manifests import MANIFEST
from segmentation.store.published import is_intact, previous_edition, replaced_edition
from segmentation.store.source_digest import compute_source_digest
from segmentation.store.versions import list_libraries


def make_edition_key(night: Night, digests: Iterable[Digest], tombstones: str | None = None) -> EditionKey:
    """Derive the edition from definition, inputs, as_of, previous edition, code and libraries.

    The same input gives the same edition wherever and whenever the run takes place. A damaged previous
    edition does not count, unless the edition that builds on it is already there.
    """
    home = get_home(night)
    previous = previous_edition(home, night.as_of)
    replaces = replaced_edition(home, night.as_of)
    content = {
        **collect_inputs(
            night.as_of,
            night.definition.decisive_content(),
            digests,
            schema=night.schema_source,
            tombstones=tombstones,
        ),
        **collect_code(),
    }

    def derive(ref: EditionRef | None) -> EditionKey:
        previous_id = ref.edition if ref else None
        return EditionKey(
            edition=digest_content({**content, "previous": previous_id}),
            previous=previous_id,
            previous_as_of=ref.as_of if ref else None,
            replaces=replaces,
        )

    if previous is None:
        return derive(None)
    warm, cold = derive(previous), derive(None)
    if cold.edition == replaces:  # published without an intact previous edition
        return cold
    exists = (edition_folder(home, night.as_of, warm.edition) / MANIFEST).is_file()
    return warm if exists or is_intact(home, *previous) else cold


def collect_inputs(
    as_of: date,
    definition: dict[str, Any],
    digests: Iterable[Digest],
    *,
    schema: str | None,
    tombstones: str | None = None,
) -> dict[str, Any]:
    """What an edition is made from, apart from the previous edition and from the code that makes it.

    Collected from a night or from a manifest, so that the two can be compared: see other_code.py.
    """
    content: dict[str, Any] = {
        "definition": definition,
        "inputs": [digest.model_dump() for digest in digests],
        "as_of": str(as_of),
    }
    if schema is not None:
        content["schema"] = hash_source(schema)
    if tombstones is not None:
        content["tombstones"] = tombstones
    return content


def collect_code() -> dict[str, Any]:
    """What makes an edition: the version and sources of this project, and libraries that affect bytes."""
    return {"version": VERSION, "code": compute_source_digest(), "libraries": list_libraries()}


def digest_content(content: dict[str, Any]) -> str:
    """16 characters for a content, in whatever order it was collected."""
    canonical = json.dumps(sort_content(content), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
