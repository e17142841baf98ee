"""Scoring a table: each row gets the nearest segment of a model.json. Nothing is fitted or published.

Rows are judged by the definition's contract, as in a nightly run. Assigning is in segmentation/model.py.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from config.definition import Definition
from schemas.fields import arrow_schema
from schemas.model import Model
from schemas.tables import QUARANTINE, scores_schema
from segmentation.errors import Refused
from segmentation.features.encoding import count_unseen_levels, encode
from segmentation.model import assign, detect_scalable, scale_features
from segmentation.parts import to_matrix
from segmentation.rows.judging.cast_batch import make_contract, with_python_schema
from segmentation.rows.judging.judged_batches import judge_files
from segmentation.rows.judging.refusing import refuse_rows
from segmentation.rows.reading.column_places import adapt_header
from segmentation.rows.reading.headers import check_header, columns_to_read, read_header
from segmentation.schema_code import read_source_of
from segmentation.sources.content import check_content, fingerprint
from segmentation.store.files.durable import replace_file, sweep_temporaries
from segmentation.store.publication.edition_files import compute_label_columns, fit_contract

UNSCALABLE = "values that the model cannot scale"


class ScoreResult(NamedTuple):
    """How scoring went: rows written, rows refused by reason, and the files with both.

    `unseen`: customers by feature whose level was not in the training data.
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

    def describe(self) -> str:
        """For people: a summary, then a line for each reason and for each feature with new levels."""
        refused = f"{self.refused.total():,} rows refused"
        lines = [f"{self.rows:,} customers scored, {refused}: {self.output}"]
        lines += [f"  {count:,} {reason}" for reason, count in sorted(self.refused.items())]
        lines += [
            f"  {count:,} customers with a level of {feature} that the model has not seen"
            for feature, count in sorted(self.unseen.items())
        ]
        return "\n".join([*lines, f"Refused rows: {self.quarantine}"] if self.quarantine else lines)


def score_rows(table: pa.Table, definition: Definition, model: Model) -> pa.Table:
    """The output rows for a batch of good rows: customer_id, features, segment_id and so on."""
    scaled = scale_features(model, to_matrix(encode(table, model.encodings)))
    labels = pa.table(assign(scaled, model.centre_matrix())._asdict())
    columns = {name: table[name] for name in ("customer_id", *definition.features)}
    columns |= compute_label_columns(labels, pa.array(model.segment_ids, pa.string()))
    return fit_contract(columns, scores_schema(definition))


def split_scalable(table: pa.Table, model: Model) -> tuple[pa.Table, pa.Table]:
    """The rows that the model can scale, and those that it cannot, with their reason."""
    is_scalable = pa.array(detect_scalable(model, to_matrix(encode(table, model.encodings))))
    unscalable = table.filter(pc.invert(is_scalable))
    reason = pa.array([UNSCALABLE] * unscalable.num_rows, pa.string())
    return table.filter(is_scalable), unscalable.append_column("reason", reason).append_column(
        "reasons", reason
    )


def score_table(path: Path, definition: Definition, model: Model, output: Path) -> ScoreResult:
    """Score a file of any format in batches and write `output`, with a quarantine file next to it.

    Every row read is written or refused with a reason. Duplicate ids are scored row by row. Both files
    appear only when they are complete: if scoring fails, earlier ones stay.
    """
    quarantine = output.with_suffix(".quarantine.parquet")
    check_paths(path, output, quarantine)
    if missing := {encoding.column for encoding in model.encodings} - set(definition.features):
        raise Refused("model", f"the model needs {', '.join(sorted(missing))}, which the definition lacks")
    csv = definition.source.csv
    file = fingerprint(path)
    check_content(path, csv)
    contract = make_contract(definition.customer_rows, definition, None)
    contract = with_python_schema(contract, read_source_of(contract.rows))
    header = adapt_header(path.name, read_header(path, csv), contract.rows)
    check_header(path.name, header, columns_to_read(contract.rows), csv.delimiter)
    name = None if file.input.numbered else file.input.name
    rows, reasons, unseen = 0, Counter[str](), Counter[str]()
    with (
        replace_parquet(output, arrow_schema(scores_schema(definition))) as scores,
        replace_parquet(quarantine, arrow_schema(QUARANTINE)) as refusals,
    ):
        for batch in judge_files([file], contract):
            scalable, unscalable = split_scalable(batch.good, model)
            scores.write_table(score_rows(scalable, definition, model))
            refusals.write_table(batch.refused.cast(arrow_schema(QUARANTINE)))
            if unscalable.num_rows:
                refused = refuse_rows(unscalable, definition.rows.id, [name])
                refusals.write_table(refused.cast(arrow_schema(QUARANTINE)))
            rows += scalable.num_rows
            reasons += batch.reasons
            reasons += Counter({UNSCALABLE: unscalable.num_rows})
            unseen += count_unseen_levels(scalable, model.encodings)
    if not reasons:
        quarantine.unlink()
    return ScoreResult(rows, reasons, unseen, output, quarantine if reasons else None)


def check_paths(path: Path, output: Path, quarantine: Path) -> None:
    """Refuse a missing table, a missing output folder, and outputs that would overwrite the table."""
    if output.suffix != ".parquet":
        raise Refused("output", f"{output.name}: scores are written as .parquet")
    if not path.is_file():
        raise Refused("no-file", f"file {path.name} does not exist")
    if not output.parent.is_dir():
        raise Refused("output", f"{output.name}: folder {output.parent} does not exist")
    if any(target.exists() and target.samefile(path) for target in (output, quarantine)):
        raise Refused("output", f"{output.name}: scores would overwrite the table that is scored")


@contextmanager
def replace_parquet(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet writer whose file takes the name `path` once it is complete."""
    sweep_temporaries(path.parent)  # of a command that was killed: they hold customers' rows
    try:
        with replace_file(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
            yield writer
    except OSError as error:
        raise Refused("output", f"{path.name} cannot be written: {error.strerror or error}") from None
