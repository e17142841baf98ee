"""Schemas that people write with pandera: what of them can judge rows that come in batches, and what cannot.

A reviewed schema is taken apart into types, checks of rows, checks of the whole table, and uniqueness. Rows
are judged by them in schemas/schema_judging.py. A definition's own contract is in schemas/contract.py.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import pandas as pd
import pandera.pandas as pa
from pandera.engines.pandas_engine import PydanticModel

from config.columns import ColumnType
from config.conditions import RESERVED_REASONS

# Key of the metadata that lists the checks which need all rows at once.
WHOLE_TABLE = "whole_table"
NOT_UNIQUE = "not unique"
LONGEST_REASON = 100
_KEEP: Mapping[str, Literal["first", "last"]] = {"exclude_first": "first", "exclude_last": "last"}


class SchemaFault(TypeError):
    """A schema that cannot judge rows, or a false check of a whole table. Never has a customer's value."""


class NamedCheck(NamedTuple):
    """A check of one column, or of whole rows where `column` is None, and the reason of rows that fail it."""

    column: str | None
    check: pa.Check
    reason: str
    rank: int
    only_warns: bool

    @property
    def full_reason(self) -> str:
        """`amount: even`, or the reason alone for a check of whole rows."""
        return self.reason if self.column is None else f"{self.column}: {self.reason}"


class UniqueRule(NamedTuple):
    """Columns whose values no two rows share. `keep` names the one row of several that is not refused."""

    columns: tuple[str, ...]
    keep: Literal["first", "last"] | None = None

    @property
    def full_reason(self) -> str:
        """`email: not unique`."""
        return f"{', '.join(self.columns)}: {NOT_UNIQUE}"


class ReviewedSchema(NamedTuple):
    """A schema taken apart. `types` has dtypes and coercion only, `required` the columns without nulls."""

    types: pa.DataFrameSchema
    required: tuple[str, ...]
    row_checks: tuple[NamedCheck, ...]
    table_checks: tuple[NamedCheck, ...]
    unique: tuple[UniqueRule, ...]


def review_schema(
    schema: pa.DataFrameSchema, names: Sequence[str], kinds: Mapping[str, ColumnType] | None = None
) -> ReviewedSchema:
    """Take apart a schema for rows that have the columns `names`.

    `kinds` are their declared types, if they have any. SchemaFault lists everything that cannot judge rows.
    """
    faults = [*_list_structural_faults(schema)]
    columns, column_faults = _resolve_columns(schema, names)
    faults += column_faults
    types: dict[str, pa.Column] = {}
    # A pydantic model is the type of whole rows.
    rows_dtype = schema.dtype if isinstance(schema.dtype, PydanticModel) else None
    columns_dtype = None if rows_dtype is not None else schema.dtype
    for name, column in columns.items():
        # The dtype of the schema, if it has one, replaces those of its columns.
        dtype = column.dtype if schema.dtype is None else columns_dtype
        coerce = column.coerce or schema.coerce
        if dtype is not None and kinds is not None:
            fits = _fits(dtype, kinds[name])
            if not fits and not coerce:
                faults.append(
                    f"column {name} is {dtype}, and rows.columns says {kinds[name]}: declare one type, or "
                    "coerce=True"
                )
            # Only the representation changes, such as microseconds to nanoseconds.
            coerce = coerce or fits
        types[name] = pa.Column(dtype, nullable=True, coerce=coerce)
    if columns_dtype is not None and schema.coerce:
        # pandera coerces all columns then, also those that the schema does not name.
        coerced = {name: pa.Column(columns_dtype, nullable=True, coerce=True) for name in names}
        types = coerced | types
    whole = [str(name) for name in (schema.metadata or {}).get(WHOLE_TABLE, ())]
    checks = [
        _name_check(name, check, rank)
        for name, column in (*columns.items(), (None, schema))
        for rank, check in enumerate(column.checks)
    ]
    faults += _list_check_faults(checks, whole)
    unique = tuple(_list_unique_rules(schema, columns))
    missing = [name for rule in unique for name in rule.columns if name not in names]
    faults += [f"unique names {name}, which is not a column" for name in missing]
    if faults:
        raise SchemaFault("; ".join(faults))
    return ReviewedSchema(
        pa.DataFrameSchema(types, dtype=rows_dtype, coerce=rows_dtype is not None),
        tuple(name for name, column in columns.items() if not column.nullable),
        tuple(check for check in checks if _given_name(check.check) not in whole),
        tuple(check for check in checks if _given_name(check.check) in whole),
        unique,
    )


def format_reason(text: object, fallback: str) -> str:
    """A check's name or error as a reason: one short line, without the mark that joins reasons."""
    reason = re.sub(r"[\s;\x00-\x1f\x7f-\x9f]+", " ", str(text)).strip()[:LONGEST_REASON].rstrip()
    if not reason or reason == "<lambda>":
        return fallback
    return f"check {reason}" if reason in RESERVED_REASONS else reason


def _given_name(check: pa.Check) -> str:
    return str(check.name)


def _name_check(column: str | None, check: pa.Check, rank: int) -> NamedCheck:
    text = check.error if check.error is not None else check.name
    return NamedCheck(
        column, check, format_reason(text, f"check {rank + 1}"), rank, bool(check.raise_warning)
    )


def _list_structural_faults(schema: pa.DataFrameSchema) -> Iterable[str]:
    """What would change rows instead of judging them, or needs what rows do not have."""
    columns = schema.columns.items()
    parsed = [str(name) for name, column in columns if column.parsers]
    if parsed or schema.parsers:
        place = f" of {', '.join(parsed)}" if parsed else ""
        yield f"parsers{place} would change rows: rows.columns says how values are read"
    filled = [str(name) for name, column in columns if not pd.isna(column.default)]
    if filled:
        yield f"default of {', '.join(filled)} would change rows: declare fill in rows.columns"
    if schema.add_missing_columns:
        yield "add_missing_columns would change rows: declare absent: null in rows.columns"
    if schema.index is not None:
        yield "it has an index, and rows have none"


def _resolve_columns(
    schema: pa.DataFrameSchema, names: Sequence[str]
) -> tuple[dict[str, pa.Column], list[str]]:
    """The schema's columns by the rows' names, patterns resolved, and what is wrong with them."""
    columns: dict[str, pa.Column] = {}
    faults = []
    for name, column in schema.columns.items():
        # As pandera matches: from the start of the name, not to its end.
        pattern = str(name)
        matches = [label for label in names if re.match(pattern, label)] if column.regex else [pattern]
        present = [label for label in matches if label in names]
        if not present and column.required:
            faults.append(f"it names {name}, and the rows have no such column: declare it in rows.columns")
        for label in present:
            if label in columns:
                faults.append(f"column {label} is described twice")
            columns[label] = column
    extra = [name for name in names if name not in columns]
    if schema.strict is True and extra:
        faults.append(f"it is strict and lacks {', '.join(extra)}, which the rows have")
    return columns, faults


def _fits(dtype: object, kind: ColumnType) -> bool:
    """Is the dtype a representation of the declared type, so that every value keeps its meaning?"""
    target: Any = getattr(dtype, "type", dtype)
    test = pd.api.types
    if test.is_object_dtype(target):
        return True
    if kind in ("text", "category"):
        return bool(test.is_string_dtype(target) or isinstance(target, pd.CategoricalDtype))
    if kind == "timestamp":
        return bool(test.is_datetime64_any_dtype(target))
    if kind == "bool":
        return bool(test.is_bool_dtype(target))
    is_float = bool(test.is_float_dtype(target))
    return is_float or (kind == "int" and bool(test.is_integer_dtype(target)))


def _list_check_faults(checks: Sequence[NamedCheck], whole: Sequence[str]) -> Iterable[str]:
    check_names = {_given_name(check.check) for check in checks}
    if unknown := [name for name in whole if name not in check_names]:
        yield f"{WHOLE_TABLE} names {', '.join(unknown)}, which is not a check"
    for check in checks:
        is_whole = _given_name(check.check) in whole
        compares = check.check.groupby is not None or isinstance(check.check, pa.Hypothesis)
        if compares and not is_whole:
            yield f"{check.full_reason} compares groups of rows: list it under {WHOLE_TABLE} in the metadata"
        if is_whole and check.only_warns:
            yield f"{check.full_reason} only warns, which a check on a whole table cannot"


def _list_unique_rules(schema: pa.DataFrameSchema, columns: Mapping[str, pa.Column]) -> Iterable[UniqueRule]:
    for name, column in columns.items():
        if column.unique:
            yield UniqueRule((name,), _KEEP.get(str(column.report_duplicates)))
    unique = schema.unique
    if not unique:
        return
    # A list of lists is several rules.
    groups = [unique] if isinstance(unique, str) else unique
    is_nested = all(not isinstance(group, str) for group in groups)
    for group in groups if is_nested else [groups]:
        yield UniqueRule(tuple(group), _KEEP.get(str(schema.report_duplicates)))
