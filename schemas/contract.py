"""The contract of incoming rows, built from the definition, and the reasons for every refused row.

Values arrive in their declared types, cast by segmentation/rows/casting/text_columns.py. pandera validates
each batch lazily, and its failures become one list of reasons per row. pandera's own messages contain
customers' values, so they never leave this module. Schemas that people write are judged in
schemas/schema_judging.py.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as pc

from config.columns import Column, Rows
from schemas.row_failures import list_failures
from schemas.schema_judging import FAILURE_COLUMNS, tabulate_failures

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


def _is_short(ids: pd.Series) -> pd.Series:
    return ids.str.len() <= MAX_ID_LENGTH


def _is_not_blank(ids: pd.Series) -> pd.Series:
    return ids.str.strip().str.len() > 0


def _is_not_mangled(ids: pd.Series) -> pd.Series:
    return ~ids.str.match(_MANGLED)


def _is_one_line(ids: pd.Series) -> pd.Series:
    return ~(ids.str.contains("\n", regex=False) | ids.str.contains("\r", regex=False))


def _is_no_total(ids: pd.Series) -> pd.Series:
    return ~ids.isin(_TOTALS)


def _has_no_nul(texts: pd.Series) -> pd.Series:
    return ~texts.str.contains("\0", regex=False)


def _is_credible(stamps: pd.Series) -> pd.Series:
    credible: pd.Series = stamps.dt.year.between(FIRST_YEAR, LAST_YEAR)
    return credible


def _is_finite(values: pd.Series) -> pd.Series:
    # Needed next to bounds: infinity passes pandera's ge(0).
    return pd.Series(np.isfinite(values.to_numpy(np.float64, na_value=0.0)), values.index)


def _make_pattern_check(pattern: str) -> pa.Check:
    """The whole text matches. RE2 takes time in proportion to the text, whatever the pattern."""

    def matches(texts: pd.Series) -> pd.Series:
        is_match = pc.match_substring_regex(arrow.array(texts, arrow.string()), rf"\A(?:{pattern})\z")
        return pd.Series(is_match.to_numpy(zero_copy_only=False), texts.index)

    return pa.Check(matches, name="does not match the pattern")


def _checks(column: Column, is_id: bool) -> list[pa.Check]:
    """The checks of one column. Each check's name is the reason that goes to quarantine."""
    pattern = [] if column.pattern is None else [_make_pattern_check(column.pattern)]
    if is_id:
        return [
            pa.Check(_is_not_blank, name="blank id"),
            pa.Check(_is_short, name=f"id longer than {MAX_ID_LENGTH}"),
            pa.Check(_has_no_nul, name="NUL character"),
            pa.Check(_is_not_mangled, name="id rewritten by a spreadsheet"),
            # A stray quote at the start of an id swallows lines up to the next quote.
            pa.Check(_is_one_line, name="line break"),
            pa.Check(_is_no_total, name="totals row"),
            *pattern,
        ]
    checks = []
    if column.type == "float":
        checks.append(pa.Check(_is_finite, name="not finite"))
    if column.type == "timestamp":
        checks.append(pa.Check(_is_credible, name=f"year not within {FIRST_YEAR} to {LAST_YEAR}"))
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


def list_reasons(
    batch: pd.DataFrame,
    schema: pa.DataFrameSchema,
    unreadable: Mapping[str, np.ndarray],
    broken_rules: Sequence[BrokenRule] = (),
) -> pd.DataFrame:
    """Every reason to refuse a row of this batch.

    `batch` has a RangeIndex. `schema` comes from rows_schema, or is any other of pandera's. `unreadable` has
    a mask per column of values that could not be cast, bool (n,). `broken_rules` are in the definition's
    order. Returns one line per reason with the columns row (int64), column, reason and full_reason (the
    reason with its column). A row's primary reason comes first: the id's, then rules, then columns in the
    contract's order, and within a column the order of its checks. TypeError if the schema itself fails.
    """
    order = {name: float(position) for position, name in enumerate(schema.columns)}
    # Rules come between the id at position 0 and the next column.
    after_id = 0.5 if schema.metadata and schema.metadata.get("id") else -0.5
    tables = [
        pd.DataFrame({"row": np.flatnonzero(mask), "column": name, "reason": "unreadable", "rank": -1})
        for name, mask in unreadable.items()
        if mask.any()
    ]
    if len(failures := list_failures(batch, schema)):
        tables.append(failures)
    tables = [
        table.assign(position=table["column"].map(order).fillna(len(order)), full_reason=_name_column(table))
        for table in tables
    ]
    for rank, rule in enumerate(broken_rules):
        rows = np.flatnonzero(rule.mask)
        lines = {"row": rows, "column": rule.column, "reason": rule.reason, "rank": rank}
        tables.append(pd.DataFrame({**lines, "position": after_id, "full_reason": rule.reason}))
    tables = [table for table in tables if len(table)]
    if not tables:
        return tabulate_failures([])
    reasons = pd.concat(tables, ignore_index=True)
    # An unreadable value is null after the cast, so its other failures are only echoes.
    unreadable_rows = reasons[reasons["reason"] == "unreadable"]
    is_echo = pd.MultiIndex.from_frame(reasons[["row", "column"]]).isin(
        pd.MultiIndex.from_frame(unreadable_rows[["row", "column"]])
    )
    reasons = reasons[~is_echo | (reasons["reason"] == "unreadable")]
    # Stable: equal ranks keep the order of their rules, so the primary reason never changes.
    return reasons.sort_values(["row", "position", "rank"], kind="stable")[FAILURE_COLUMNS]


def _name_column(reasons: pd.DataFrame) -> pd.Series:
    """Reasons with their columns, such as `amount: missing`; of a check of whole rows, the reason alone."""
    names = reasons["column"].astype(object)
    prefixes = (names.astype(str) + ": ").where(names.notna(), "")
    return prefixes + reasons["reason"].astype(str)
