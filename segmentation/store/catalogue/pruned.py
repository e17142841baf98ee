"""The ledger's records of pruned editions: what an edition was, kept after its files are gone.

A row holds all that others need of an edition that no longer exists: its date, its segment ids and how many
had been given before them, so that ids.json can be rebuilt. Pruning is in segmentation/pruning/pruning.py.
"""

from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Any

from schemas.manifest import EditionRef, Manifest
from schemas.night import Night
from schemas.rows import EditionKey
from segmentation.store.catalogue.edition_key import name_edition
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.ledger import add_row, ledger_path, list_run_ids, read_rows

PRUNED = "pruned"  # the outcome of their rows
_PREFIX = f"{PRUNED}-"


def record_pruned(home: AnyPath, ref: EditionRef, manifest: Manifest | None, facts: dict[str, Any]) -> None:
    """Write the row of an edition that is about to be removed. manifest: None if it is damaged.

    facts: who, why, and whether the whole date goes.
    """
    content = {} if manifest is None else manifest.model_dump(mode="json")
    names = ("ids_before", "sizes", "k", "how", "rows", "previous", "previous_as_of", "decision")
    facts_of_manifest = {name: content[name] for name in names if content.get(name) is not None}
    # By edition: whether one was pruned is then answered without reading the ledger.
    add_row(
        home,
        ref.as_of,
        PRUNED,
        {"run_id": _row_id(ref.edition), "edition": ref.edition, **facts_of_manifest, **facts},
    )


def is_pruned(home: AnyPath, edition: str) -> bool:
    """Has an edition been pruned? It may have been made again since."""
    return bool(edition) and ledger_path(home, _row_id(edition)).is_file()


def list_pruned(home: AnyPath) -> Iterator[str]:
    """Every edition that was pruned."""
    for run_id in list_run_ids(home, _PREFIX):
        yield run_id.removeprefix(_PREFIX)


def name_as_published(night: Night, key: EditionKey, content: dict[str, Any]) -> EditionKey:
    """The key as it was when the date was published, if the edition it was built on has been pruned since.

    Running a date again must say that it is published, whatever was pruned before it. content: as in
    edition_key.py.
    """
    if key.replaces is None or key.replaces == key.edition:
        return key
    home = get_home(night)
    manifest = try_read_manifest(edition_folder(home, night.as_of, key.replaces))
    previous = None if manifest is None else manifest.previous_ref
    if manifest is None or previous is None:
        return key
    if edition_folder(home, *previous).is_dir() or not is_pruned(home, previous.edition):
        return key
    # With groups, whether earlier events are read depends on the previous edition.
    earlier = [digest.model_dump() for digest in manifest.inputs if digest.of == "history"]
    inputs = [digest for digest in content["inputs"] if digest["of"] != "history"]
    content = {**content, "inputs": [*inputs, *earlier]}
    # The manifest does not say whether the history started over, or the evidence was lost.
    names = [
        name_edition(
            content,
            previous,
            accept_new_ids=manifest.accept_new_ids,
            starts_history=starts_history,
            lost_evidence=lost_evidence,
        )
        for starts_history, lost_evidence in product((True, False), repeat=2)
    ]
    edition = key.replaces if key.replaces in names else names[-1]
    changes = {"edition": edition, "previous": previous.edition, "previous_as_of": previous.as_of}
    return key.model_copy(update=changes)


def list_pruned_dates(home: AnyPath) -> frozenset[date]:
    """Every date that was pruned as a whole. It may have been made again since."""
    rows = (row for row in read_rows(home) if row.get("outcome") == PRUNED and row.get("whole_date"))
    return frozenset(date.fromisoformat(row["as_of"]) for row in rows if row.get("as_of"))


def explain_missing(home: AnyPath, query: str) -> str:
    """That an edition was pruned, for the end of a sentence; empty if it was not.

    query: a date, the first characters of an edition's id, or both.
    """
    as_of = next((day for day in list_pruned_dates(home) if str(day) == query.split()[0]), None)
    if as_of is not None:
        command = f"resegment backfill {home.name} --start {as_of} --end {as_of} --mode rebuild"
        return f": it was pruned, and '{command}' makes the date again"
    return ": it was pruned" if any(name.startswith(query) for name in list_pruned(home)) else ""


def _row_id(edition: str) -> str:
    return f"{_PREFIX}{edition}"
