"""Which edition a run makes: derived from content alone, so that the same input gives the same edition.

What the store holds is segmentation/store/layout.py's, which ids have been given
segmentation/store/given_ids.py's.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import date

from schemas.night import Night
from schemas.rows import Digest, EditionKey
from segmentation.canonical import sort_content
from segmentation.store.layout import (
    VERSION,
    edition_before,
    edition_folder,
    find_home,
    is_whole,
    published_edition,
)


def make_edition_key(night: Night, digests: Iterable[Digest]) -> EditionKey:
    """Derive the edition from content: definition, inputs, as_of, version, the edition before.

    The same input gives the same edition wherever and whenever the run takes place. A damaged edition
    before does not count, unless the edition that builds on it is there already.
    """
    home = find_home(night)
    before = edition_before(home, night.as_of)
    replaces = published_edition(home, night.as_of)
    substance = {
        "definition": night.definition.decisive_content(),
        "inputs": [one.model_dump() for one in digests],
        "as_of": str(night.as_of),
        "version": VERSION,
    }

    def derive(earlier: tuple[date, str] | None) -> EditionKey:
        previous = earlier[1] if earlier else None
        return EditionKey(
            edition=_digest({**substance, "previous": previous}),
            previous=previous,
            previous_as_of=earlier[0] if earlier else None,
            replaces=replaces,
        )

    if before is None:
        return derive(None)
    on_it, afresh = derive(before), derive(None)
    if afresh.edition == replaces:  # published before the edition before was there, or was whole
        return afresh
    is_there = (edition_folder(home, night.as_of, on_it.edition) / "manifest.json").is_file()
    return on_it if is_there or is_whole(home, *before) else afresh


def _digest(substance: dict[str, object]) -> str:
    canonical = json.dumps(sort_content(substance), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
