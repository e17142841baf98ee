"""The contract of incoming rows, built from the definition, and the reasons for every refused row.

Values arrive in their declared types, cast by segmentation/rows/casting/text_columns.py. The contract is
pandera's; batches are judged by its checks compiled to masks, see schemas/row_masks.py. Schemas that people
write are judged in schemas/schema_judging.py.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as pc

from config.columns import Column, Rows
from schemas.row_masks import compile_column

MAX_ID_LENGTH = 256
# Years outside are typing errors or a system's "never", such as 9999-12-31.
FIRST_YEAR, LAST_YEAR = 1900, 2200
# Ids rewritten by a spreadsheet: 1E5 for 100000, 1.0 for 1, 2-Jan for 1-2. The original is lost.
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MANGLED = rf"^(?:\d+\.0+|\d+(?:\.\d+)?[eE][+-]?\d+|\d{{1,2}}-(?:{_MONTHS})(?:-\d{{2,4}})?)$"

# What exports write in place of the id in a final line of totals.
_TOTALS = [
    *("total", "Total", "TOTAL", "totals", "Totals", "TOTALS"),
    *("grand total", "Grand total", "Grand Total", "GRAND TOTAL", "sum", "Sum", "SUM"),
]


def _is_short(ids: pd.Series, length: int) -> pd.Series:
    return ids.str.len() <= length


def _is_not_blank(ids: pd.Series) -> pd.Series:
    return ids.str.strip().str.len() > 0


def _is_not_mangled(ids: pd.Series, mangled: str) -> pd.Series:
    return ~ids.str.match(mangled)


def _is_one_line(ids: pd.Series) -> pd.Series:
    return ~(ids.str.contains("\n", regex=False) | ids.str.contains("\r", regex=False))


def _is_no_total(ids: pd.Series, totals: Sequence[str]) -> pd.Series:
    return ~ids.isin(totals)


def _has_no_nul(texts: pd.Series) -> pd.Series:
    return ~texts.str.contains("\0", regex=False)


def _is_credible(stamps: pd.Series, first: int, last: int) -> pd.Series:
    credible: pd.Series = stamps.dt.year.between(first, last)
    return credible


def _is_finite(values: pd.Series) -> pd.Series:
    # Needed next to bounds: infinity passes pandera's ge(0).
    return pd.Series(np.isfinite(values.to_numpy(np.float64, na_value=0.0)), values.index)


def _matches(texts: pd.Series, pattern: str) -> pd.Series:
    """The whole text matches. RE2 takes time in proportion to the text, whatever the pattern."""
    is_match = pc.match_substring_regex(arrow.array(texts, arrow.string()), rf"\A(?:{pattern})\z")
    return pd.Series(is_match.to_numpy(zero_copy_only=False), texts.index)


def _checks(column: Column, is_id: bool) -> list[pa.Check]:
    """The checks of one column. Each check's name is the reason that goes to quarantine."""
    pattern = (
        []
        if column.pattern is None
        else [pa.Check(_matches, name="does not match the pattern", pattern=column.pattern)]
    )
    if is_id:
        return [
            pa.Check(_is_not_blank, name="blank id"),
            pa.Check(_is_short, name=f"id longer than {MAX_ID_LENGTH}", length=MAX_ID_LENGTH),
            pa.Check(_has_no_nul, name="NUL character"),
            pa.Check(_is_not_mangled, name="id rewritten by a spreadsheet", mangled=_MANGLED),
            # A stray quote at the start of an id swallows lines up to the next quote.
            pa.Check(_is_one_line, name="line break"),
            pa.Check(_is_no_total, name="totals row", totals=_TOTALS),
            *pattern,
        ]
    checks = []
    if column.type == "float":
        checks.append(pa.Check(_is_finite, name="not finite"))
    if column.type == "timestamp":
        years = f"year not within {FIRST_YEAR} to {LAST_YEAR}"
        checks.append(pa.Check(_is_credible, name=years, first=FIRST_YEAR, last=LAST_YEAR))
    if column.type in ("text", "category"):
        checks.append(pa.Check(_has_no_nul, name="NUL character"))
    bounds: list[tuple[float | None, Callable[..., pa.Check], str]] = [
        (column.ge, pa.Check.ge, "below"),
        (column.gt, pa.Check.gt, "not above"),
        (column.le, pa.Check.le, "above"),
        (column.lt, pa.Check.lt, "not below"),
    ]
    checks += [
        make_check(limit, name=f"{words} {limit:.15g}")
        for limit, make_check, words in bounds
        if limit is not None
    ]
    if column.isin is not None or column.order is not None:
        allowed = list(column.isin or column.order or ())
        checks.append(pa.Check.isin(allowed, name="not an allowed value"))
    return [*checks, *pattern]


def rows_schema(rows: Rows) -> pa.DataFrameSchema:
    """The pandera contract of a batch, the id first. It has no dtypes: casting comes before."""
    columns = {
        name: pa.Column(
            checks=_checks(column, name == rows.id),
            nullable=column.nullable and name != rows.id,
            description=column.description,
        )
        for name, column in rows.columns.items()
    }
    if rows.id is not None:
        identifier = pa.Column(checks=_checks(Column(type="text"), True), nullable=False)
        columns = {rows.id: columns.pop(rows.id, identifier), **columns}
    return pa.DataFrameSchema(columns, name="rows", strict=True, metadata={"id": rows.id})


class BrokenRule(NamedTuple):
    """A rule of rows.where, and the rows of a batch that break it: bool (n,)."""

    column: str
    reason: str
    mask: np.ndarray


class Refusal(NamedTuple):
    """Rows refused for one reason: their positions in the batch, int64 (r,), and the column to blame."""

    column: str | None
    reason: str
    rows: np.ndarray


def list_refusals(
    table: arrow.Table,
    schema: pa.DataFrameSchema,
    unreadable: Mapping[str, np.ndarray],
    broken_rules: Sequence[BrokenRule] = (),
) -> list[Refusal]:
    """Every reason to refuse rows of a batch; of each row, the primary reason is in the first of them.

    `schema` comes from rows_schema. `unreadable` has a mask per column of values that could not be cast, bool
    (n,). The order: the id's reasons, then rules in the definition's order, then columns in the contract's
    order, and within a column that of its checks.
    """
    by_column = {
        name: _list_column(name, table[name], column, unreadable.get(name))
        for name, column in schema.columns.items()
    }
    identifier = by_column.pop((schema.metadata or {}).get("id"), iter(()))
    rules = [Refusal(rule.column, rule.reason, np.flatnonzero(rule.mask)) for rule in broken_rules]
    refusals = [*identifier, *rules, *chain.from_iterable(by_column.values())]
    return [refusal for refusal in refusals if len(refusal.rows)]


def _list_column(
    name: str, values: arrow.ChunkedArray, column: pa.Column, unreadable: np.ndarray | None
) -> Iterator[Refusal]:
    if unreadable is not None:
        yield Refusal(name, f"{name}: unreadable", np.flatnonzero(unreadable))
    for check in compile_column(column):
        mask = check.detect(values)
        # An unreadable value is null after the cast, so that it is missing is only an echo.
        yield Refusal(
            name,
            f"{name}: {check.reason}",
            np.flatnonzero(mask if unreadable is None else mask & ~unreadable),
        )
