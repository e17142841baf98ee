"""Running one check of a schema on rows: which of them fail, and for what reason.

Checks are other people's code. Whatever they return, raise, print or warn of, no value of a row leaves this
module. Judging rows by a whole schema is in schemas/schema_judging.py.
"""

import os
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.backends.base import BaseCheckBackend

from schemas.schema_review import WHOLE_TABLE, NamedCheck, SchemaFault

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


@contextmanager
def silence() -> Iterator[None]:
    """Let no warning and no print of a check out: both may show values, and --json needs standard output."""
    # The lock: both are settings of the process, and several threads judge batches.
    with _LOCK, warnings.catch_warnings(), Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        warnings.simplefilter("ignore")
        yield


def run_check(check: NamedCheck, frame: pd.DataFrame) -> list[Failure]:
    """The rows that fail a check of rows, and those on which it raises."""
    failed: list[np.ndarray] = []
    raised: dict[str, list[int]] = {}
    pending = [frame]
    while pending:
        piece = pending.pop()
        output = answer_check(check, piece, raises=False)
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


def answer_check(check: NamedCheck, frame: pd.DataFrame, *, raises: bool = True) -> np.ndarray | bool | str:
    """The labels of rows that fail, or one answer for the table, or the name of what the check raised."""
    kind = None
    try:
        if isinstance(check.check, pa.Hypothesis):
            return bool(check.check(frame, check.column).check_passed)
        backend = _make_backend(check.check, frame)
        subject = backend.preprocess(frame, check.column)  # type: ignore[no-untyped-call]
        if isinstance(subject, pd.Series) and subject.empty:
            return np.empty(0, np.int64)  # missing values only
        output = backend.apply(subject)  # type: ignore[no-untyped-call]
        return _read_output(check, output, subject)
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


def _read_output(check: NamedCheck, output: Any, subject: Any) -> np.ndarray | bool:  # noqa: ANN401 - theirs
    ignores = check.check.ignore_na
    if isinstance(subject, dict):
        return bool(np.all(output))  # one answer, or one for each group
    if isinstance(output, (list, np.ndarray)) and len(output) == len(subject):
        output = pd.Series(output, subject.index)
    if not isinstance(output, (pd.DataFrame, pd.Series)):
        return bool(output)
    if not output.index.equals(subject.index):
        raise SchemaFault(f"{check.full_reason} answers for other rows than it was given")
    # A comparison with a missing value is missing, not false, in pandas' nullable types.
    passed = (output.isna() & ignores) | output.fillna(False).astype(bool)
    if isinstance(passed, pd.DataFrame):
        return _list_failed((passed | subject.isna() if ignores else passed).all(axis=1))
    if ignores and isinstance(subject, pd.DataFrame):
        passed |= subject.isna().all(axis=1)
    return _list_failed(passed)


def _list_failed(passed: pd.Series) -> np.ndarray:
    labels: np.ndarray = passed.index[~passed.to_numpy(bool)].to_numpy()
    return labels


def check_alone(check: NamedCheck, frame: pd.DataFrame, failures: Sequence[Failure]) -> None:
    """SchemaFault if a row's result depends on other rows, which are in the same batch only by chance."""
    if len(frame) < 2:
        return
    failed = [label for failure in failures for label in failure.rows.tolist()]
    present = frame if check.column is None else frame[[check.column]].dropna()
    ends = present.index[[0, -1]].tolist() if len(present) else []
    for label in [*failed[:_MOST_REPEATED], *(label for label in ends if label not in failed)]:
        fails_alone = any(len(failure.rows) for failure in run_check(check, frame.loc[[label]]))
        if fails_alone != (label in failed):
            raise SchemaFault(
                f"{check.full_reason} judges a row by the rows around it: list it under {WHOLE_TABLE} in the "
                "schema's metadata, so that it sees all of them"
            )
