"""Stage publish: build the edition's folder, then commit it in one step.

The commit itself, with its lock and the order of its renames, is in segmentation/store/publication/commit.py.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.clustering import Fitted, Scaled
from schemas.draft import EditionDraft, Reported
from schemas.fields import arrow_schema, checked_table
from schemas.identity import Aligned
from schemas.identity_tables import LINEAGE, MIGRATION
from schemas.manifest import Manifest, ManifestRows
from schemas.model import Model
from schemas.night import Night, Published
from schemas.tables import segments_schema
from schemas.verdicts import Verdict
from schemas.words import Words
from segmentation.canonical import to_json
from segmentation.checks.late_files import NAME as LATE_FILES
from segmentation.checks.late_files import warn_of_late_files
from segmentation.features.moments import round_significant
from segmentation.features.rfm import make_scorer
from segmentation.parts import create_empty_folder, hash_file
from segmentation.schema_code import SCHEMA_FILE
from segmentation.store.catalogue.published import DAMAGED
from segmentation.store.edition.manifests import read_manifest
from segmentation.store.edition.source_digest import compute_source_digest
from segmentation.store.edition.versions import list_environment, list_versions
from segmentation.store.files.durable import sync_file, sync_folder
from segmentation.store.files.permissions import FILE, FOLDER, PRIVATE_FILE, set_mode
from segmentation.store.layout import (
    ATTRIBUTE_QUARANTINE,
    EDITION_KEY,
    EVIDENCE,
    KNOWN_CUSTOMERS,
    MANIFEST_KEY,
    PRIVATE,
    QUARANTINE,
    SEGMENTS,
    SUMS,
    VERSION,
    edition_folder,
    get_home,
    published_path,
)
from segmentation.store.publication.change_tables import migration_columns, write_changes
from segmentation.store.publication.commit import commit_edition
from segmentation.store.publication.edition_files import (
    get_segment_ids,
    hash_files,
    join_segments,
    list_edition_parts,
    write_known,
    write_quarantine,
)
from segmentation.store.publication.segment_names import collect_names
from segmentation.store.publication.segments_file import Write, write_segments
from segmentation.store.runs.dead_runs import describe_manifest
from segmentation.store.runs.space import USAGE, measure_usage
from tasks.runtime.session import close_published
from tasks.runtime.stage import stage


def make_model(name: str, scaled: Scaled, fitted: Fitted, words: Words | None) -> Model:
    """model.json: all that is needed to assign a customer, and to tell whether the model still fits."""
    return Model(
        name=name,
        version=VERSION,
        encodings=scaled.encodings,
        columns=scaled.columns,
        quantum=scaled.quantum,
        trained=fitted.training,
        segment_ids=tuple(segment.segment_id for segment in fitted.segments),
        centres=tuple(segment.centre for segment in fitted.segments),
        words=words,
    )


def make_manifest(night: Night, draft: EditionDraft, verdict: Verdict, reported: Reported) -> Manifest:
    """The manifest, without the digests of its files. No clock, no run id, no host, no path."""
    key, customers, choice, aligned = draft.ingested.key, draft.customers, draft.choice, draft.aligned
    fitted = aligned.fitted
    return Manifest(
        name=night.definition.name,
        as_of=night.as_of,
        edition=key.edition,
        previous=key.previous,
        previous_as_of=key.previous_as_of,
        accept_new_ids=key.accept_new_ids,
        ids_before=aligned.ids_before,
        decision="published" if verdict.may_publish else "held",
        reasons=verdict.reasons,
        definition=night.definition.decisive_content(),
        inputs=draft.ingested.digests,
        tombstones=draft.ingested.tombstones,
        given_names=key.given_names,
        validation=key.validation,
        rows=ManifestRows(customers=customers.count, **customers.balance.model_dump()),
        attributes=customers.attributes,
        merged=aligned.merged,
        rfm=reported.rfm,
        k=choice.k,
        why_k=choice.reasons,
        wanted_k=choice.wanted_k,
        wanted_nights=choice.wanted_nights,
        measured_on=draft.look.as_of,
        how=fitted.method,
        why=fitted.reasons,
        trained=fitted.training.as_of,
        drift={name: round_significant(value) for name, value in draft.previous.drift.items()},
        inertia=fitted.inertia,
        sizes={segment.segment_id: segment.size for segment in fitted.segments},
        churn=aligned.churn,
        groups=customers.groups,
        history=draft.previous.history,
        breakdown=draft.ingested.breakdown.compact(),
        checks=verdict.checks,
        versions=list_versions(),
        code=compute_source_digest(),
        environment=list_environment(),
    )


def write_lineage(folder: Path, aligned: Aligned) -> None:
    """lineage.parquet and migration.parquet; without rows if nothing was published before."""
    events = pd.DataFrame([event.model_dump() for event in aligned.events], columns=list(LINEAGE.columns))
    migration = pd.DataFrame(migration_columns(aligned))
    for name, frame, contract in (("lineage", events, LINEAGE), ("migration", migration, MIGRATION)):
        types = {column: str(field.dtype) for column, field in contract.columns.items()}
        pq.write_table(checked_table(frame.astype(types), contract), folder / f"{name}.parquet")


def seal(folder: Path, manifest: Manifest, fill: Callable[[Write], None], schema: pa.Schema) -> None:
    """Write manifest.json, segments.parquet by `fill`, and SHA256SUMS, in this order; sync to disk."""
    path, files = folder / "manifest.json", hash_files(folder)
    path.write_bytes(to_json(manifest.model_copy(update={"files": files})))
    digests = {**files, path.name: hash_file(path)}
    metadata = {EDITION_KEY.decode(): manifest.edition, MANIFEST_KEY.decode(): digests[path.name]}
    # Last: it names the manifest's digest, so the manifest cannot hold its own (decision 6).
    digests[SEGMENTS] = write_segments(folder / SEGMENTS, fill, schema, metadata)
    (folder / SUMS).write_text("".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items())))
    # Files first, then the folder: a name that survives a power cut must not point to missing bytes.
    for file in folder.iterdir():
        set_mode(file, PRIVATE_FILE if file.name in PRIVATE else FILE)
        sync_file(file)
    sync_folder(folder)


def build_edition(night: Night, draft: EditionDraft, manifest: Manifest, reported: Reported) -> Path:
    """The edition's folder in staging, complete and sealed."""
    folder = create_empty_folder(night.staging / "edition")
    set_mode(folder, FOLDER)  # staging is private, but readers of the store may read an edition
    for part, name in (
        (reported.html, "report.html"),
        (reported.profiles, "profiles.parquet"),
        (reported.descriptions, "descriptions.parquet"),
        (reported.sweep, "sweep.parquet"),
        (reported.alternatives, "alternatives.parquet"),
        (reported.history, "history.parquet"),
        (reported.trends, "trends.parquet"),
        (reported.levels, "levels.parquet"),
    ):
        if part is not None:
            shutil.copyfile(part.path, folder / name)
    write_quarantine(folder / QUARANTINE, draft.customers.quarantine)
    if draft.customers.attributes is not None:
        write_quarantine(folder / ATTRIBUTE_QUARANTINE, draft.customers.attribute_quarantine)
    if night.schema_source is not None:
        (folder / SCHEMA_FILE).write_text(night.schema_source, encoding="utf-8", newline="")
    write_lineage(folder, draft.aligned)
    parts = list_edition_parts(draft.customers, draft.aligned)
    ids = get_segment_ids(draft.aligned, collect_names(reported, draft.ingested.key.given_names))
    write_changes(folder, parts, draft.aligned, ids, draft.customers.known_parts)
    if draft.customers.groups is not None:
        write_known(folder / KNOWN_CUSTOMERS, draft.customers.known_parts)
    (folder / EVIDENCE).write_bytes(to_json(draft.look))
    model = make_model(night.definition.name, draft.scaled, draft.aligned.fitted, reported.words)
    (folder / "model.json").write_bytes(to_json(model))
    score = make_scorer(reported.rfm)
    fill = partial(join_segments, parts=parts, definition=night.definition, ids=ids, score=score)
    seal(folder, manifest, fill, arrow_schema(segments_schema(night.definition)))
    return folder


def _warn_of_repair(night: Night, draft: EditionDraft) -> list[str]:
    repair = f"the published table of {night.as_of} was damaged; this run has replaced it"
    return [repair] if draft.ingested.key.replaces == DAMAGED else []


def describe_result(night: Night, manifest: Manifest, verdict: Verdict, draft: EditionDraft) -> Published:
    """How the run ended, and where to look."""
    home, name = get_home(night), night.definition.name
    folder = edition_folder(home, night.as_of, manifest.edition)
    table = published_path(home, night.as_of) if verdict.may_publish else folder / SEGMENTS
    late = warn_of_late_files(draft.ingested.late, name, LATE_FILES in night.definition.checks.required)
    return Published(
        name=name,
        as_of=night.as_of,
        edition=manifest.edition,
        outcome="published" if verdict.may_publish else "held",
        k=manifest.k,
        customers=manifest.rows.customers,
        segments_path=str(table),
        report_path=str(folder / "report.html"),
        reasons=verdict.reasons,
        warnings=(*verdict.warnings, *draft.previous.store_warnings, *late, *_warn_of_repair(night, draft)),
        rows=manifest.rows.balance,
        attributes=manifest.attributes,
        merged=manifest.merged,
        quarantine_path=str(folder / QUARANTINE),
        groups=draft.customers.groups,
        files=len(draft.ingested.inputs),
        files_outside=draft.ingested.files_outside,
    )


@stage("publish {night.as_of}")
def publish(night: Night, draft: EditionDraft, verdict: Verdict, reported: Reported) -> Published:
    """Build the edition and commit it: published if every required check passed, else held."""
    manifest = make_manifest(night, draft, verdict, reported)
    folder = build_edition(night, draft, manifest, reported)
    # The stage ends here. Ledger and stage files come once Prefect has kept its result, or a
    # retry would find neither (decision 16).
    commit_edition(night, draft.ingested.key, folder, verdict.may_publish)
    return describe_result(night, manifest, verdict, draft)


def finalise_run(night: Night, draft: EditionDraft, published: Published) -> Published:
    """Complete the ledger and remove stage files, once publish is done and its result is stored.

    A run that dies before or during this step finds that result when it is retried, and repeats the step.
    """
    folder = edition_folder(get_home(night), night.as_of, published.edition)
    manifest = read_manifest(folder)
    facts = {
        **describe_manifest(manifest),
        "inputs": [source.model_dump() for source in draft.ingested.recorded_inputs],
        "reasons": published.reasons,
        "warnings": published.warnings,
        USAGE: measure_usage(night, draft.ingested.inputs, folder),
    }
    return close_published(night, published, draft.ingested.recorded_inputs, facts)
