"""Events to one row per customer: the queries run, customers without a value set aside, rows counted.

What is computed is segmentation/rows/aggregation.py's business, with what, segmentation/rows/engine.py's.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.parameters import Segmentation
from schemas.records import Ingested, Night, Part
from segmentation.errors import Refused
from segmentation.parts import check_part, cut_parts, write_part, write_parts
from segmentation.rows.aggregation import Aggregation, choose_scale
from segmentation.rows.engine import open_engine, run_query
from segmentation.rows.refusing import refuse_rows


class Summarised(NamedTuple):
    """What became of the good rows: customers, refused rows with their reasons, and counts of rows."""

    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    reasons: Counter[str]
    mentions: Counter[str]
    used: int
    merged: int


def name_features(table: pa.Table, segmentation: Segmentation) -> pa.Table:
    """A table of the summary query with the features' names and types: customer_id, events, features.

    Zero is never minus zero: which of the two the least of both is would depend on the rows' order.
    """
    columns = {"customer_id": table["customer_id"], "events": table["events"]}
    for i, name in enumerate(segmentation.features):
        values = table[f"f{i}"]
        if segmentation.customer_columns[name].type == "float":
            values = pc.add(values.cast(pa.float64()), 0.0)
        columns[name] = values
    return pa.table(list(columns.values()), names=list(columns))


def split_customers(table: pa.Table, segmentation: Segmentation) -> tuple[pa.Table, pa.Table]:
    """Customers with a value in every feature, and the ids of the others with why they are refused."""
    missing = np.column_stack(
        [table.column(2 + i).is_null().to_numpy() for i in range(len(segmentation.features))]
    )
    lacks = missing.any(axis=1)
    if not lacks.any():
        return table, table.slice(0, 0)
    words = np.array([f"{name}: no value in the window" for name in segmentation.features], object)
    reasons = [words[row].tolist() for row in missing[lacks]]
    refused = pa.table(
        {
            "customer_id": table["customer_id"].filter(pa.array(lacks)),
            "reason": pa.array([said[0] for said in reasons]),
            "reasons": pa.array(["; ".join(said) for said in reasons]),
        }
    )
    return table.filter(pa.array(~lacks)), refused


def summarise_events(night: Night, rows: Ingested, folder: Path) -> Summarised:
    """Event grain: aggregate the window's good events, and write one row per customer."""
    segmentation, names = night.segmentation, [None if one.numbered else one.name for one in rows.inputs]
    aggregation = Aggregation(segmentation, night.as_of, [str(check_part(part)) for part in rows.parts])
    refused: list[Part] = []
    used = 0

    with open_engine(night.staging, folder / "spill") as connection:
        (measured,) = run_query(connection, aggregation.measure())
        events, *largest = measured.to_pylist()[0].values()
        scales = [choose_scale(one, events) for one in largest]

        def keep() -> Iterator[pa.Table]:
            nonlocal used
            for table in run_query(connection, aggregation.summarise(scales)):
                good, bad = split_customers(name_features(table, segmentation), segmentation)
                used += pc.sum(good["events"]).as_py() or 0
                if bad.num_rows:
                    refused.append(write_part(folder / f"without-value-{len(refused):05d}.parquet", bad))
                yield good.remove_column(1)

        parts = write_parts(folder, "customers", cut_parts(keep()))
        if not parts:
            raise Refused("no-customers", "no customer has a value in the window for every feature")
        reasons, mentions = Counter[str](), Counter[str]()
        quarantine: list[Part] = []
        wanted = aggregation.find_events([str(check_part(part)) for part in refused])
        for number, table in enumerate(run_query(connection, wanted) if refused else ()):
            reasons.update(table["reason"].to_pylist())
            mentions.update(one for said in table["reasons"].to_pylist() for one in said.split("; "))
            told = refuse_rows(table, None, names)
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", told))
    return Summarised(parts, tuple(quarantine), reasons, mentions, used, 0)
