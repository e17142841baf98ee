"""Was a date published from the same content, but by other code or libraries? Then a plain run leaves it.

The edition's name is derived in edition_key.py. What a run does about it is decided in tasks/ingest.py.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from config.definition import Definition
from config.side_tables import restore_sources
from schemas.manifest import Manifest
from schemas.night import Night
from schemas.rows import Digest, EditionKey, Ingested
from segmentation.schema_code import SCHEMA_FILE
from segmentation.store.catalogue.edition_key import StoreContent, collect_inputs, digest_content
from segmentation.store.edition.manifests import MANIFEST, read_manifest
from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.edition.versions import list_version_changes
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder, get_home


def list_code_changes(manifest: Manifest) -> list[str]:
    """How the code and the libraries that made an edition differ from those of this process, in words."""
    changes = list_version_changes(manifest.versions)
    code = compute_source_digest()
    if manifest.code != code:
        # Of a version before 0.4.0 only the number is known.
        changes.insert(0, f"code {manifest.code or 'without a digest'} made it, {code} is installed")
    return changes


def detect_other_code(
    night: Night, key: EditionKey, digests: Iterable[Digest], tombstones: str | None = None
) -> list[str]:
    """What differs in the code that made the date's published edition.

    Empty if the date has no edition, or one that was made from other content as well. Refused if its
    manifest cannot be read, since its content could be the same; --force does not compare.
    """
    if key.replaces is None or key.replaces == key.edition:
        return []
    folder = edition_folder(get_home(night), night.as_of, key.replaces)
    manifest = read_manifest(folder) if (folder / MANIFEST).is_file() else None
    if manifest is None or manifest.previous != key.previous:
        return []
    from_store = StoreContent(manifest.tombstones, manifest.given_names, manifest.validation)
    published = _collect_published(night.definition, manifest, folder, from_store)
    current = _collect_current(night, digests, StoreContent(tombstones, key.given_names, key.validation))
    return list_code_changes(manifest) if digest_content(published) == digest_content(current) else []


def has_same_content(night: Night, manifest: Manifest, folder: AnyPath, ingested: Ingested) -> bool:
    """Was the edition in `folder` made from the night's definition and rows?

    By whatever code and after whatever edition: names and validations are not compared either.
    """
    published = _collect_published(night.definition, manifest, folder, StoreContent(manifest.tombstones))
    current = _collect_current(night, ingested.digests, StoreContent(ingested.tombstones))
    return digest_content(published) == digest_content(current)


def _collect_published(
    current: Definition, manifest: Manifest, folder: AnyPath, from_store: StoreContent
) -> dict[str, Any]:
    schema_file = folder / SCHEMA_FILE
    return collect_inputs(
        manifest.as_of,
        complete_definition(manifest.definition, current),
        manifest.inputs,
        from_store,
        schema=schema_file.read_text(encoding="utf-8") if schema_file.is_file() else None,
    )


def _collect_current(night: Night, digests: Iterable[Digest], from_store: StoreContent) -> dict[str, Any]:
    definition = night.definition.decisive_content()
    return collect_inputs(night.as_of, definition, digests, from_store, schema=night.schema_source)


def complete_definition(decisive: dict[str, Any], current: Definition) -> dict[str, Any]:
    """A definition from a manifest, with the defaults of keys that its version did not have yet."""
    places = current.source.model_dump(exclude_none=True)
    content = {**decisive, "source": {**places, **decisive.get("source", {})}}
    content |= restore_sources(decisive, current, {})
    try:
        return Definition.model_validate(content).decisive_content()
    except ValidationError:  # a key that this version no longer has
        return decisive
