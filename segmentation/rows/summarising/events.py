"""Summarising events to one row per customer. Customers who lack a feature's value are quarantined.

The queries are built in aggregation.py and run by engine.py.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.definition import Definition
from schemas.night import Night
from schemas.part import Part
from schemas.rows import LARGEST_KEPT, Ingested
from segmentation.errors import Refused
from segmentation.partitions import write_parts
from segmentation.parts import choose_part_rows, rechunk, write_part
from segmentation.rows.judging.refusing import refuse_rows
from segmentation.rows.summarising.aggregation import Aggregation, choose_scale
from segmentation.rows.summarising.engine import open_engine, run_query
from segmentation.rows.summarising.kept_events import keep_events
from segmentation.rows.summarising.kept_rows import QuerySession, list_paths
from segmentation.rows.summarising.seen_days import write_seen_days


class Summarised(NamedTuple):
    """What the good rows of ingest became: customers, or quarantined rows with their reasons."""

    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    reasons: Counter[str]
    mentions: Counter[str]
    used: int
    merged: int
    largest: tuple[int, ...] = ()  # the most events of single customers, descending
    events: int = 0
    seen_days: tuple[Part, ...] = ()  # with groups: the customers' first and last day, in the same parts


def name_features(table: pa.Table, definition: Definition) -> pa.Table:
    """A result of the customers query with the names and types of the kept columns.

    Adding 0.0 turns minus zero into zero. Otherwise the minimum of the two would depend on row order.
    """
    columns = {"customer_id": table["customer_id"], "events": table["events"]}
    kinds = definition.customer_columns
    for i, name in enumerate(definition.kept_of_rows):
        values = table[f"f{i}"]
        if kinds[name].type == "float":
            values = pc.add(values.cast(pa.float64()), 0.0)
        columns[name] = values
    return pa.table(list(columns.values()), names=list(columns))


class SplitCustomers(NamedTuple):
    """Customers with a value in every feature, and the ids of the others with `reason` and `reasons`."""

    complete: pa.Table
    incomplete: pa.Table


def split_customers(table: pa.Table, definition: Definition) -> SplitCustomers:
    """Separate customers with a value in every feature that needs one from those to refuse."""
    contracts = definition.customer_columns
    names = [name for name in definition.features if name in table.column_names]
    names = [name for name in names if not contracts[name].nullable]
    if not names:
        return SplitCustomers(table, table.slice(0, 0))
    missing = np.column_stack([table[name].is_null().to_numpy() for name in names])
    lacks = missing.any(axis=1)
    if not lacks.any():
        return SplitCustomers(table, table.slice(0, 0))
    # An object array, because a mask can index it.
    texts = np.array([f"{name}: no value in the window" for name in names], object)
    reasons = [texts[row].tolist() for row in missing[lacks]]
    incomplete = pa.table(
        {
            "customer_id": table["customer_id"].filter(pa.array(lacks)),
            "reason": pa.array([texts[0] for texts in reasons]),
            "reasons": pa.array(["; ".join(texts) for texts in reasons]),
        }
    )
    return SplitCustomers(table.filter(pa.array(~lacks)), incomplete)


def summarise_events(night: Night, rows: Ingested, folder: Path) -> Summarised:
    """Event grain: aggregate the window's good events, and write one row per customer."""
    definition = night.definition
    incomplete: list[Part] = []
    used, counts = 0, np.empty(0, np.int64)
    names = [None if file.numbered else file.name for file in rows.inputs]

    with open_engine(night.staging, folder / "spill") as connection:
        session = QuerySession(connection, folder, names)
        kept_events = keep_events(rows, night, session)
        aggregation = Aggregation(definition, night.as_of, kept_events.parts)
        (ranges,) = run_query(connection, aggregation.ranges_query())
        events, *largest = ranges.to_pylist()[0].values()
        scales = [choose_scale(size, events) for size in largest]

        # A generator, so that neither customers nor refused ids are in memory all at once.
        def stream_complete() -> Iterator[pa.Table]:
            nonlocal used, counts
            for table in run_query(connection, aggregation.customers_query(scales)):
                counts = np.sort(np.concatenate([counts, table["events"].to_numpy()]))[-LARGEST_KEPT:]
                split = split_customers(name_features(table, definition), definition)
                used += pc.sum(split.complete["events"]).as_py() or 0
                if split.incomplete.num_rows:
                    path = folder / f"without-value-{len(incomplete):05d}.parquet"
                    incomplete.append(write_part(path, split.incomplete))
                yield split.complete.remove_column(1)

        # This line consumes the generator: only now are `incomplete` and `used` final.
        part_rows = choose_part_rows(1 + len(definition.kept_columns))
        parts = write_parts(folder, "customers", rechunk(stream_complete(), part_rows))
        if not parts:
            raise Refused("no-customers", "no customer has a value in the window for every feature")
        reasons, mentions = kept_events.reasons.copy(), kept_events.mentions.copy()
        quarantine = list(kept_events.quarantine)
        seen_days = (
            write_seen_days(definition, kept_events.parts, parts, session) if definition.groups else ()
        )
        query = aggregation.refused_events_query(list_paths(incomplete))
        for number, table in enumerate(run_query(connection, query) if incomplete else ()):
            reasons.update(table["reason"].to_pylist())
            mentions.update(reason for text in table["reasons"].to_pylist() for reason in text.split("; "))
            refused_rows = refuse_rows(table, None, names)
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", refused_rows))
    largest = tuple(int(count) for count in counts[::-1])
    return Summarised(
        parts, tuple(quarantine), reasons, mentions, used, kept_events.merged, largest, events, seen_days
    )
