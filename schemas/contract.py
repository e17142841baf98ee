"""The contract of rows that come in, built from the definition, and the reason for every refused row.

Values arrive already in their types (segmentation/rows/reading.py casts them and says which could not
be); here pandera judges each batch, lazily, and its failures become one list of reasons per row.
pandera's own messages hold customers' values and never leave this module.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from config.columns import Column, Rows

ID_TOO_LONG = 256
# Times before or after are slips of the pen or a system's "never", such as 9999-12-31.
FIRST_YEAR, LAST_YEAR = 1900, 2200
# Ids that a spreadsheet has rewritten: 1E5 for 100000, 1.0 for 1, 2-Jan for 1-2. The original is lost.
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_MANGLED = rf"^(?:\d+\.0+|\d+(?:\.\d+)?[eE][+-]?\d+|\d{{1,2}}-(?:{_MONTHS})(?:-\d{{2,4}})?)$"

# What exports write where the id would stand in a last line that sums up the others.
_TOTALS = [
    *("total", "Total", "TOTAL", "totals", "Totals", "TOTALS"),
    *("grand total", "Grand total", "Grand Total", "GRAND TOTAL", "sum", "Sum", "SUM"),
]


def _is_short(ids: pd.Series) -> pd.Series:
    return ids.str.len() <= ID_TOO_LONG


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
    return pd.Series(np.isfinite(values.to_numpy(np.float64, na_value=0.0)), values.index)


def _checks(column: Column, is_id: bool) -> list[pa.Check]:
    """The checks of one column; each check's name is its reason, in words."""
    if is_id:
        return [
            pa.Check(_is_not_blank, name="blank id"),
            pa.Check(_is_short, name=f"id longer than {ID_TOO_LONG}"),
            pa.Check(_has_no_nul, name="NUL character"),
            pa.Check(_is_not_mangled, name="id rewritten by a spreadsheet"),
            # A quote that opens an id swallows lines until the next one.
            pa.Check(_is_one_line, name="line break"),
            pa.Check(_is_no_total, name="totals row"),
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
        make(bound, name=f"{words} {bound:.15g}") for bound, make, words in bounds if bound is not None
    ]
    if column.isin is not None or column.order is not None:
        allowed = list(column.isin or column.order or ())
        checks.append(pa.Check.isin(allowed, name="not an allowed value"))
    return checks


def rows_schema(rows: Rows) -> pa.DataFrameSchema:
    """The pandera contract of a batch, the id first; no dtypes: the cast that comes before settles them."""
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
    """A rule of rows.where, and which rows of a batch do not meet it: bool (n,)."""

    column: str
    reason: str
    mask: np.ndarray


def find_reasons(
    batch: pd.DataFrame,
    schema: pa.DataFrameSchema,
    unreadable: Mapping[str, np.ndarray],
    broken: Sequence[BrokenRule] = (),
) -> pd.DataFrame:
    """Every reason to refuse a row of this batch.

    batch has a RangeIndex. unreadable: per column, a bool array (n,) of values that could not be
    cast. broken: the definition's rules, in order. Returns columns row (int64), column, reason and
    said (reason with its column), one line per reason, the primary one first: the id's, then rules,
    then columns in the contract's order, and within a column the checks' order.
    """
    order = {name: float(position) for position, name in enumerate(schema.columns)}
    after_id = 0.5 if schema.metadata and schema.metadata["id"] else -0.5
    found = [
        pd.DataFrame({"row": np.flatnonzero(mask), "column": name, "reason": "unreadable", "rank": -1})
        for name, mask in unreadable.items()
        if mask.any()
    ]
    try:
        schema.validate(batch, lazy=True)
    except SchemaErrors as errors:
        found.append(_from_failures(errors.failure_cases, schema))
    found = [one.assign(position=one["column"].map(order), said=_say(one)) for one in found]
    for rank, rule in enumerate(broken):
        rows = np.flatnonzero(rule.mask)
        lines = {"row": rows, "column": rule.column, "reason": rule.reason, "rank": rank}
        found.append(pd.DataFrame({**lines, "position": after_id, "said": rule.reason}))
    found = [one for one in found if len(one)]
    if not found:
        return pd.DataFrame({"row": np.empty(0, np.int64), "column": [], "reason": [], "said": []})
    reasons = pd.concat(found, ignore_index=True)
    # An unreadable value is null after the cast; its other failures say nothing new.
    unread = reasons[reasons["reason"] == "unreadable"]
    echo = pd.MultiIndex.from_frame(reasons[["row", "column"]]).isin(
        pd.MultiIndex.from_frame(unread[["row", "column"]])
    )
    reasons = reasons[~echo | (reasons["reason"] == "unreadable")]
    columns = ["row", "column", "reason", "said"]
    return reasons.sort_values(["row", "position", "rank"], kind="stable")[columns]


def _say(found: pd.DataFrame) -> pd.Series:
    return found["column"].astype(str) + ": " + found["reason"].astype(str)


def _from_failures(cases: pd.DataFrame, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """pandera's failure cases without the values: row, column, reason, rank."""
    if cases["index"].isna().any():
        kinds = sorted(set(cases.loc[cases["index"].isna(), "check"].astype(str)))
        raise TypeError(f"the contract itself failed, not a row: {', '.join(kinds)}")
    names = {name: [str(check.name) for check in column.checks] for name, column in schema.columns.items()}
    is_null = cases["check"] == "not_nullable"
    reason = [
        "missing" if null else names[column][int(number)]
        for null, column, number in zip(
            is_null, cases["column"], cases["check_number"].fillna(0), strict=True
        )
    ]
    rank = np.where(is_null, -1, cases["check_number"].fillna(-1).astype(np.int64))
    return pd.DataFrame(
        {"row": cases["index"].astype(np.int64), "column": cases["column"], "reason": reason, "rank": rank}
    )
