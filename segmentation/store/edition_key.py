"""Which edition a run makes: derived from content alone, so that the same input gives the same edition.

What the store has published is in segmentation/store/published.py.
"""

import hashlib
import json
from collections.abc import Iterable

from schemas.manifest import EditionRef
from schemas.night import Night
from schemas.rows import Digest, EditionKey
from segmentation.canonical import sort_content
from segmentation.schema_code import hash_source
from segmentation.store.layout import VERSION, edition_folder, get_home
from segmentation.store.manifests import MANIFEST
from segmentation.store.published import is_intact, previous_edition, published_edition


def make_edition_key(night: Night, digests: Iterable[Digest]) -> EditionKey:
    """Derive the edition from definition, inputs, as_of, version and previous edition.

    The same input gives the same edition wherever and whenever the run takes place. A damaged previous
    edition does not count, unless the edition that builds on it is already there.
    """
    home = get_home(night)
    previous = previous_edition(home, night.as_of)
    replaces = published_edition(home, night.as_of)
    content = {
        "definition": night.definition.decisive_content(),
        "inputs": [digest.model_dump() for digest in digests],
        "as_of": str(night.as_of),
        "version": VERSION,
    }
    if night.schema_source is not None:
        content["schema"] = hash_source(night.schema_source)

    def derive(ref: EditionRef | None) -> EditionKey:
        previous_id = ref.edition if ref else None
        return EditionKey(
            edition=_digest({**content, "previous": previous_id}),
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


def _digest(content: dict[str, object]) -> str:
    canonical = json.dumps(sort_content(content), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
