"""Assigning a table to the segments of a model.json, with the contract of the definition.

Numpy alone does the assigning; nothing is fitted and nothing is published.
"""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from config.parameters import Segmentation
from schemas.tables import QUARANTINE, arrow_schema, segments_schema
from segmentation.errors import Refused
from segmentation.judging import judge_files, make_contract
from segmentation.model import Model, assign
from segmentation.parts import to_matrix
from segmentation.reading import check_header, columns_to_read, read_header
from segmentation.source import check_content, fingerprint


class Scored(NamedTuple):
    """How scoring went: rows written, rows refused by reason, and where those are."""

    rows: int
    refused: Counter[str]
    output: Path
    quarantine: Path | None


def label_rows(table: pa.Table, segmentation: Segmentation, model: Model) -> pa.Table:
    """Rows of segments.parquet for a batch of good rows: customer_id, features, segment and so on."""
    found = assign(
        model.scale(to_matrix(table, [one.feature for one in model.columns])), model.centre_matrix()
    )
    schema = arrow_schema(segments_schema(segmentation))
    ids = pa.array(model.segment_ids, pa.string())
    alone = np.broadcast_to(len(ids) == 1, found.label.shape)
    columns = {
        "customer_id": table["customer_id"],
        **{name: table[name] for name in segmentation.features},
        "segment_id": ids.take(pa.array(found.label)),
        "distance": pa.array(found.distance),
        "margin": pa.array(found.margin, mask=alone),
        "runner_up": ids.take(pa.array(np.maximum(found.runner_up, 0), mask=alone)),
    }
    return pa.table({field.name: columns[field.name].cast(field.type) for field in schema}, schema)


def score_table(path: Path, segmentation: Segmentation, model: Model, output: Path) -> Scored:
    """Score a CSV or Parquet file in batches and write `output`; refused rows go beside it.

    Every row read is written or refused with a reason. Duplicate ids are scored row by row.
    """
    if output.suffix != ".parquet":
        raise Refused("output", f"{output.name}: scores are written as .parquet")
    missing = [one.feature for one in model.columns if one.feature not in segmentation.features]
    if missing:
        raise Refused("model", f"the model needs {', '.join(missing)}, which the definition lacks")
    if not path.is_file():
        raise Refused("no-file", f"there is no file {path.name}")
    csv = segmentation.source.csv
    check_content(path, csv)
    contract = make_contract(segmentation.customer_rows, segmentation, None)
    check_header(path.name, read_header(path, csv), columns_to_read(contract.rows), csv.delimiter)
    beside = output.with_suffix(".quarantine.parquet")
    rows, reasons = 0, Counter[str]()
    schema = arrow_schema(segments_schema(segmentation))
    with (
        pq.ParquetWriter(output, schema, compression="zstd") as good,
        pq.ParquetWriter(beside, arrow_schema(QUARANTINE), compression="zstd") as bad,
    ):
        for judged in judge_files([fingerprint(path)], contract):
            good.write_table(label_rows(judged.good, segmentation, model))
            bad.write_table(judged.refused.cast(arrow_schema(QUARANTINE)))
            rows += judged.good.num_rows
            reasons += judged.reasons
    if not reasons:
        beside.unlink()
    return Scored(rows, reasons, output, beside if reasons else None)
