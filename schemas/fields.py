"""Columns of published tables, and how a pandera contract becomes an Arrow schema with descriptions.

The tables are in tables.py and identity_tables.py.
"""

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow

SEGMENT_ID = r"^S\d{2,}$"


def text(description: str, nullable: bool = False, check: pa.Check | None = None) -> pa.Column:
    """A text column."""
    return pa.Column("str", check, nullable=nullable, description=description)


def number(description: str, nullable: bool = False, at_least: float | None = None) -> pa.Column:
    """A float64 column."""
    checks = [] if at_least is None else [pa.Check.ge(at_least)]
    return pa.Column("float64", checks, nullable=nullable, description=description)


def count(description: str, at_least: int = 0) -> pa.Column:
    """An int64 column of counts."""
    return pa.Column("int64", pa.Check.ge(at_least), description=description)


IS_SEGMENT = pa.Check.str_matches(SEGMENT_ID)
IS_DAY = pa.Check.str_matches(r"^\d{4}-\d{2}-\d{2}$")

_ARROW = {
    "string[pyarrow]": arrow.string(),
    "float64": arrow.float64(),
    "float32": arrow.float32(),
    "int64": arrow.int64(),
    "Int64": arrow.int64(),
    "bool": arrow.bool_(),
    "boolean": arrow.bool_(),
    "datetime64[ns]": arrow.timestamp("us"),  # pandera's name for times of every unit
}
_TO_PANDAS = {arrow.int64(): pd.Int64Dtype(), arrow.bool_(): pd.BooleanDtype()}


def arrow_schema(schema: pa.DataFrameSchema) -> arrow.Schema:
    """The Arrow schema of a published table, each field with its description."""
    fields = [
        arrow.field(
            name,
            _ARROW[str(column.dtype)],
            bool(column.nullable),
            {"description": column.description or ""},
        )
        for name, column in schema.columns.items()
    ]
    return arrow.schema(fields, {"description": schema.description or ""})


def to_frame(table: arrow.Table, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The table as a frame for validation. Nullable integers and booleans keep their type."""
    frame: pd.DataFrame = table.to_pandas()
    for name in table.column_names:
        if arrow.types.is_dictionary(table[name].type):
            frame[name] = table[name].cast(table[name].type.value_type).to_pandas()
    # pandas would otherwise turn integers next to a null into floats, which rounds those above 2^53.
    for name, column in schema.columns.items():
        if str(column.dtype) in ("Int64", "boolean"):
            frame[name] = table.select([name]).to_pandas(types_mapper=_TO_PANDAS.get)[name]
    return frame


def checked_table(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> arrow.Table:
    """Validate a table against its contract, and convert it to Arrow with descriptions.

    Raises pandera's SchemaErrors with all failures: a defect of Resegment, never of the input.
    """
    valid = schema.validate(frame, lazy=True)
    return arrow.Table.from_pandas(valid, schema=arrow_schema(schema), preserve_index=False)
