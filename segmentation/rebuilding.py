"""Building a past edition anew from its manifest, beside the store, to see that the same bytes come out.

Planned and compared here; the run in between is resegment/flow_runs.py's. The store is only read.
"""

import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import yaml
from pydantic import ValidationError

from config.definition import Definition
from config.definition_files import DefinitionError, read_definition, resolve_definition
from config.settings import read_settings
from segmentation.errors import Refused
from segmentation.parts import hash_file
from segmentation.store.audit import check_sums
from segmentation.store.differing import find_differences
from segmentation.store.editions import Edition, list_editions
from segmentation.store.given_ids import copy_given
from segmentation.store.layout import SEGMENTS, edition_folder, published_path
from segmentation.store.ledger import read_rows
from segmentation.store.objects import AnyPath, ObjectPath


class Plan(NamedTuple):
    """What to run. definition: as the manifest has it; source: where its rows are read, None for its own."""

    definition: Definition
    source: str | None


class Outcome(NamedTuple):
    """How it went: number of files, and in words each that differs, or why it is another edition."""

    files: int
    differences: list[str]


def plan_rebuild(home: AnyPath, found: Edition, source: str | None) -> Plan:
    """The run that makes the edition again. Refused with all that is missing for it."""
    manifest = found.manifest
    missing = [one for one in find_other_versions(manifest.versions) if one.startswith("resegment ")]
    if manifest.previous_ref:
        folder = edition_folder(home, *manifest.previous_ref)
        damage = [f"{name}: {what}" for name, what in check_sums(folder)]
        if damage:
            before = f"the edition before, {manifest.previous} of {manifest.previous_as_of}"
            missing.append(f"{before}, is not whole: {damage[0]}")
    try:
        own = read_definition(resolve_definition(home.name, read_settings().definitions))
        places = own.source.model_dump(exclude_none=True)
    except DefinitionError:
        places = {}
    source = source or _find_source(home, found, places)
    if source is None and not {"path", "sample", "sql"} & places.keys():
        missing.append(f"where its rows lay is not known: there is no definition {home.name}; give --source")
    content = {**manifest.definition, "source": {**places, **manifest.definition.get("source", {})}}
    if source is not None and not {"sample", "sql"} & places.keys():
        content["source"]["path"] = source
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        missing.append(f"its definition is not one of this version ({error.error_count()} faults)")
    if missing:
        raise Refused("cannot-rebuild", "; ".join(missing))
    return Plan(definition, source)


def find_other_versions(versions: dict[str, str]) -> list[str]:
    """Packages that are not here in the version that made the edition, in words."""
    found = []
    for name, wanted in versions.items():
        try:
            here = version(name)
        except PackageNotFoundError:
            here = "none"
        if here != wanted:
            found.append(f"{name} {wanted} made it, here is {here}")
    return found


def _find_source(home: AnyPath, found: Edition, places: dict[str, object]) -> str | None:
    """What the run that made the edition read instead of the definition's source, from the ledger."""
    rows = [row for row in read_rows(home) if row.get("edition") == found.edition and row.get("source")]
    source = rows[0]["source"] if rows else None
    return None if source in places.values() else source


def prepare(home: AnyPath, found: Edition, plan: Plan, scratch: Path) -> tuple[Path, Path]:
    """A store that holds what the night found, the edition before and the ids given, and the definition."""
    store, definitions = scratch / "store", scratch / "definitions"
    there = store / home.name
    manifest = found.manifest
    if manifest.previous_ref:
        before = edition_folder(home, *manifest.previous_ref)
        copy = edition_folder(there, *manifest.previous_ref)
        copy.mkdir(parents=True)
        for path in before.iterdir():
            path.fetch(copy) if isinstance(path, ObjectPath) else shutil.copyfile(path, copy / path.name)
        table = published_path(there, manifest.previous_ref.as_of)
        table.parent.mkdir(parents=True)
        shutil.copyfile(copy / SEGMENTS, table)
    there.mkdir(parents=True, exist_ok=True)
    copy_given(home, there)
    definitions.mkdir()
    text = yaml.safe_dump(plan.definition.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (definitions / f"{plan.definition.name}.yaml").write_text(text, encoding="utf-8")
    return store, definitions


def compare(home: AnyPath, found: Edition, there: Path, edition: str) -> Outcome:
    """What was built against what the store holds, file by file."""
    if edition != found.edition:
        built = next(one for one in list_editions(there, found.as_of) if one.edition == edition)
        parts = ("parameters", "data", "versions")
        differs = [one for one in find_differences(home, found, built, there) if one.part in parts]
        inputs = [f"{one.part}: {one.what} was {one.before} and is {one.after}" for one in differs]
        return Outcome(0, inputs or [f"it is edition {edition}"])
    folder = edition_folder(home, found.as_of, edition)
    again = edition_folder(there, found.as_of, edition)
    names = sorted({path.name for path in folder.iterdir()} | {path.name for path in again.iterdir()})
    different = [name for name in names if not _same(folder / name, again / name)]
    others = [f"perhaps since {one}" for one in find_other_versions(found.manifest.versions)]
    return Outcome(len(names), [f"{name} differs" for name in different] + (others if different else []))


def _same(one: AnyPath, other: Path) -> bool:
    return one.is_file() and other.is_file() and hash_file(one) == hash_file(other)
