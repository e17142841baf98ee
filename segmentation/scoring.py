"""Assigning a table to the segments of a model.json, with the contract of the definition.

Numpy alone does the assigning; nothing is fitted and nothing is published.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from config.parameters import Segmentation
from schemas.fields import arrow_schema
from schemas.tables import QUARANTINE, scores_schema
from segmentation.errors import Refused
from segmentation.features.encoding import encode, find_unseen
from segmentation.model import Model, assign
from segmentation.parts import to_matrix
from segmentation.rows.judging import judge_files, make_contract
from segmentation.rows.reading import check_header, columns_to_read, read_header
from segmentation.rows.refusing import refuse_rows
from segmentation.source import check_content, fingerprint

UNSCALABLE = "values that the model cannot scale"


class Scored(NamedTuple):
    """How scoring went: rows written, rows refused by reason, and where those are.

    `unseen`: customers by feature whose level the model has never seen.
    """

    rows: int
    refused: Counter[str]
    unseen: Counter[str]
    output: Path
    quarantine: Path | None

    def facts(self) -> dict[str, object]:
        """For scripts."""
        counts = {"refused": dict(self.refused), "unseen": dict(self.unseen)}
        return {"rows": self.rows, **counts, "output": str(self.output)}

    def tell(self) -> str:
        """For people: a line for the whole, one for each reason, one for each feature with new levels."""
        refused = f"{self.refused.total():,} rows refused"
        lines = [f"{self.rows:,} customers scored, {refused}: {self.output}"]
        lines += [f"  {count:,} {reason}" for reason, count in sorted(self.refused.items())]
        lines += [
            f"  {count:,} customers with a level of {feature} that the model has not seen"
            for feature, count in sorted(self.unseen.items())
        ]
        return "\n".join([*lines, f"Refused rows: {self.quarantine}"] if self.quarantine else lines)


def label_rows(table: pa.Table, segmentation: Segmentation, model: Model) -> pa.Table:
    """Rows of segments.parquet for a batch of good rows: customer_id, features, segment and so on."""
    found = assign(model.scale(to_matrix(encode(table, model.encodings))), model.centre_matrix())
    schema = arrow_schema(scores_schema(segmentation))
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


def part_rows(table: pa.Table, model: Model) -> tuple[pa.Table, pa.Table]:
    """The rows that the model can scale, and those that it cannot, with their reason."""
    able = pa.array(model.can_scale(to_matrix(encode(table, model.encodings))))
    unable = table.filter(pc.invert(able))
    said = pa.array([UNSCALABLE] * unable.num_rows, pa.string())
    return table.filter(able), unable.append_column("reason", said).append_column("reasons", said)


def score_table(path: Path, segmentation: Segmentation, model: Model, output: Path) -> Scored:
    """Score a CSV or Parquet file in batches and write `output`; refused rows go beside it.

    Every row read is written or refused with a reason. Duplicate ids are scored row by row. The
    files have their names only when they are whole: a score that fails leaves what was there.
    """
    beside = output.with_suffix(".quarantine.parquet")
    check_paths(path, output, beside)
    missing = {one.column for one in model.encodings} - set(segmentation.features)
    if missing:
        raise Refused("model", f"the model needs {', '.join(sorted(missing))}, which the definition lacks")
    csv = segmentation.source.csv
    file = fingerprint(path)
    check_content(path, csv)
    contract = make_contract(segmentation.customer_rows, segmentation, None)
    check_header(path.name, read_header(path, csv), columns_to_read(contract.rows), csv.delimiter)
    name = None if file.input.numbered else file.input.name
    rows, reasons, unseen = 0, Counter[str](), Counter[str]()
    with (
        replacing(output, arrow_schema(scores_schema(segmentation))) as good,
        replacing(beside, arrow_schema(QUARANTINE)) as bad,
    ):
        for judged in judge_files([file], contract):
            able, unable = part_rows(judged.good, model)
            good.write_table(label_rows(able, segmentation, model))
            bad.write_table(judged.refused.cast(arrow_schema(QUARANTINE)))
            if unable.num_rows:
                refused = refuse_rows(unable, segmentation.rows.id, [name])
                bad.write_table(refused.cast(arrow_schema(QUARANTINE)))
            rows += able.num_rows
            reasons += judged.reasons
            reasons += Counter({UNSCALABLE: unable.num_rows})
            unseen += find_unseen(able, model.encodings)
    if not reasons:
        beside.unlink()
    return Scored(rows, reasons, unseen, output, beside if reasons else None)


def check_paths(path: Path, output: Path, beside: Path) -> None:
    """Refuse a table that is not there, and outputs that would take its place or have none."""
    if output.suffix != ".parquet":
        raise Refused("output", f"{output.name}: scores are written as .parquet")
    if not path.is_file():
        raise Refused("no-file", f"there is no file {path.name}")
    if not output.parent.is_dir():
        raise Refused("output", f"{output.name}: there is no folder {output.parent}")
    if any(one.exists() and one.samefile(path) for one in (output, beside)):
        raise Refused("output", f"{output.name}: scores would replace the table that is scored")


@contextmanager
def replacing(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A writer of a Parquet file that takes the place of `path` when it is whole."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            yield writer
        partial.replace(path)
    except OSError as error:
        raise Refused("output", f"{path.name} cannot be written: {error.strerror or error}") from None
    finally:
        partial.unlink(missing_ok=True)
