"""The tables of an edition that grow with the customers, written part by part, each against its contract.

What else an edition holds, and committing it, is tasks/publish.py's.
"""

from collections.abc import Iterable, Iterator, Sequence
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
from schemas.identity_tables import CHANGES, CONTESTED
from schemas.part import Part
from schemas.rows import Customers
from schemas.tables import QUARANTINE, segments_schema
from segmentation.partitions import over_parts
from segmentation.parts import read_part


class Names(NamedTuple):
    """Segment ids by position, of this edition and of the one before."""

    now: pa.Array
    before: pa.Array


class Piece(NamedTuple):
    """Parts of the same customers: themselves, their labels, where they were, who left beside them."""

    customers: Part
    labels: Part
    origins: Part | None = None
    left: Part | None = None


def cut_pieces(customers: Customers, found: Aligned) -> list[Piece]:
    """The customers' parts with what is known of each."""
    none = (None,) * len(customers.parts)
    parts = (customers.parts, found.fitted.parts, found.origins or none, found.left or none)
    return [Piece(*one) for one in zip(*parts, strict=True)]


def name_positions(found: Aligned) -> Names:
    """The ids that positions stand for."""
    now = [segment.segment_id for segment in found.fitted.segments]
    return Names(pa.array(now, pa.string()), pa.array(found.before, pa.string()))


def join_segments(pieces: Sequence[Piece], definition: Definition, names: Names) -> Iterator[pa.Table]:
    """The rows of segments.parquet, part by part, each checked against its contract."""
    contract = segments_schema(definition)
    return over_parts(partial(join_piece, contract=contract, names=names), pieces)


def join_piece(piece: Piece, contract: DataFrameSchema, names: Names) -> pa.Table:
    """One part's customers with their labels and where they were."""
    features, found = read_part(piece.customers), read_part(piece.labels)
    schema = arrow_schema(contract)
    runner_up = found["runner_up"].combine_chunks()
    has_one = pc.greater_equal(runner_up, 0)
    segment = names.now.take(found["label"].combine_chunks())
    columns = {
        **{name: features[name] for name in features.column_names},
        "segment_id": segment,
        "distance": found["distance"],
        "margin": pc.if_else(has_one, found["margin"], None),
        "runner_up": names.now.take(pc.if_else(has_one, runner_up, None)),
        **tell_change(segment, piece.origins, names),
    }
    table = pa.table({field.name: columns[field.name].cast(field.type) for field in schema}, schema)
    contract.validate(to_frame(table, contract), lazy=True)
    return table


def tell_change(segment: pa.Array, origins: Part | None, names: Names) -> dict[str, pa.Array]:
    """Where customers in these segments were, change and cause; nulls without an edition before."""
    if origins is None:
        nothing = pa.nulls(len(segment), pa.string())
        return {"previous_segment_id": nothing, "change": nothing, "cause": nothing}
    was = read_part(origins, ["previous", "is_behaviour"])
    place = was["previous"].to_numpy()
    previous = names.before.take(pa.array(place, mask=place < 0))
    stayed = pc.equal(previous, segment)
    change = pc.if_else(pc.is_null(previous), "joined", pc.if_else(stayed, "stayed", "moved"))
    cause = pc.if_else(was["is_behaviour"].combine_chunks(), "behaviour", "model")
    moved = pc.fill_null(pc.equal(change, "moved"), False)
    none = pa.scalar(None, pa.string())
    return {"previous_segment_id": previous, "change": change, "cause": pc.if_else(moved, cause, none)}


def list_changes(piece: Piece, names: Names) -> pa.Table:
    """Who of a part joined or moved, and who left beside them, by customer_id."""
    schema = arrow_schema(CHANGES)
    if piece.origins is None or piece.left is None:
        return schema.empty_table()
    segment = names.now.take(read_part(piece.labels, ["label"])["label"].combine_chunks())
    told = tell_change(segment, piece.origins, names)
    changed = pc.not_equal(told["change"], "stayed")
    ids = read_part(piece.customers, ["customer_id"])["customer_id"].combine_chunks()
    columns = {
        "customer_id": ids,
        "change": told["change"],
        "from_segment_id": told["previous_segment_id"],
        "segment_id": segment,
        "cause": told["cause"],
    }
    here = pa.table(columns, schema).filter(changed)
    gone = read_part(piece.left)
    none = pa.nulls(gone.num_rows, pa.string())
    left = {
        "customer_id": gone["customer_id"],
        "change": pa.array(["left"] * gone.num_rows, pa.string()),
        "from_segment_id": names.before.take(gone["previous"].combine_chunks()),
        "segment_id": none,
        "cause": none,
    }
    return pa.concat_tables([here, pa.table(left, schema)]).sort_by("customer_id").combine_chunks()


def write_segments(
    path: Path, tables: Iterator[pa.Table], schema: pa.Schema, metadata: dict[str, str]
) -> None:
    """Write the table people join: a row group per part, statistics and checksums for its readers."""
    labels = [name for name in schema.names if name.endswith("segment_id") or name == "runner_up"]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*labels, "change", "cause"],
        column_encoding={"customer_id": "DELTA_BYTE_ARRAY"},
        write_page_checksum=True,
    ) as writer:
        for table in tables:
            writer.write_table(table)
        writer.add_key_value_metadata(metadata)


def write_tables(path: Path, tables: Iterable[pa.Table], contract: DataFrameSchema) -> None:
    """Write tables one after the other, each against its contract."""
    schema = arrow_schema(contract)
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for table in tables:
            contract.validate(table.to_pandas(), lazy=True)
            writer.write_table(table.select(schema.names).cast(schema))


def write_quarantine(path: Path, parts: Sequence[Part]) -> None:
    """All refused rows in one file, a row group per part, in the source's order."""
    write_tables(path, (read_part(part).select(list(QUARANTINE.columns)) for part in parts), QUARANTINE)


def write_membership(folder: Path, pieces: Sequence[Piece], found: Aligned) -> None:
    """changes.parquet, and contested.parquet."""
    changes = over_parts(partial(list_changes, names=name_positions(found)), pieces)
    write_tables(folder / "changes.parquet", changes, CHANGES)
    write_tables(folder / "contested.parquet", (read_part(part) for part in found.contested), CONTESTED)


def migration_rows(found: Aligned) -> dict[str, list[object]]:
    """The columns of migration.parquet; nobody's cells are left out."""
    now = [*(segment.segment_id for segment in found.fitted.segments), None]
    rows = [
        (was, to, customers)
        for was, row in zip([*found.before, None], found.migration, strict=bool(found.migration))
        for to, customers in zip(now, row, strict=True)
        if customers
    ]
    columns = np.array(rows, dtype=object).reshape(-1, 3).T
    return dict(zip(("from_segment_id", "segment_id", "customers"), map(list, columns), strict=True))
