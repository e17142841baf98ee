"""Stage 9, publish: build the edition's folder, then commit it in one step.

The commit itself, its lock and its order of renames are segmentation/commit.py's.
"""

import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pandera.pandas import DataFrameSchema

from config.parameters import Segmentation
from schemas.evidence import Choice
from schemas.manifest import Manifest
from schemas.records import Customers, Fitted, Ingested, Night, Part, Published, Reported, Scaled
from schemas.tables import QUARANTINE, arrow_schema, segments_schema, to_frame
from schemas.verdicts import Verdict
from segmentation.commit import commit_edition
from segmentation.model import Model, to_json
from segmentation.partitions import over_parts
from segmentation.parts import hash_file, read_part, start_folder
from segmentation.store import (
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
from tasks.artifacts import show_edition
from tasks.night import finish
from tasks.options import stage

LIBRARIES = ("numpy", "pandas", "pyarrow", "duckdb", "scikit-learn", "plotly", "pandera")


def join_segments(
    pairs: Sequence[tuple[Part, Part]], segmentation: Segmentation, ids: Sequence[str]
) -> Iterator[pa.Table]:
    """The rows of segments.parquet, part by part, each checked against its contract."""
    contract = segments_schema(segmentation)
    return over_parts(partial(join_part, contract=contract, names=pa.array(ids, pa.string())), pairs)


def join_part(pair: tuple[Part, Part], contract: DataFrameSchema, names: pa.Array) -> pa.Table:
    """One part's customers with their labels; names are the segment ids by position."""
    features, found = (read_part(part) for part in pair)
    schema = arrow_schema(contract)
    runner_up = found["runner_up"].combine_chunks()
    has_one = pa.compute.greater_equal(runner_up, 0)
    columns = {
        **{name: features[name] for name in features.column_names},
        "segment_id": names.take(found["label"].combine_chunks()),
        "distance": found["distance"],
        "margin": pa.compute.if_else(has_one, found["margin"], None),
        "runner_up": names.take(pa.compute.if_else(has_one, runner_up, None)),
    }
    table = pa.table({field.name: columns[field.name].cast(field.type) for field in schema}, schema)
    contract.validate(to_frame(table, contract), lazy=True)
    return table


def write_segments(
    path: Path, tables: Iterator[pa.Table], schema: pa.Schema, metadata: dict[str, str]
) -> None:
    """Write the table people join: a row group per part, statistics and checksums for its readers."""
    labels = ["segment_id", "runner_up"]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=labels,
        column_encoding={"customer_id": "DELTA_BYTE_ARRAY"},
        write_page_checksum=True,
    ) as writer:
        for table in tables:
            writer.write_table(table)
        writer.add_key_value_metadata(metadata)


def write_quarantine(path: Path, parts: Sequence[Part]) -> None:
    """All refused rows in one file, a row group per part, in the source's order."""
    schema = arrow_schema(QUARANTINE)
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for part in parts:
            table = read_part(part).select(schema.names)
            QUARANTINE.validate(table.to_pandas(), lazy=True)
            writer.write_table(table.cast(schema))


def make_model(segmentation: Segmentation, scaled: Scaled, fitted: Fitted) -> Model:
    """model.json: all that is needed to assign a customer."""
    return Model(
        name=segmentation.name,
        version=VERSION,
        encodings=scaled.encodings,
        columns=scaled.columns,
        quantum=scaled.quantum,
        segment_ids=tuple(segment.segment_id for segment in fitted.segments),
        centres=tuple(segment.centre for segment in fitted.segments),
    )


def make_manifest(
    night: Night, rows: Ingested, customers: Customers, choice: Choice, fitted: Fitted, verdict: Verdict
) -> Manifest:
    """The manifest but for its files' digests. No clock, no run id, no host, no path."""
    return Manifest(
        name=night.segmentation.name,
        as_of=str(night.as_of),
        edition=rows.key.edition,
        previous=rows.key.previous,
        decision="published" if verdict.may_publish else "held",
        reasons=verdict.reasons,
        definition=night.segmentation.substance(),
        inputs=tuple(one.model_dump() for one in rows.digests),
        rows=count_rows(customers),
        k=choice.k,
        why_k=choice.reasons,
        inertia=fitted.inertia,
        checks=tuple(check.model_dump() for check in verdict.checks),
        versions={"resegment": VERSION, **{name: version(name) for name in LIBRARIES}},
        files={},
    )


def count_rows(customers: Customers) -> dict[str, Any]:
    """The manifest's `rows`: the balance of rows, and how many customers they make."""
    counted = {"read", "used", "merged", "quarantined", "outside", "reasons", "mentions"}
    return {"customers": customers.customers, **customers.model_dump(include=counted)}


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


@stage("publish {night.as_of}")
def publish(
    night: Night,
    rows: Ingested,
    customers: Customers,
    scaled: Scaled,
    choice: Choice,
    fitted: Fitted,
    verdict: Verdict,
    reported: Reported,
) -> Published:
    """Build the edition and commit it: published if every required check passed, else held."""
    folder = start_folder(night.staging / "edition")
    folder.chmod(0o755)  # staging is private, an edition is for every reader of the store
    for part, name in (
        (reported.html, "report.html"),
        (reported.profiles, "profiles.parquet"),
        (reported.sweep, "sweep.parquet"),
    ):
        shutil.copyfile(part.path, folder / name)
    write_quarantine(folder / "quarantine.parquet", customers.quarantine)
    model = make_model(night.segmentation, scaled, fitted)
    (folder / "model.json").write_bytes(to_json(model))
    manifest = make_manifest(night, rows, customers, choice, fitted, verdict)
    pairs = list(zip(customers.parts, fitted.parts, strict=True))
    tables = join_segments(pairs, night.segmentation, model.segment_ids)
    seal(folder, manifest, (tables, arrow_schema(segments_schema(night.segmentation))))
    commit_edition(night, rows.key, folder, verdict.may_publish)
    home = find_home(night)
    final = edition_folder(home, night.as_of, rows.key.edition)
    table = published_path(home, night.as_of) if verdict.may_publish else final / SEGMENTS
    published = Published(
        name=night.segmentation.name,
        as_of=night.as_of,
        edition=rows.key.edition,
        outcome="published" if verdict.may_publish else "held",
        k=choice.k,
        customers=customers.customers,
        segments_path=str(table),
        report_path=str(final / "report.html"),
        reasons=verdict.reasons,
        warnings=verdict.warnings,
    )
    facts = {
        "inputs": [one.model_dump() for one in rows.inputs],
        "k": choice.k,
        "inertia": fitted.inertia,
        "rows": manifest.rows,
        "reasons": verdict.reasons,
        "warnings": verdict.warnings,
        "versions": manifest.versions,
    }
    show_edition(night, published, verdict)
    return finish(night, published, facts)
