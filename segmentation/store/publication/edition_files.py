"""segments.parquet and the other tables that grow with the customers, each checked against its contract.

They are written part by part. Texts of few values are dictionaries: a number for each customer, and each
text once. To add a column to segments.parquet, describe it in schemas/tables.py and docs/outputs.md, and
compute it here. What else an edition holds is in tasks/publish.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pandera.pandas import DataFrameSchema

from config.definition import Definition
from schemas.fields import arrow_schema, to_frame
from schemas.identity import Aligned
from schemas.known_table import KNOWN
from schemas.part import Part
from schemas.row_masks import keeps_contract
from schemas.rows import Customers
from schemas.tables import QUARANTINE, segments_schema
from segmentation.errors import ContractMismatch
from segmentation.partitions import consume_parts, map_parts
from segmentation.parts import hash_file, read_part, rechunk
from segmentation.store.publication.segments_file import Write

JOINED, STAYED, MOVED = range(3)
_CHANGES = pa.array(["joined", "stayed", "moved"]).dictionary_encode()
_CAUSES = pa.array(["model", "behaviour"]).dictionary_encode()

Scorer = Callable[[pa.Table], Mapping[str, pa.Array]]


class SegmentIds(NamedTuple):
    """Segment ids by position, of this edition and of the previous one, and the names of each."""

    current: pa.DictionaryArray
    previous: pa.DictionaryArray
    names: pa.DictionaryArray
    previous_names: pa.DictionaryArray


class EditionPart(NamedTuple):
    """Stage files about the same customers. All but the first two are None without a previous edition."""

    customers: Part
    labels: Part
    previous_segments: Part | None = None
    departed: Part | None = None
    move_reasons: Part | None = None


def list_edition_parts(customers: Customers, aligned: Aligned) -> list[EditionPart]:
    """The customers' parts, each with its labels, previous segments and departed customers."""
    missing = (None,) * len(customers.parts)
    columns = (
        customers.parts,
        aligned.fitted.parts,
        aligned.previous_segments or missing,
        aligned.departed or missing,
        aligned.moved or missing,
    )
    return [EditionPart(*parts) for parts in zip(*columns, strict=True)]


def get_segment_ids(aligned: Aligned, names: Mapping[str, str]) -> SegmentIds:
    """The segment ids that the positions in label files stand for. names: by id, also of segments before.

    A segment without one, since the history of the previous edition is lost, is called by its id.
    """
    current = [segment.segment_id for segment in aligned.fitted.segments]
    texts = (
        current,
        aligned.previous_ids,
        [names.get(segment_id, segment_id) for segment_id in current],
        [names.get(segment_id, segment_id) for segment_id in aligned.previous_ids],
    )
    return SegmentIds(*(pa.array(by_position, pa.string()).dictionary_encode() for by_position in texts))


def join_segments(
    write: Write,
    parts: Sequence[EditionPart],
    definition: Definition,
    ids: SegmentIds,
    score: Scorer | None = None,
) -> None:
    """Write the rows of segments.parquet, part by part, each checked against the contract."""
    join = partial(join_part, contract=segments_schema(definition), ids=ids, score=score)
    consume_parts(join, write, parts)


def join_part(
    part: EditionPart, contract: DataFrameSchema, ids: SegmentIds, score: Scorer | None
) -> pa.Table:
    """The rows of segments.parquet for one part of the customers. score: what computes its RFM scores."""
    customers = read_part(part.customers)
    columns = dict(zip(customers.column_names, customers.columns, strict=True))
    labels = read_part(part.labels)
    columns |= compute_label_columns(labels, ids.current)
    columns["segment_name"] = ids.names.take(labels["label"].combine_chunks())
    earlier = part.previous_segments and read_part(part.previous_segments, ["previous", "is_behaviour"])
    columns |= compute_change_columns(labels["label"].to_numpy(), earlier, ids)
    if score is not None:
        columns |= score(customers)
    table = fit_contract(columns, contract)
    # Every row is validated before it is written: a defect here must not reach readers.
    check_table(table, contract)
    return table


def check_table(table: pa.Table, contract: DataFrameSchema) -> None:
    """Check every row against the contract: by masks, and by pandera, which says what is wrong, in doubt."""
    types = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in table.schema.types]
    if types != arrow_schema(contract).types or not keeps_contract(table, contract):
        contract.validate(to_frame(table, contract), lazy=True)


def compute_label_columns(labels: pa.Table, segment_ids: pa.Array) -> dict[str, pa.Array]:
    """Columns that follow from the model alone, for segments.parquet and `resegment score`.

    labels: label, distance, margin and runner_up, with runner_up -1 if there is one segment only.
    """
    runner_up = labels["runner_up"].combine_chunks()
    has_runner_up = pc.greater_equal(runner_up, 0)
    return {
        "segment_id": segment_ids.take(labels["label"].combine_chunks()),
        "distance": labels["distance"],
        "margin": pc.if_else(has_runner_up, labels["margin"], None),
        "runner_up": segment_ids.take(pc.if_else(has_runner_up, runner_up, None)),
    }


def compute_change_columns(
    labels: np.ndarray, earlier: pa.Table | None, ids: SegmentIds
) -> dict[str, pa.Array]:
    """Previous segment, change and cause of customers; nulls without a previous edition.

    labels (n,): their positions tonight. earlier: their `previous` and `is_behaviour`, see PreviousSegments.
    """
    if earlier is None:
        nulls = pa.nulls(len(labels), ids.previous.type)
        return {"previous_segment_id": nulls, "change": nulls, "cause": nulls}
    position = earlier["previous"].to_numpy()
    change = detect_changes(labels, position, ids)
    is_behaviour = earlier["is_behaviour"].to_numpy().astype(np.int8)
    return {
        "previous_segment_id": ids.previous.take(pa.array(position, mask=position < 0)),
        "change": _CHANGES.take(pa.array(change)),
        "cause": _CAUSES.take(pa.array(is_behaviour, mask=change != MOVED)),
    }


def detect_changes(labels: np.ndarray, previous: np.ndarray, ids: SegmentIds) -> np.ndarray:
    """JOINED, STAYED or MOVED, int8 (n,), from positions tonight and last night (n,), which may be -1."""
    # A segment may have another position tonight, or be gone.
    tonight = pc.index_in(ids.previous.cast(pa.string()), value_set=ids.current.cast(pa.string()))
    new_positions = np.append(pc.fill_null(tonight, -1).to_numpy(), -1)
    change = np.where(new_positions[previous] == labels, STAYED, MOVED)
    return np.where(previous < 0, JOINED, change).astype(np.int8)


def fit_contract(columns: Mapping[str, pa.Array], contract: DataFrameSchema) -> pa.Table:
    """The columns in the contract's order and types. ContractMismatch unless both have the same columns.

    A column that is a dictionary remains one.
    """
    schema = arrow_schema(contract)
    uncomputed, undescribed = {*schema.names} - columns.keys(), columns.keys() - {*schema.names}
    if uncomputed or undescribed:
        raise ContractMismatch(
            f"{contract.name}: the contract in schemas/tables.py and the columns computed in "
            f"segmentation/store/publication/edition_files.py differ: not computed {sorted(uncomputed)}, "
            f"not in the contract {sorted(undescribed)}; nothing was published"
        )
    arrays = [_cast_values(columns[field.name], field.type) for field in schema]
    fields = [field.with_type(values.type) for field, values in zip(schema, arrays, strict=True)]
    return pa.table(arrays, schema=pa.schema(fields, schema.metadata))


def _cast_values(values: pa.Array, kind: pa.DataType) -> pa.Array:
    return values.cast(pa.dictionary(pa.int32(), kind) if pa.types.is_dictionary(values.type) else kind)


def write_tables(path: Path, tables: Iterable[pa.Table], contract: DataFrameSchema) -> None:
    """Write tables one after the other into one file, each checked against the contract."""
    schema = arrow_schema(contract)
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            check_table(table, contract)
            writer.write_table(table.select(schema.names).cast(schema))


def write_known(path: Path, parts: Sequence[Part]) -> None:
    """All known customers in one file, a row group per part, sorted by customer_id."""
    write_tables(path, (read_part(part).cast(arrow_schema(KNOWN)) for part in parts), KNOWN)


def write_quarantine(path: Path, parts: Sequence[Part]) -> None:
    """All refused rows in one file, in the source's order."""
    schema = arrow_schema(QUARANTINE)
    # Which rows are in one part depends on what was judged together, and so on the nights before.
    refused = (read_part(part).select(schema.names).cast(schema) for part in parts)
    write_tables(path, rechunk(refused), QUARANTINE)


def hash_files(folder: Path) -> dict[str, str]:
    """The sha256 of each file of a folder, by its name in order; hashed by several threads."""
    paths = sorted(folder.iterdir())
    return dict(zip((path.name for path in paths), map_parts(hash_file, paths), strict=True))
