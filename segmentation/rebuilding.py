"""Rebuilding a past edition from its manifest in a scratch store, to show that it gives the same bytes.

Planning and comparing are here. The run in between is in resegment/flow_runs.py. The store is only read.
"""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from config.definition import Definition
from config.definition_files import DefinitionError, read_definition, resolve_definition
from config.outcome import restore_outcome
from config.settings import read_settings
from config.side_tables import list_unlocated_tables, restore_sources
from schemas.manifest import EditionRef, Manifest
from segmentation.errors import Refused
from segmentation.identity.continuing import MODEL_FILES, describe_edition, list_damage
from segmentation.identity.previous_segments import CONTESTED
from segmentation.parts import hash_file
from segmentation.schema_code import SCHEMA_FILE, read_schema_source, source_path
from segmentation.store.catalogue.edition_diff import diff_editions
from segmentation.store.catalogue.editions import Edition, list_editions
from segmentation.store.catalogue.pruned import is_pruned
from segmentation.store.edition.sealed_files import read_sealed_digests
from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.edition.versions import list_environment_changes, list_version_changes
from segmentation.store.erasures import explain_rebuild
from segmentation.store.files.durable import write_durably
from segmentation.store.files.objects import AnyPath, ObjectPath
from segmentation.store.issued_ids import copy_issued_ids
from segmentation.store.layout import KNOWN_CUSTOMERS, SEGMENTS, SUMS, edition_folder, published_path
from segmentation.store.ledger import read_rows
from segmentation.store.names_file import write_names_of_edition
from segmentation.store.pointer import LIVE, Pointer
from segmentation.store.tombstones import copy_tombstones
from segmentation.store.typed_inputs import copy_typed_inputs
from segmentation.store.validations import write_validation


class RebuildPlan(NamedTuple):
    """What to run. source: of the rows; None: the definition's. schema: the edition's Python module."""

    definition: Definition
    source: str | None
    schema: str | None = None


class RebuildResult(NamedTuple):
    """The number of files compared, and each difference in words: a file, or an input of the edition."""

    files: int
    differences: list[str]


def plan_rebuild(home: AnyPath, edition: Edition, source: str | None) -> RebuildPlan:
    """The run that makes the edition again. Refused with everything that is missing for it."""
    manifest = edition.manifest
    problems = [*_check_code(home, edition), *_check_previous(home, manifest)]
    problems += explain_rebuild(home, EditionRef(edition.as_of, edition.edition))
    current = _read_current(home.name)
    places = {} if current is None else current.source.model_dump(exclude_none=True)
    source = source or _get_ledger_source(home, edition, places)
    if source is None and not {"path", "sample", "sql"} & places.keys():
        problems.append(
            f"the location of its rows is unknown: definition {home.name} does not exist; give --source"
        )
    content = {**manifest.definition, "source": {**places, **manifest.definition.get("source", {})}}
    if source is not None and not {"sample", "sql"} & places.keys():
        content["source"]["path"] = source
    # Of a Delta table, the version that the edition was made from.
    versions = {digest.table: digest.version for digest in manifest.inputs if digest.version is not None}
    content["source"]["version"] = versions.get(None)
    content |= restore_sources(manifest.definition, current, versions)
    content |= restore_outcome(manifest.definition, current.outcome if current else None)
    try:
        definition = Definition.model_validate(content)
    except ValidationError as error:
        invalid = f"its definition is not valid in this version ({error.error_count()} errors)"
        problems += list_unlocated_tables(home.name, content) or [invalid]
    path = edition_folder(home, edition.as_of, edition.edition) / SCHEMA_FILE
    schema = path.read_text(encoding="utf-8") if path.is_file() else None
    if problems:
        raise Refused("cannot-rebuild", "; ".join(problems))
    return RebuildPlan(definition, source, schema)


def _check_code(home: AnyPath, edition: Edition) -> list[str]:
    """That other code made the edition: it would get another name, and perhaps other bytes."""
    manifest, code = edition.manifest, compute_source_digest()
    problems = list_version_changes(manifest.versions)
    if not manifest.code:  # before version 0.4.0 the libraries were not in the name
        problems = [problem for problem in problems if problem.startswith("resegment ")]
    if manifest.code not in ("", code):  # empty before version 0.4.0
        problems.append(
            f"code {manifest.code} made it{_name_commit(home, edition)}, code {code} is installed: rebuild "
            "it with the code that made it"
        )
    return problems


def _name_commit(home: AnyPath, edition: Edition) -> str:
    # A run by other code that left the edition alone names it too, but not its code.
    original = (edition.edition, edition.manifest.code)
    rows = [row for row in read_rows(home) if (row.get("edition"), row.get("code")) == original]
    commit = next((row["commit"] for row in rows if row.get("commit")), None)
    return f", at commit {commit}" if commit else ""


def _check_previous(home: AnyPath, manifest: Manifest) -> list[str]:
    previous = manifest.previous_ref
    if previous is None:
        return []
    folder = edition_folder(home, *previous)
    if not folder.is_dir() and is_pruned(home, previous.edition):
        return [f"{describe_edition(previous)}, on which it builds, was pruned"]
    try:
        digests = read_sealed_digests(folder)
        tables = {SEGMENTS, CONTESTED} & digests.keys()
        if manifest.groups is not None and manifest.groups.source == "edition":
            tables |= {KNOWN_CUSTOMERS} & digests.keys()
        damage = list_damage(folder, (*MODEL_FILES, *sorted(tables)), digests)
    except OSError:
        damage = f"{SUMS} is missing or cannot be read"
    return [f"{describe_edition(previous)}, on which it builds, is damaged: {damage}"] if damage else []


def _read_current(name: str) -> Definition | None:
    """The definition of this name as it is now: a manifest leaves out where rows are."""
    try:
        return read_definition(resolve_definition(name, read_settings().definitions))
    except DefinitionError:
        return None


def _get_ledger_source(home: AnyPath, edition: Edition, places: dict[str, Any]) -> str | None:
    """The source that the edition's run was given instead of the definition's own, from the ledger."""
    rows = [row for row in read_rows(home) if row.get("edition") == edition.edition and row.get("source")]
    source = rows[0]["source"] if rows else None
    return None if source in places.values() else source


def describe_schema_change(plan: RebuildPlan, folder: Path) -> str | None:
    """That the Python schema in the folder of definitions, or installed, differs from the edition's."""
    name = plan.definition.rows.python_schema
    if plan.schema is None or name is None:
        return None
    try:
        if read_schema_source(name, folder) == plan.schema:
            return None
        change = "has changed since"
    except Refused:
        change = "is gone"
    return f"rows.schema {name} {change}; rebuilt with the source that the edition keeps"


def prepare_scratch(home: AnyPath, edition: Edition, plan: RebuildPlan, scratch: Path) -> tuple[Path, Path]:
    """A store as the run found it, and a folder with the definition: their two paths below `scratch`.

    The store has the previous edition and the issued ids.
    """
    definition = plan.definition
    store, definitions = scratch / "store", scratch / "definitions"
    scratch_home = store / home.name
    previous = edition.manifest.previous_ref
    if previous is not None:
        copy = edition_folder(scratch_home, *previous)
        copy.mkdir(parents=True)
        for path in edition_folder(home, *previous).iterdir():
            path.fetch(copy) if isinstance(path, ObjectPath) else shutil.copyfile(path, copy / path.name)
        copy_typed_inputs(home, previous, scratch_home)
        table = published_path(scratch_home, previous.as_of)
        table.parent.mkdir(parents=True)
        shutil.copyfile(copy / SEGMENTS, table)
        # The scratch ledger has no row of it, and a lost live.json would be in doubt.
        write_durably(scratch_home / LIVE, Pointer(previous).to_json())
    scratch_home.mkdir(parents=True, exist_ok=True)
    if previous is None and edition.manifest.accept_new_ids:
        # The previous edition was lost and new ids were accepted: here one is lost as well.
        lost = EditionRef(edition.as_of - timedelta(days=1), "0" * 16)
        write_durably(scratch_home / LIVE, Pointer(lost).to_json())
    copy_issued_ids(home, scratch_home)
    copy_tombstones(home, scratch_home)
    write_names_of_edition(scratch_home, edition.manifest.given_names, edition.as_of)
    if edition.manifest.validation is not None:
        write_validation(scratch_home, edition.manifest.validation)
    definitions.mkdir()
    text = yaml.safe_dump(definition.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    (definitions / f"{definition.name}.yaml").write_text(text, encoding="utf-8")
    if plan.schema is not None and definition.rows.python_schema is not None:
        # A file in the folder of definitions comes before an installed module.
        path = source_path(definitions, definition.rows.python_schema.partition(":")[0])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(plan.schema, encoding="utf-8", newline="")
    return store, definitions


def compare_rebuilt(home: AnyPath, edition: Edition, scratch_home: Path, rebuilt_id: str) -> RebuildResult:
    """Compare the rebuilt edition with the one in the store, file by file.

    Refused if customers were erased from it, or if it was pruned, while it was rebuilt.
    """
    result = _compare(home, edition, scratch_home, rebuilt_id)
    # Afterwards, since an erasure is recorded before it changes a file.
    if result.differences and (problems := _list_changes_since(home, edition)):
        raise Refused("cannot-rebuild", "; ".join(problems))
    return result


def _list_changes_since(home: AnyPath, edition: Edition) -> list[str]:
    ref = EditionRef(edition.as_of, edition.edition)
    if is_pruned(home, edition.edition) and not edition_folder(home, *ref).is_dir():
        return [f"{describe_edition(ref)} was pruned at this moment"]
    return explain_rebuild(home, ref)


def _compare(home: AnyPath, edition: Edition, scratch_home: Path, rebuilt_id: str) -> RebuildResult:
    original = edition_folder(home, edition.as_of, edition.edition)
    if not original.is_dir():
        return RebuildResult(0, ["the edition is gone"])
    if rebuilt_id != edition.edition:
        return RebuildResult(0, _explain_other_edition(home, edition, scratch_home, rebuilt_id))
    rebuilt = edition_folder(scratch_home, edition.as_of, rebuilt_id)
    names = sorted({path.name for path in original.iterdir()} | {path.name for path in rebuilt.iterdir()})
    differences = [f"{name} differs" for name in names if not _is_same(original / name, rebuilt / name)]
    if differences:
        changes = list_version_changes(edition.manifest.versions)
        changes += list_environment_changes(edition.manifest.environment)
        differences += [f"perhaps because {change}" for change in changes]
    return RebuildResult(len(names), differences)


def _explain_other_edition(home: AnyPath, edition: Edition, scratch_home: Path, rebuilt_id: str) -> list[str]:
    editions = list_editions(scratch_home, edition.as_of)
    rebuilt = next(candidate for candidate in editions if candidate.edition == rebuilt_id)
    inputs = [
        f"{difference.part}: {difference.fact} was {difference.old} and is {difference.new}"
        for difference in diff_editions(home, edition, rebuilt, scratch_home)
        if difference.part in ("parameters", "data", "code", "versions")
    ]
    return inputs or [f"it is edition {rebuilt_id}"]


def _is_same(original: AnyPath, rebuilt: Path) -> bool:
    return original.is_file() and rebuilt.is_file() and hash_file(original) == hash_file(rebuilt)
