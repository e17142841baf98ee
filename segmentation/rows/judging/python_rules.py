"""The rows of a batch that a definition's Python schema refuses.

Finding and running the schema's source is in segmentation/schema_code.py, its checks in
schemas/schema_judging.py; checks of the whole table are applied in
segmentation/rows/summarising/table_rules.py.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from config.columns import Rows
from schemas.contract import Refusal
from schemas.schema_judging import judge_frame
from schemas.schema_review import ReviewedSchema, SchemaFault
from segmentation.errors import Refused

_NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}


class PythonRules(NamedTuple):
    """A definition's rows, and the schema that rows.schema names."""

    rows: Rows
    schema: ReviewedSchema

    @property
    def columns(self) -> list[str]:
        """The columns that the schema sees, the id first."""
        names = [name for name in self.rows.columns if name != self.rows.id]
        return names if self.rows.id is None else [self.rows.id, *names]

    def refuse(self, fault: SchemaFault) -> Refused:
        """The refusal of a night whose schema fails itself."""
        return Refused("schema", f"rows.schema {self.rows.python_schema}: {fault}")


def to_typed_frame(table: pa.Table, rules: PythonRules) -> pd.DataFrame:
    """The rows as pandas has them; numbers and booleans that may be missing in its nullable types."""
    columns = {}
    for name in rules.columns:
        declared = rules.rows.columns.get(name)
        # By declaration: else a column's type would depend on which rows are in the batch.
        is_nullable = declared is not None and declared.nullable and name != rules.rows.id
        columns[name] = table[name].to_pandas(types_mapper=_NULLABLE.get if is_nullable else None)
    return pd.DataFrame(columns)


def add_python_refusals(
    table: pa.Table, refusals: Sequence[Refusal], rules: PythonRules
) -> tuple[list[Refusal], Counter[str]]:
    """The reasons to refuse rows of a batch with those of the schema, and what it only warns of.

    It judges the rows that keep the definition's contract, so that its checks meet declared types only.
    """
    is_good = np.ones(table.num_rows, bool)
    for refusal in refusals:
        is_good[refusal.rows] = False
    frame = to_typed_frame(table.filter(pa.array(is_good)), rules).set_index(np.flatnonzero(is_good))
    fault: SchemaFault | None = None
    try:
        judgement = judge_frame(frame, rules.schema)
    except SchemaFault as error:
        fault = error
    if fault is not None:
        raise rules.refuse(fault)
    warned = {
        f"{reason} of rows.schema fails, which only warns": count
        for reason, count in judgement.warned.items()
    }
    added = [
        Refusal(failure.column, failure.full_reason, failure.rows.astype(np.int64))
        for failure in judgement.failures
    ]
    return [*refusals, *added], Counter(warned)
