"""The contract of a night's rows, and a batch of them cast to its types.

Casting one column is in segmentation/rows/casting/text_columns.py, judging what it gives in
judged_batches.py.
"""

from datetime import date
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pandera.pandas import DataFrameSchema

from config.columns import Rows
from config.definition import Definition
from schemas.contract import rows_schema
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.rows.casting.text_columns import CastColumn, Dialect, cast_column, cast_id
from segmentation.rows.judging.currencies import CurrencyRule
from segmentation.rows.judging.python_rules import PythonRules
from segmentation.rows.judging.refused_value import Amount
from segmentation.rows.judging.row_counts import CountRules
from segmentation.rows.reading.currency_columns import add_currency_columns
from segmentation.rows.reading.file_batches import RawBatch
from segmentation.schema_code import make_reviewed_schema


class Contract(NamedTuple):
    """What rows must look like, how they are written, and the window of days whose events count."""

    rows: Rows
    dialect: Dialect
    schema: DataFrameSchema
    window: tuple[date, date] | None
    sketched: float = 0.0  # the share of rows whose hashes are kept
    currencies: tuple[CurrencyRule, ...] = ()
    counted: CountRules | None = None  # None: rows are not counted by day and file
    amounts: tuple[Amount, ...] = ()
    python: PythonRules | None = None
    erased: frozenset[str] = frozenset()  # ids whose rows are left out
    merged: MergedIds | None = None  # old ids, and the ids that stay


def make_contract(rows: Rows, definition: Definition, window: tuple[date, date] | None) -> Contract:
    """The contract of rows of the source, or of customers, in the dialect of the definition's source."""
    dialect = Dialect(definition.source.csv, definition.timezone)
    return Contract(rows, dialect, rows_schema(rows), window)


def with_currencies(contract: Contract, rules: tuple[CurrencyRule, ...]) -> Contract:
    """The contract that also reads and counts the currencies of these rules."""
    rows = add_currency_columns(contract.rows, (rule.column for rule in rules))
    if rows is not contract.rows:
        contract = contract._replace(rows=rows, schema=rows_schema(rows))
    return contract._replace(currencies=rules)


def with_python_schema(contract: Contract, source: str | None) -> Contract:
    """The contract that also has the checks of rows.schema, if the definition names one."""
    schema = make_reviewed_schema(contract.rows, source)
    return contract if schema is None else contract._replace(python=PythonRules(contract.rows, schema))


class CastBatch(NamedTuple):
    """A batch in its declared types, with masks, bool (n,): unreadable values by column, odd ones by kind."""

    table: pa.Table
    unreadable: dict[str, np.ndarray]
    oddities: dict[str, np.ndarray]

    def filter(self, mask: np.ndarray) -> "CastBatch":
        """The rows of the mask, bool (n,)."""
        unreadable, oddities = (
            {name: flags[mask] for name, flags in masks.items()} for masks in (self.unreadable, self.oddities)
        )
        return CastBatch(self.table.filter(pa.array(mask)), unreadable, oddities)


def cast_batch(raw: RawBatch, contract: Contract) -> CastBatch:
    """The contract's columns of a batch in their declared types."""
    rows = contract.rows
    typed: dict[str, pa.ChunkedArray] = {}
    unreadable: dict[str, np.ndarray] = {}
    oddities: dict[str, np.ndarray] = {}
    for name in contract.schema.columns:
        values, dialect = raw.table[name], contract.dialect
        is_id = name == rows.id
        cast = (
            cast_ids(raw.table, contract) if is_id else cast_column(name, values, rows.columns[name], dialect)
        )
        typed[name] = cast.values
        oddities |= cast.oddities
        if cast.unreadable is not None:
            unreadable[name] = cast.unreadable
    return CastBatch(pa.table(typed), unreadable, oddities)


def cast_ids(table: pa.Table, contract: Contract) -> CastColumn:
    """The ids of raw rows as the definition reads them: text, without rows.id_suffix, old ids replaced."""
    rows = contract.rows
    cast = cast_id(rows.id or "", table[rows.id], contract.dialect)
    if rows.id_suffix is not None:
        shortened = pc.utf8_slice_codeunits(cast.values, 0, -len(rows.id_suffix))
        ids = pc.if_else(pc.ends_with(cast.values, rows.id_suffix), shortened, cast.values)
        cast = cast._replace(values=ids)
    return cast if contract.merged is None else cast._replace(values=contract.merged.apply(cast.values))
