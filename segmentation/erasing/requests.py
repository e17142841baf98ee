"""A request to erase customers: whose rows, who asks, why; and what is refused before anything is read."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from segmentation.erasing.matching import get_id_reading
from segmentation.errors import Refused
from segmentation.store.dates import list_edition_refs
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder
from segmentation.store.ledger import check_author


class ErasureRequest(NamedTuple):
    """Who is to be erased, who asks for it and why. Without ids: everyone who has a tombstone already.

    work: where runs on this machine keep the segmentation's stage files; its home unless that is in a bucket.
    """

    ids: frozenset[str]
    who: str
    reason: str
    work: Path


def make_request(home: AnyPath, texts: Iterable[str], who: str, reason: str, work: Path) -> ErasureRequest:
    """The request for ids as a person gives them, read as the newest definition reads those of the source."""
    ids = {text for text in texts if text.strip()}
    check_author(who, reason)
    if any(not _is_text(text) for text in ids):
        raise Refused("ids", "an id is not UTF-8 text; expected ids as in segments.parquet")
    ids |= read_source_ids(home, ids)
    for field, text in (("who", who), ("reason", reason)):
        if any(_is_named(customer_id.strip(), text) for customer_id in ids):
            raise Refused(field, f"{field} holds one of the ids; the ledger keeps it, so leave the id out")
    return ErasureRequest(frozenset(ids), who, reason, work)


def _is_text(text: str) -> bool:
    """Can it be an id? Half of a surrogate pair, or bytes of another encoding on the command line, cannot."""
    return not any("\ud800" <= mark <= "\udfff" for mark in text)


def _is_named(customer_id: str, text: str) -> bool:
    """Is the id in a text, as a word of its own? Punctuation may follow it."""
    return customer_id in text and re.search(rf"(?<!\w){re.escape(customer_id)}(?!\w)", text) is not None


def read_source_ids(home: AnyPath, texts: set[str]) -> set[str]:
    """The ids that the texts are, as the definition of the newest edition reads them."""
    import pyarrow as pa

    for ref in reversed(list_edition_refs(home)):
        manifest = try_read_manifest(edition_folder(home, *ref))
        if manifest is not None and texts:
            ids = get_id_reading(manifest.definition).read(pa.array(sorted(texts), pa.string()))
            return {customer_id for customer_id in ids.to_pylist() if customer_id}
    return set()
