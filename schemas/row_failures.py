"""The rows of a batch that fail a schema, by the short way for rows_schema's, by the long way for any other.

pandera's errors hold values and end here. What they become in quarantine is decided in schemas/contract.py.
"""

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from schemas.schema_judging import judge_frame
from schemas.schema_review import SchemaFault, review_schema

# What a check of rows_schema can find; anything else takes the long way.
_ROW_FAILURES = (SchemaErrorReason.SERIES_CONTAINS_NULLS, SchemaErrorReason.DATAFRAME_CHECK)


def list_failures(batch: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The rows that fail the schema: row, column, reason, rank. Those of rows_schema take the short way."""
    if _is_plain(schema):
        try:
            # Lazily, for all failures of a batch at once; otherwise pandera stops at the first.
            schema.validate(batch, lazy=True)
            return pd.DataFrame()
        except SchemaErrors as errors:
            if all(_names_rows(error) for error in errors.schema_errors):
                return _from_failures(errors.failure_cases, schema)
    fault = ""
    try:
        reviewed = review_schema(schema, [str(name) for name in batch.columns])
        reasons = judge_frame(batch, reviewed, is_whole=True).reasons
        return reasons.assign(rank=np.arange(len(reasons)))
    except SchemaFault as error:
        fault = str(error)
    # Outside the handler: a chain of exceptions would show pandera's messages.
    raise SchemaFault(f"the contract itself failed, not a row: {fault}")


def _names_rows(error: SchemaError) -> bool:
    """Is the error about single rows, as those of rows_schema's own checks are?"""
    return error.reason_code in _ROW_FAILURES and isinstance(error.failure_cases, pd.DataFrame)


def _is_plain(schema: pa.DataFrameSchema) -> bool:
    """Has the schema only what rows_schema gives one?"""
    return (
        bool(schema.metadata)
        and "id" in schema.metadata
        and not (schema.checks or schema.parsers or schema.unique or schema.dtype or schema.drop_invalid_rows)
        and not any(
            column.dtype or column.unique or column.regex or column.parsers
            for column in schema.columns.values()
        )
        and not any(
            check.n_failure_cases or check.raise_warning
            for column in schema.columns.values()
            for check in column.checks
        )
    )


def _from_failures(cases: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """pandera's failure cases without the values: row, column, reason, rank."""
    names = {name: [str(check.name) for check in column.checks] for name, column in schema.columns.items()}
    is_null = cases["check"] == "not_nullable"
    reasons = [
        "missing" if null else names[column][int(number)]
        for null, column, number in zip(
            is_null, cases["column"], cases["check_number"].fillna(0), strict=True
        )
    ]
    # A missing value comes before the column's checks, which ignore nulls.
    rank = np.where(is_null, -1, cases["check_number"].fillna(-1).astype(np.int64))
    return pd.DataFrame(
        {"row": cases["index"].astype(np.int64), "column": cases["column"], "reason": reasons, "rank": rank}
    )
