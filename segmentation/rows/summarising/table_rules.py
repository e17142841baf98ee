"""Rules that need all rows at once: values that no two rows share, and a schema's checks of the whole table.

They apply to rows that count: after one row of each key or customer was chosen. Uniqueness is exact, by
queries over stage files in bounded memory. Rules of single rows are in schemas/contract.py.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from config.columns import Rows
from schemas.night import Night
from schemas.part import Part
from schemas.schema_judging import coerce_frame, judge_table
from schemas.schema_review import NamedCheck, SchemaFault, UniqueRule
from segmentation.errors import Refused
from segmentation.partitions import write_parts
from segmentation.parts import read_part, rechunk, write_part
from segmentation.rows.judging.python_rules import PythonRules, to_typed_frame
from segmentation.rows.judging.refusing import refuse_rows, summarise_reasons
from segmentation.rows.summarising.engine import run_query
from segmentation.rows.summarising.kept_rows import KeptRows, QuerySession, list_paths
from segmentation.rows.summarising.table_queries import RepeatQueries, dropped_query, refused_query
from segmentation.schema_code import make_reviewed_schema

# A check of the whole table gets it as one frame of pandas: some 500 MB.
MOST_VALUES = 20_000_000
_PLACE = ("source_file", "source_row")


class TableRules(NamedTuple):
    """The rules of a definition and of its Python schema that need all rows."""

    rows: Rows
    unique: tuple[UniqueRule, ...]
    python: PythonRules | None = None

    @property
    def checks(self) -> tuple[NamedCheck, ...]:
        """The schema's checks of the whole table."""
        return () if self.python is None else self.python.schema.table_checks


class Broken(NamedTuple):
    """A rule that rows break, and parts with their places."""

    rule: NamedCheck | UniqueRule
    places: tuple[Part, ...]

    @property
    def column(self) -> str | None:
        """The column for quarantine; None for whole rows."""
        return ", ".join(self.rule.columns) if isinstance(self.rule, UniqueRule) else self.rule.column


def make_table_rules(night: Night) -> TableRules | None:
    """The night's rules that need all rows. None if it has none."""
    rows = night.definition.rows
    unique = [UniqueRule((name,)) for name, column in rows.columns.items() if column.unique]
    schema = make_reviewed_schema(rows, night.schema_source)
    if schema is not None:
        unique += [rule for rule in schema.unique if rule not in unique]
    if not unique and (schema is None or not schema.table_checks):
        return None
    return TableRules(rows, tuple(unique), None if schema is None else PythonRules(rows, schema))


def apply_table_rules(parts: tuple[Part, ...], rules: TableRules | None, session: QuerySession) -> KeptRows:
    """The rows that break no rule, in their order; those that do are quarantined with all their reasons.

    Refused if a check is false for the table, or if no row remains.
    """
    if rules is None or not parts:
        return KeptRows(parts)
    broken = [
        Broken(rule, _list_repeats(parts, rules, number, session)) for number, rule in enumerate(rules.unique)
    ]
    if rules.python is not None:
        broken += _run_checks(parts, rules.python, session)
    broken = [violation for violation in broken if violation.places]
    if not broken:
        return KeptRows(parts)
    quarantine: list[Part] = []
    reasons, mentions = Counter[str](), Counter[str]()
    by_reason = [(violation.rule.full_reason, list_paths(violation.places)) for violation in broken]
    query = refused_query(parts, by_reason)
    for number, table in enumerate(run_query(session.connection, query)):
        if table.num_rows == 0:
            continue
        reasons.update(table["reason"].to_pylist())
        mentions.update(reason for text in table["reasons"].to_pylist() for reason in text.split("; "))
        columns = pa.array([broken[rule].column for rule in table["rule"].to_pylist()], pa.string())
        refused = refuse_rows(table.drop_columns("rule"), None, session.names)
        refused = refused.set_column(refused.column_names.index("column"), "column", columns)
        quarantine.append(write_part(session.folder / f"table-rules-{number:05d}.parquet", refused))
    # Part by part and not by one query, whose order of rows would depend on threads.
    remaining = write_parts(session.folder, "unbroken", rechunk(_drop_broken(parts, broken, session)))
    if not remaining:
        raise Refused("no-customers", f"all rows are refused: {summarise_reasons(reasons)}")
    return KeptRows(remaining, tuple(quarantine), reasons, mentions)


def _list_repeats(
    parts: Sequence[Part], rules: TableRules, number: int, session: QuerySession
) -> tuple[Part, ...]:
    """The places of rows whose values another row has too."""
    rule = rules.unique[number]
    queries = RepeatQueries(rules.rows, rule.columns, parts)
    values = run_query(session.connection, queries.repeated_query())
    repeated = write_parts(session.folder, f"repeated-{number}", rechunk(values))
    if not repeated:
        return ()
    places = run_query(session.connection, queries.places_query(list_paths(repeated), rule.keep))
    return write_parts(session.folder, f"repeats-{number}", rechunk(places))


def _run_checks(parts: Sequence[Part], python: PythonRules, session: QuerySession) -> list[Broken]:
    """The checks of the whole table. Refused if one is false for it, or if it is too large for them."""
    schema = python.schema
    if not schema.table_checks:
        return []
    rows = sum(part.rows for part in parts)
    if rows * len(python.columns) > MOST_VALUES:
        too_large = SchemaFault(
            f"{schema.table_checks[0].full_reason} needs the whole table at once, {rows:,} rows of "
            f"{len(python.columns)} columns; at most {MOST_VALUES:,} values"
        )
        raise python.refuse(too_large)
    table = pa.concat_tables([read_part(part) for part in parts])
    broken: list[Broken] = []
    fault: SchemaFault | None = None
    try:
        frame = coerce_frame(to_typed_frame(_name_id(table, python.rows), python), schema)
        for number, check in enumerate(schema.table_checks):
            for failure in judge_table(frame, check):
                places = table.select(list(_PLACE)).take(pa.array(failure.rows))
                part = write_part(session.folder / f"failed-{number}.parquet", places)
                broken.append(Broken(check, (part,)))
    except SchemaFault as error:
        fault = error
    # Outside the handler: a chain of exceptions would show values.
    if fault is not None:
        raise python.refuse(fault)
    return broken


def _name_id(table: pa.Table, rows: Rows) -> pa.Table:
    """The table with the id under the name that the definition has for it."""
    names = [rows.id if name == "customer_id" and rows.id else name for name in table.column_names]
    return table.rename_columns(names)


def _drop_broken(
    parts: Sequence[Part], broken: Sequence[Broken], session: QuerySession
) -> Iterator[pa.Table]:
    """The parts without the rows that break a rule, one at a time, so that their order stays."""
    places = [path for violation in broken for path in list_paths(violation.places)]
    for part in parts:
        table = read_part(part)
        batches = run_query(session.connection, dropped_query(part, places))
        dropped = [_number_places(batch) for batch in batches]
        is_dropped = np.isin(_number_places(table), np.concatenate(dropped)) if dropped else np.zeros(1, bool)
        yield table.filter(pa.array(~is_dropped)) if is_dropped.any() else table


def _number_places(table: pa.Table) -> np.ndarray:
    """One number for each row's place, int64 (n,): no file has 2^40 rows."""
    files: np.ndarray = table["source_file"].to_numpy().astype(np.int64)
    places: np.ndarray = (files << 40) | table["source_row"].to_numpy()
    return places
