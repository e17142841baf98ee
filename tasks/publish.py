"""Stage publish: build the edition's folder, then commit it in one step.

The commit itself, its lock and its order of renames are segmentation/store/commit.py's.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from config.parameters import Segmentation
from schemas.evidence import Choice
from schemas.fields import arrow_schema, checked_table
from schemas.identity import Aligned, Memory
from schemas.identity_tables import LINEAGE, MIGRATION
from schemas.manifest import Manifest
from schemas.records import Customers, Ingested, Night, Published, Reported, Scaled
from schemas.tables import segments_schema
from schemas.verdicts import Verdict
from segmentation.canonical import to_json
from segmentation.features.moments import significant
from segmentation.model import Model
from segmentation.parts import hash_file, start_folder
from segmentation.store.commit import commit_edition
from segmentation.store.edition_files import (
    cut_pieces,
    join_segments,
    migration_rows,
    name_positions,
    write_membership,
    write_quarantine,
    write_segments,
)
from segmentation.store.layout import (
    EDITION_KEY,
    MANIFEST_KEY,
    SEGMENTS,
    SUMS,
    VERSION,
    edition_folder,
    find_home,
    published_path,
    sync_file,
    sync_folder,
)
from segmentation.store.versions import list_versions
from tasks.runtime.edition_artifacts import show_edition
from tasks.runtime.session import finish
from tasks.runtime.stage import stage


def make_model(segmentation: Segmentation, scaled: Scaled, found: Aligned) -> Model:
    """model.json: all that is needed to assign a customer, and to judge whether it still fits."""
    fitted = found.fitted
    return Model(
        name=segmentation.name,
        version=VERSION,
        encodings=scaled.encodings,
        columns=scaled.columns,
        quantum=scaled.quantum,
        trained=fitted.trained,
        segment_ids=tuple(segment.segment_id for segment in fitted.segments),
        centres=tuple(segment.centre for segment in fitted.segments),
    )


def make_manifest(
    night: Night, rows: Ingested, customers: Customers, choice: Choice, found: Aligned, memory: Memory
) -> Manifest:
    """The manifest but for its files' digests. No clock, no run id, no host, no path."""
    return Manifest(
        name=night.segmentation.name,
        as_of=str(night.as_of),
        edition=rows.key.edition,
        previous=rows.key.previous,
        previous_as_of=str(rows.key.previous_as_of) if rows.key.previous_as_of else None,
        ids_before=found.ids_before,
        definition=night.segmentation.substance(),
        inputs=tuple(one.model_dump() for one in rows.digests),
        rows=count_rows(customers),
        k=choice.k,
        why_k=choice.reasons,
        wanted_k=choice.wanted_k,
        wanted_nights=choice.wanted_nights,
        how=found.fitted.how,
        why=found.fitted.why,
        trained=str(found.fitted.trained.as_of),
        drift={name: significant(value) for name, value in memory.drift.items()},
        inertia=found.fitted.inertia,
        sizes={one.segment_id: one.size for one in found.fitted.segments},
        churn=found.churn.model_dump() if found.churn else None,
        versions=list_versions(),
        files={},
    )


def count_rows(customers: Customers) -> dict[str, Any]:
    """The manifest's `rows`: the balance of rows, and how many customers they make."""
    counted = {"read", "used", "merged", "quarantined", "outside", "reasons", "mentions"}
    return {"customers": customers.customers, **customers.model_dump(include=counted)}


def write_lineage(folder: Path, found: Aligned) -> None:
    """lineage.parquet and migration.parquet; without rows where there is no edition before."""
    events = pd.DataFrame([one.model_dump() for one in found.events], columns=list(LINEAGE.columns))
    migration = pd.DataFrame(migration_rows(found))
    for name, frame, contract in (
        ("lineage", events, LINEAGE),
        ("migration", migration, MIGRATION),
    ):
        types = {one: str(column.dtype) for one, column in contract.columns.items()}
        pq.write_table(checked_table(frame.astype(types), contract), folder / f"{name}.parquet")


def judged(manifest: Manifest, verdict: Verdict) -> Manifest:
    """The manifest with what the checks found, and what follows."""
    checks = tuple(check.model_dump() for check in verdict.checks)
    decision = "published" if verdict.may_publish else "held"
    return manifest.model_copy(update={"checks": checks, "decision": decision, "reasons": verdict.reasons})


def seal(folder: Path, manifest: Manifest, segments: tuple[Iterator[pa.Table], pa.Schema]) -> None:
    """Write manifest, segments and SHA256SUMS, in that order, and bring everything to disk."""
    files = {path.name: hash_file(path) for path in sorted(folder.iterdir())}
    path = folder / "manifest.json"
    path.write_bytes(to_json(manifest.model_copy(update={"files": files})))
    metadata = {EDITION_KEY.decode(): manifest.edition, MANIFEST_KEY.decode(): hash_file(path)}
    write_segments(folder / SEGMENTS, *segments, metadata)
    sums = [f"{hash_file(one)}  {one.name}\n" for one in sorted(folder.iterdir())]
    (folder / SUMS).write_text("".join(sums))
    for one in folder.iterdir():
        sync_file(one)
    sync_folder(folder)


def tell_published(
    night: Night, manifest: Manifest, verdict: Verdict, store_warnings: tuple[str, ...]
) -> Published:
    """How the run ended, and where to look."""
    home = find_home(night)
    final = edition_folder(home, night.as_of, manifest.edition)
    table = published_path(home, night.as_of) if verdict.may_publish else final / SEGMENTS
    return Published(
        name=night.segmentation.name,
        as_of=night.as_of,
        edition=manifest.edition,
        outcome="published" if verdict.may_publish else "held",
        k=manifest.k,
        customers=manifest.rows["customers"],
        segments_path=str(table),
        report_path=str(final / "report.html"),
        reasons=verdict.reasons,
        warnings=(*verdict.warnings, *store_warnings),
    )


def tell_facts(rows: Ingested, manifest: Manifest, published: Published) -> dict[str, Any]:
    """What the ledger's row says of the edition."""
    return {
        "inputs": [one.model_dump() for one in rows.inputs],
        "rows": manifest.rows,
        "reasons": published.reasons,
        "warnings": published.warnings,
        "versions": manifest.versions,
        **manifest.model_dump(include={"k", "how", "why", "inertia", "drift", "sizes", "churn"}),
    }


def settle(night: Night, rows: Ingested, published: Published) -> Published:
    """Complete the ledger and remove stage files, once the stage publish is done and its result is kept.

    A run that dies before or in the midst of it finds that result when it is retried, and does it again.
    """
    folder = edition_folder(find_home(night), night.as_of, published.edition)
    manifest = Manifest.model_validate_json((folder / "manifest.json").read_bytes())
    return finish(night, published, tell_facts(rows, manifest, published))


@stage("publish {night.as_of}")
def publish(
    night: Night,
    rows: Ingested,
    customers: Customers,
    scaled: Scaled,
    choice: Choice,
    aligned: Aligned,
    memory: Memory,
    verdict: Verdict,
    reported: Reported,
) -> Published:
    """Build the edition and commit it: published if every required check passed, else held."""
    folder = start_folder(night.staging / "edition")
    folder.chmod(0o755)  # staging is private, an edition is for every reader of the store
    for part, name in (
        (reported.html, "report.html"),
        (reported.profiles, "profiles.parquet"),
        (reported.descriptions, "descriptions.parquet"),
        (reported.sweep, "sweep.parquet"),
        (reported.history, "history.parquet"),
    ):
        shutil.copyfile(part.path, folder / name)
    write_quarantine(folder / "quarantine.parquet", customers.quarantine)
    write_lineage(folder, aligned)
    pieces = cut_pieces(customers, aligned)
    write_membership(folder, pieces, aligned)
    (folder / "model.json").write_bytes(to_json(make_model(night.segmentation, scaled, aligned)))
    manifest = judged(make_manifest(night, rows, customers, choice, aligned, memory), verdict)
    tables = join_segments(pieces, night.segmentation, name_positions(aligned))
    seal(folder, manifest, (tables, arrow_schema(segments_schema(night.segmentation))))
    commit_edition(night, rows.key, folder, verdict.may_publish)
    published = tell_published(night, manifest, verdict, memory.store_warnings)
    show_edition(night, published, verdict, reported)
    return published
