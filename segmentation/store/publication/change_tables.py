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
    STAYED,
    EditionPart,
    SegmentIds,
    compute_change_columns,
    detect_changes,
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
    departed = read_part(part.departed)
    position = departed["previous"].combine_chunks()
    departed_columns = {
        "customer_id": departed["customer_id"],
        "change": pa.array(["left"] * departed.num_rows, pa.string()),
        "from_segment_id": ids.previous.take(position),
        "from_segment_name": ids.previous_names.take(position),
        **dict.fromkeys(
            ("segment_id", "segment_name", "cause", *_REASONS), pa.nulls(departed.num_rows, pa.string())
        ),
    }
    changed = _compute_columns(part, part.previous_segments, ids)
    rows = pa.concat_tables(pa.table(columns).cast(schema) for columns in (changed, departed_columns))
    # Sorted, so that rows of those who left do not depend on how the parts were cut.
    return rows.sort_by("customer_id").combine_chunks()


def _compute_columns(part: EditionPart, previous_segments: Part, ids: SegmentIds) -> dict[str, pa.Array]:
    """The columns of customers who joined or moved."""
    labels = read_part(part.labels, ["label"])["label"].to_numpy()
    earlier = read_part(previous_segments, ["previous", "is_behaviour"])
    rows = np.flatnonzero(detect_changes(labels, earlier["previous"].to_numpy(), ids) != STAYED)
    labels, earlier = labels[rows], earlier.take(pa.array(rows))
    position = earlier["previous"].to_numpy()
    columns = compute_change_columns(labels, earlier, ids)
    return {
        "customer_id": read_part(part.customers, ["customer_id"])["customer_id"].take(pa.array(rows)),
        "change": columns["change"],
        "from_segment_id": columns["previous_segment_id"],
        "from_segment_name": ids.previous_names.take(pa.array(position, mask=position < 0)),
        "segment_id": ids.current.take(pa.array(labels)),
        "segment_name": ids.names.take(pa.array(labels)),
        "cause": columns["cause"],
        **_compute_reasons(part, rows, columns["cause"]),
    }


def _compute_reasons(part: EditionPart, rows: np.ndarray, cause: pa.Array) -> dict[str, pa.Array]:
    """What moved the customers in these rows (m,) of a part; null for those who did not move."""
    if part.move_reasons is None:
        return dict.fromkeys(_REASONS, pa.nulls(len(rows), pa.string()))
    move_reasons = read_part(part.move_reasons, ["row", *_REASONS])
    place = pc.index_in(pa.array(rows), value_set=move_reasons["row"].combine_chunks())
    columns = {name: move_reasons[name].combine_chunks().take(place) for name in _REASONS}
    by_model = pc.fill_null(pc.equal(cause.cast(pa.string()), "model"), False)
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
