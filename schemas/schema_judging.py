"""Judging rows by a reviewed schema: their types, its checks, and what only all rows together can show.

What a schema may contain is decided in schemas/schema_review.py, and checks are run in
schemas/schema_checks.py.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from schemas.schema_checks import Failure, answer_check, check_alone, run_check, silence
from schemas.schema_review import NOT_UNIQUE, NamedCheck, ReviewedSchema, SchemaFault


class JudgedFrame(NamedTuple):
    """Every reason to refuse rows, in the order of the checks, and rows by check that only warns."""

    failures: list[Failure]
    warned: Counter[str]


def judge_frame(frame: pd.DataFrame, schema: ReviewedSchema, *, is_whole: bool = False) -> JudgedFrame:
    """Judge rows, each for itself. SchemaFault if a check cannot do that.

    `is_whole`: the frame has all rows of its table, so uniqueness and whole-table checks are judged too.
    Rows with a missing value or a wrong type are judged no further, since checks may rely on both.
    """
    warned = Counter[str]()
    with silence():
        missing = _list_missing(frame, schema)
        frame = _drop(frame, missing)
        wrong = _list_wrong_types(frame, schema)
        frame = _coerce(_drop(frame, wrong), schema)
        failures = missing + wrong
        for check in schema.row_checks if len(frame) else ():
            failed = run_check(check, frame)
            # A batch is an accident of reading: no check may depend on which rows share it.
            if not is_whole:
                check_alone(check, frame, failed)
            if check.only_warns:
                warned.update({check.full_reason: sum(len(failure.rows) for failure in failed)})
            else:
                failures += failed
        if is_whole:
            failures += _list_repeats(frame, schema)
            for check in schema.table_checks:
                failures += judge_table(frame, check)
    return JudgedFrame(failures, +warned)


def judge_table(frame: pd.DataFrame, check: NamedCheck) -> list[Failure]:
    """A check of a whole table: the rows it refuses. SchemaFault if it answers false for the table."""
    with silence():
        output = answer_check(check, frame)
    if isinstance(output, np.ndarray):
        return [Failure(check.column, check.reason, output)] if len(output) else []
    if not output:
        raise SchemaFault(f"{check.full_reason} is false for the table of {len(frame):,} rows")
    return []


def coerce_frame(frame: pd.DataFrame, schema: ReviewedSchema) -> pd.DataFrame:
    """The rows in the schema's dtypes, as its checks expect them; the frame keeps the schema's contract."""
    with silence():
        return _coerce(frame, schema)


def _drop(frame: pd.DataFrame, failures: Sequence[Failure]) -> pd.DataFrame:
    if not failures:
        return frame
    rows = np.concatenate([failure.rows for failure in failures])
    return frame[~frame.index.isin(rows)]


def _list_missing(frame: pd.DataFrame, schema: ReviewedSchema) -> list[Failure]:
    masks = {name: frame[name].isna().to_numpy() for name in schema.required}
    return [
        Failure(name, "missing", frame.index[mask].to_numpy()) for name, mask in masks.items() if mask.any()
    ]


def _list_wrong_types(frame: pd.DataFrame, schema: ReviewedSchema) -> list[Failure]:
    """Values that cannot be coerced to their column's dtype, or do not have it."""
    failures: list[Failure] = []
    # Once more without these rows: only then does pandera tell whether the others have the type.
    while problems := _validate_types(remaining := _drop(frame, failures), schema)[1]:
        rows: dict[tuple[str | None, str], list[int]] = {}
        for error in problems:
            dtype = _describe_type(error.schema)
            column = getattr(error, "column_name", None) or error.schema.name
            cases = error.failure_cases
            if not isinstance(cases, pd.DataFrame) or cases["index"].isna().any():
                place = "a column" if column is None else f"column {column}"
                raise SchemaFault(
                    f"{place} has another type than {dtype}; declare coerce=True, or another type"
                )
            positions = remaining.index[cases["index"].to_numpy(np.int64)]
            rows.setdefault((column, f"not {dtype}"), []).extend(positions)
        failures += [Failure(name, reason, np.unique(labels)) for (name, reason), labels in rows.items()]
    return failures


def _describe_type(schema: pa.DataFrameSchema | pa.Column) -> str:
    """`int64`, or a pydantic model's name."""
    model = getattr(getattr(schema.dtype, "type", None), "__name__", None)
    return str(schema.dtype) if model is None else model


def _coerce(frame: pd.DataFrame, schema: ReviewedSchema) -> pd.DataFrame:
    coerced, problems = _validate_types(frame, schema)
    if problems:
        # Every row that fails alone is gone, so what fails now depends on other rows.
        raise SchemaFault("its types refuse rows for the other rows of their batch")
    return coerced


def _validate_types(frame: pd.DataFrame, schema: ReviewedSchema) -> tuple[pd.DataFrame, list[Any]]:
    """The coerced rows, and pandera's errors, which hold values."""
    if frame.empty:
        return frame, []
    kind = None
    try:
        # By position: types of whole rows number them again.
        coerced = schema.types.validate(frame.reset_index(drop=True), lazy=True)
        return coerced.set_axis(frame.index), []
    except SchemaErrors as errors:
        return frame, list(errors.schema_errors)
    except Exception as error:
        kind = type(error).__name__
    # Not raised while the other one is handled: a chain of exceptions shows its messages.
    raise SchemaFault(f"its types cannot be checked: {kind}")


def _list_repeats(frame: pd.DataFrame, schema: ReviewedSchema) -> list[Failure]:
    failures = []
    for rule in schema.unique:
        present = frame.dropna(subset=list(rule.columns))
        is_repeated = present.duplicated(list(rule.columns), keep=rule.keep or False)
        if is_repeated.any():
            rows = present.index[is_repeated].to_numpy()
            failures.append(Failure(", ".join(rule.columns), NOT_UNIQUE, rows))
    return failures
