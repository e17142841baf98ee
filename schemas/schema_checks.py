"""Running the checks of a reviewed schema on rows: which rows fail, and for what reason.

Checks are other people's code. Whatever they return, raise, print or warn of, no value of a row leaves this
module. What a schema may contain is decided in schemas/schema_review.py.
"""

import os
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.backends.base import BaseCheckBackend
from pandera.errors import SchemaErrors

from schemas.schema_review import NOT_UNIQUE, WHOLE_TABLE, NamedCheck, ReviewedSchema, SchemaFault

FAILURE_COLUMNS = ["row", "column", "reason", "full_reason"]
# A check that raises on more rows of a batch is broken, or the rows are not what it was written for.
MOST_RAISED = 20
_MOST_REPEATED = 3  # failing rows that are judged once more, alone
_LOCK = threading.RLock()


class Failure(NamedTuple):
    """Rows that fail for one reason, by the labels of the frame's index."""

    column: str | None
    reason: str
    rows: np.ndarray

    @property
    def full_reason(self) -> str:
        """`amount: even`, or the reason alone for whole rows."""
        return self.reason if self.column is None else f"{self.column}: {self.reason}"


class Judgement(NamedTuple):
    """Every reason to refuse a row, as list_reasons has them, and rows by check that only warns."""

    reasons: pd.DataFrame
    warned: Counter[str]


def judge_frame(frame: pd.DataFrame, schema: ReviewedSchema, *, is_whole: bool = False) -> Judgement:
    """Judge rows, each for itself. SchemaFault if a check cannot do that.

    `is_whole`: the frame has all rows of its table, so uniqueness and whole-table checks are judged too.
    Rows with a missing value or a wrong type are judged no further, since checks may rely on both.
    """
    warned = Counter[str]()
    with _quiet():
        missing = _find_missing(frame, schema)
        frame = _drop(frame, missing)
        wrong = _find_wrong_types(frame, schema)
        frame = _coerce(_drop(frame, wrong), schema)
        failures = missing + wrong
        for check in schema.row_checks if len(frame) else ():
            failed = _run(check, frame)
            if not is_whole:
                _check_alone(check, frame, failed)
            if check.only_warns:
                warned.update({check.full_reason: sum(len(failure.rows) for failure in failed)})
            else:
                failures += failed
        if is_whole:
            failures += _find_repeats(frame, schema)
            for check in schema.table_checks:
                failures += judge_table(frame, check)
    return Judgement(tabulate(failures), +warned)


def judge_table(frame: pd.DataFrame, check: NamedCheck) -> list[Failure]:
    """A check of a whole table: the rows it refuses. SchemaFault if it answers false for the table."""
    with _quiet():
        output = _answer(check, frame)
    if isinstance(output, np.ndarray):
        return [Failure(check.column, check.reason, output)] if len(output) else []
    if not output:
        raise SchemaFault(f"{check.full_reason} is false for the table of {len(frame):,} rows")
    return []


def coerce_frame(frame: pd.DataFrame, schema: ReviewedSchema) -> pd.DataFrame:
    """The rows in the schema's dtypes, as its checks expect them; the frame keeps the schema's contract."""
    with _quiet():
        return _coerce(frame, schema)


def tabulate(failures: Sequence[Failure]) -> pd.DataFrame:
    """One line per row and reason, with the columns row, column, reason and full_reason, sorted by row."""
    if not failures:
        empty: dict[str, Any] = {
            name: np.empty(0, np.int64) if name == "row" else [] for name in FAILURE_COLUMNS
        }
        return pd.DataFrame(empty)
    tables = [
        pd.DataFrame(
            {
                "row": failure.rows.astype(np.int64),
                "column": pd.Series([failure.column] * len(failure.rows), dtype=object),
                "reason": failure.reason,
                "full_reason": failure.full_reason,
            }
        )
        for failure in failures
    ]
    return pd.concat(tables, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Let no warning and no print of a check out: both may show values, and --json needs standard output."""
    # The lock: both are settings of the process, and several threads judge batches.
    with _LOCK, warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        yield


def _drop(frame: pd.DataFrame, failures: Sequence[Failure]) -> pd.DataFrame:
    if not failures:
        return frame
    return frame.drop(index=np.unique(np.concatenate([failure.rows for failure in failures])))


def _find_missing(frame: pd.DataFrame, schema: ReviewedSchema) -> list[Failure]:
    masks = {name: frame[name].isna().to_numpy() for name in schema.required}
    return [
        Failure(name, "missing", frame.index[mask].to_numpy()) for name, mask in masks.items() if mask.any()
    ]


def _find_wrong_types(frame: pd.DataFrame, schema: ReviewedSchema) -> list[Failure]:
    """Values that cannot be coerced to their column's dtype, or do not have it."""
    failures: list[Failure] = []
    # Once more without these rows: only then does pandera tell whether the others have the type.
    while problems := _validate_types(rest := _drop(frame, failures), schema)[1]:
        rows: dict[tuple[str | None, str], list[int]] = {}
        for error in problems:
            dtype, column = (
                _describe_type(error.schema),
                getattr(error, "column_name", None) or error.schema.name,
            )
            cases = error.failure_cases
            if not isinstance(cases, pd.DataFrame) or cases["index"].isna().any():
                place = "a column" if column is None else f"column {column}"
                raise SchemaFault(
                    f"{place} has another type than {dtype}; declare coerce=True, or another type"
                )
            rows.setdefault((column, f"not {dtype}"), []).extend(rest.index[cases["index"].astype(np.int64)])
        failures += [Failure(name, reason, np.unique(labels)) for (name, reason), labels in rows.items()]
    return failures


def _describe_type(schema: pa.DataFrameSchema | pa.Column) -> str:
    """`int64`, or a pydantic model's name."""
    model = getattr(getattr(schema.dtype, "type", None), "__name__", None)
    return str(schema.dtype) if model is None else model


def _coerce(frame: pd.DataFrame, schema: ReviewedSchema) -> pd.DataFrame:
    coerced, problems = _validate_types(frame, schema)
    if problems:
        raise SchemaFault("its types refuse rows for the other rows of their batch")
    return coerced


def _validate_types(frame: pd.DataFrame, schema: ReviewedSchema) -> tuple[pd.DataFrame, list[Any]]:
    """The coerced rows, and pandera's errors, which hold values."""
    if frame.empty:
        return frame, []
    kind = None
    try:
        # By position: types of whole rows number them anew.
        coerced = schema.types.validate(frame.reset_index(drop=True), lazy=True)
        return coerced.set_axis(frame.index), []
    except SchemaErrors as errors:
        return frame, list(errors.schema_errors)
    except Exception as error:
        kind = type(error).__name__
    # Not raised while the other one is handled: a chain of exceptions shows its messages.
    raise SchemaFault(f"its types cannot be checked: {kind}")


def _find_repeats(frame: pd.DataFrame, schema: ReviewedSchema) -> list[Failure]:
    failures = []
    for rule in schema.unique:
        present = frame.dropna(subset=list(rule.columns))
        is_repeated = present.duplicated(list(rule.columns), keep=rule.keep or False)
        if is_repeated.any():
            rows = present.index[is_repeated].to_numpy()
            failures.append(Failure(", ".join(rule.columns), NOT_UNIQUE, rows))
    return failures


def _run(check: NamedCheck, frame: pd.DataFrame) -> list[Failure]:
    """The rows that fail a check of rows, and those on which it raises."""
    failed: list[np.ndarray] = []
    raised: dict[str, list[int]] = {}
    pending = [frame]
    while pending:
        piece = pending.pop()
        output = _answer(check, piece, raises=False)
        if isinstance(output, np.ndarray):
            failed.append(output)
        elif isinstance(output, bool):
            raise SchemaFault(
                f"{check.full_reason} gives one answer for a whole table, and rows come in batches: list it "
                f"under {WHOLE_TABLE} in the schema's metadata, or return one answer for each row"
            )
        elif len(piece) > 1:
            # Halves: one row that the check cannot take must not refuse the others.
            half = len(piece) // 2
            pending += [piece.iloc[half:], piece.iloc[:half]]
        else:
            raised.setdefault(output, []).append(int(piece.index[0]))
            if sum(map(len, raised.values())) > MOST_RAISED:
                raise SchemaFault(f"{check.full_reason} raised {output} on more than {MOST_RAISED} rows")
    rows = np.concatenate(failed) if failed else np.empty(0, np.int64)
    failures = [Failure(check.column, check.reason, rows)] if len(rows) else []
    return failures + [
        Failure(check.column, f"{check.reason} raised {kind}", np.array(labels))
        for kind, labels in raised.items()
    ]


def _answer(check: NamedCheck, frame: pd.DataFrame, *, raises: bool = True) -> np.ndarray | bool | str:
    """The labels of rows that fail, or one answer for the table, or the name of what the check raised."""
    kind = None
    try:
        if isinstance(check.check, pa.Hypothesis):
            return bool(check.check(frame, check.column).check_passed)
        backend = _make_backend(check.check, frame)
        subject = backend.preprocess(frame, check.column)
        if isinstance(subject, pd.Series) and subject.empty:
            return np.empty(0, np.int64)  # missing values only
        return _read_output(check, backend.apply(subject), subject)
    except (MemoryError, SchemaFault):
        raise
    except (Exception, SystemExit) as error:
        kind = type(error).__name__
    if raises:
        raise SchemaFault(f"{check.full_reason} raised {kind}")
    return kind


def _make_backend(check: pa.Check, frame: pd.DataFrame) -> BaseCheckBackend:
    """What runs the check, as Check.__call__ makes it: that one refuses answers that are missing."""
    backend_type = check.get_backend(frame)
    name = getattr(check._check_fn, "__name__", None)
    # pandera's own checks are registered for pandas only now.
    if name is not None and check.is_builtin_check(name):
        check._check_fn = check.get_builtin_check_fn(name)
    return backend_type(check)


def _read_output(check: NamedCheck, output: object, subject: object) -> np.ndarray | bool:
    ignores = check.check.ignore_na
    if isinstance(subject, dict):
        return bool(np.all(output))  # one answer, or one for each group
    if isinstance(output, (list, np.ndarray)) and len(output) == len(subject):
        output = pd.Series(output, subject.index)
    if isinstance(output, (pd.DataFrame, pd.Series)) and not output.index.equals(subject.index):
        raise SchemaFault(f"{check.full_reason} answers for other rows than it was given")
    if isinstance(output, pd.DataFrame):
        passed = output.fillna(ignores).astype(bool)
        return passed.index[~(passed | subject.isna() if ignores else passed).all(axis=1)].to_numpy()
    if isinstance(output, pd.Series):
        # A comparison with a missing value is missing, not false, in pandas' nullable types.
        passed = output.isna() & ignores | output.fillna(False).astype(bool)
        if ignores and isinstance(subject, pd.DataFrame):
            passed |= subject.isna().all(axis=1)
        return passed.index[~passed].to_numpy()
    return bool(output)


def _check_alone(check: NamedCheck, frame: pd.DataFrame, failures: Sequence[Failure]) -> None:
    """SchemaFault if a row's result depends on other rows, which are in the same batch only by chance."""
    if len(frame) < 2:
        return
    failed = np.concatenate([failure.rows for failure in failures]) if failures else np.empty(0, np.int64)
    present = frame if check.column is None else frame[[check.column]].dropna()
    passed = present.index[[0, -1]].difference(failed) if len(present) else []
    for label in [*failed[:_MOST_REPEATED], *passed]:
        fails_alone = any(len(failure.rows) for failure in _run(check, frame.loc[[label]]))
        if fails_alone != (label in failed):
            raise SchemaFault(
                f"{check.full_reason} judges a row by the rows around it: list it under {WHOLE_TABLE} in the "
                "schema's metadata, so that it sees all of them"
            )
