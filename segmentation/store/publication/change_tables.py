"""changes.parquet, contested.parquet and migration.parquet: what changed since the previous edition.

The columns of segments.parquet are in segmentation/store/publication/edition_files.py.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.fields import arrow_schema
from schemas.identity import Aligned
from schemas.identity_tables import BORDER, CHANGES, CONTESTED
from schemas.part import Part
from segmentation.partitions import map_parts
from segmentation.parts import read_part
from segmentation.store.publication.edition_files import (
    EditionPart,
    SegmentIds,
    compute_change_columns,
    write_tables,
)
from segmentation.store.publication.group_changes import fill_in_groups

_REASONS = ("moved_by", "before", "after", "moved_by_2", "before_2", "after_2")


def write_changes(
    folder: Path, parts: Sequence[EditionPart], aligned: Aligned, ids: SegmentIds, known_parts: Sequence[Part]
) -> None:
    """Write changes.parquet and contested.parquet. known_parts: with groups, all known customers."""
    changes = fill_in_groups(map_parts(partial(list_changes, ids=ids), parts), known_parts)
    write_tables(folder / "changes.parquet", changes, CHANGES)
    write_tables(folder / "contested.parquet", map(read_part, aligned.contested), CONTESTED)


def list_changes(part: EditionPart, ids: SegmentIds) -> pa.Table:
    """Customers of a part who joined or moved, and those in its id range who left, by customer_id."""
    schema = arrow_schema(CHANGES)
    if part.previous_segments is None or part.departed is None:
        return schema.empty_table()
    changed = pa.table(_compute_columns(part, ids), schema)
    changed = changed.filter(pc.not_equal(changed["change"], "stayed"))
    departed = read_part(part.departed)
    nulls = pa.nulls(departed.num_rows, pa.string())
    departed_columns = {
        "customer_id": departed["customer_id"],
        "change": pa.array(["left"] * departed.num_rows, pa.string()),
        "from_segment_id": ids.previous.take(departed["previous"].combine_chunks()),
        "from_segment_name": ids.previous_names.take(departed["previous"].combine_chunks()),
        "segment_id": nulls,
        "segment_name": nulls,
        "cause": nulls,
        **dict.fromkeys(_REASONS, nulls),
    }
    rows = pa.concat_tables([changed, pa.table(departed_columns, schema)])
    # Sorted, so that rows of those who left do not depend on how the parts were cut.
    return rows.sort_by("customer_id").combine_chunks()


def _compute_columns(part: EditionPart, ids: SegmentIds) -> dict[str, pa.Array]:
    labels = read_part(part.labels, ["label"])["label"].combine_chunks()
    segment_ids = ids.current.take(labels)
    columns = compute_change_columns(segment_ids, part.previous_segments, ids)
    return {
        "customer_id": read_part(part.customers, ["customer_id"])["customer_id"].combine_chunks(),
        "change": columns["change"],
        "from_segment_id": columns["previous_segment_id"],
        "from_segment_name": ids.previous_names.take(
            pc.index_in(columns["previous_segment_id"], value_set=ids.previous)
        ),
        "segment_id": segment_ids,
        "segment_name": ids.names.take(labels),
        "cause": columns["cause"],
        **_compute_reasons(part, columns["cause"]),
    }


def _compute_reasons(part: EditionPart, cause: pa.Array) -> dict[str, pa.Array]:
    """What moved each customer of a part; null for those who did not move."""
    if part.move_reasons is None:
        return dict.fromkeys(_REASONS, pa.nulls(len(cause), pa.string()))
    move_reasons = read_part(part.move_reasons, ["row", *_REASONS])
    place = np.full(len(cause), -1)
    place[move_reasons["row"].to_numpy()] = np.arange(move_reasons.num_rows)
    rows = pa.array(place, mask=place < 0)
    columns = {name: move_reasons[name].combine_chunks().take(rows) for name in _REASONS}
    by_model = pc.fill_null(pc.equal(cause, "model"), False)
    return {**columns, "moved_by": pc.if_else(by_model, BORDER, columns["moved_by"])}


def migration_columns(aligned: Aligned) -> dict[str, list[object]]:
    """The columns of migration.parquet, without the cells that have no customers."""
    segment_ids = [*(segment.segment_id for segment in aligned.fitted.segments), None]
    previous_ids = [*aligned.previous_ids, None]
    rows = [
        (previous_id, segment_id, customers)
        for previous_id, counts in zip(previous_ids, aligned.migration, strict=bool(aligned.migration))
        for segment_id, customers in zip(segment_ids, counts, strict=True)
        if customers
    ]
    columns = np.array(rows, dtype=object).reshape(-1, 3).T
    return dict(zip(("from_segment_id", "segment_id", "customers"), map(list, columns), strict=True))
