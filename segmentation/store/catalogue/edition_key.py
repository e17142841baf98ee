"""Which edition a run makes: derived from content alone, so that the same input gives the same edition.

Which edition it builds on: segmentation/store/catalogue/preceding.py.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any, NamedTuple

from schemas.manifest import EditionRef
from schemas.night import Night
from schemas.rows import Digest, EditionKey
from schemas.validation import Validation
from segmentation.canonical import sort_content
from segmentation.schema_code import hash_source
from segmentation.store.catalogue.preceding import previous_edition
from segmentation.store.catalogue.published import replaced_edition
from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.edition.versions import list_libraries
from segmentation.store.layout import VERSION, get_home


class StoreContent(NamedTuple):
    """What an edition takes from its store, besides the previous edition. Only what is set is in its name.

    tombstones: digest of those that removed rows. given_names: names that people gave, by segment id.
    validation: of an earlier edition, which the page shows.
    """

    tombstones: str | None = None
    given_names: Mapping[str, str] = MappingProxyType({})
    validation: Validation | None = None


NOTHING = StoreContent()


def make_edition_key(night: Night, digests: Iterable[Digest], content: StoreContent = NOTHING) -> EditionKey:
    """Derive the edition from definition, inputs, as_of, previous edition, code and libraries.

    The same input gives the same edition wherever and whenever the run takes place. Whether the previous
    edition can be continued is checked in segmentation/identity/continuing.py, which may name another one.
    """
    home = get_home(night)
    previous = previous_edition(home, night.as_of)
    return EditionKey(
        edition=name_edition(collect_content(night, digests, content), previous),
        previous=previous.edition if previous else None,
        previous_as_of=previous.as_of if previous else None,
        replaces=replaced_edition(home, night.as_of),
        given_names=dict(content.given_names),
        validation=content.validation,
    )


def name_edition(
    content: dict[str, Any],
    previous: EditionRef | None,
    *,
    accept_new_ids: bool = False,
    starts_history: bool = False,
    lost_evidence: bool = False,
) -> str:
    """The edition's id, from what it is made of and what it builds on.

    accept_new_ids, starts_history and lost_evidence: as in its key. They are in the name only where they
    decided something.
    """
    decisions = {
        "accept_new_ids": accept_new_ids,
        "starts_history": starts_history,
        "lost_evidence": lost_evidence,
    }
    return digest_content(
        {
            **content,
            "previous": previous.edition if previous else None,
            **{name: True for name, is_so in decisions.items() if is_so},
        }
    )


def collect_content(night: Night, digests: Iterable[Digest], content: StoreContent) -> dict[str, Any]:
    """What tonight's edition is made of, and what makes it: all but the previous edition."""
    definition = night.definition.decisive_content()
    inputs = collect_inputs(night.as_of, definition, digests, content, schema=night.schema_source)
    return {**inputs, **collect_code()}


def collect_inputs(
    as_of: date,
    definition: dict[str, Any],
    digests: Iterable[Digest],
    from_store: StoreContent,
    *,
    schema: str | None,
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
    if from_store.tombstones is not None:
        content["tombstones"] = from_store.tombstones
    if from_store.given_names:
        content["given_names"] = dict(from_store.given_names)
    if from_store.validation is not None:
        content["validation"] = from_store.validation.digest
    return content


def collect_code() -> dict[str, Any]:
    """What makes an edition: the version and sources of this project, and libraries that affect bytes."""
    return {"version": VERSION, "code": compute_source_digest(), "libraries": list_libraries()}


def digest_code() -> str:
    """16 characters for what makes an edition. Equal on every machine that may work on the same one."""
    return digest_content(collect_code())


def digest_content(content: dict[str, Any]) -> str:
    """16 characters for a content, in whatever order it was collected."""
    canonical = json.dumps(sort_content(content), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
