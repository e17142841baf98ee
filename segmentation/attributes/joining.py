"""Attributes joined to the customers of a night: rows that hold on the date, matches, and why few match.

Which rows hold is decided by queries, in validity_queries.py. Every row that does not count is counted as
merged or outside, or quarantined with its reason. Rows of merged ids are followed in merged_rows.py.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from schemas.night import Night
from schemas.part import Part
from schemas.rows import AttributeBalance, RowBalance, SideRows
from schemas.wording import choose_verb, format_count
from segmentation.attributes.merged_rows import follow_merged_rows
from segmentation.attributes.validity_queries import FORMS, IS_COPY, REASON, ValidityQueries, forms_query
from segmentation.identity.join import join_parts
from segmentation.partitions import write_parts
from segmentation.parts import create_empty_folder, open_parquet, read_part, rechunk, write_part
from segmentation.rows.judging.refusing import refuse_rows
from segmentation.rows.summarising.engine import open_engine, run_query
from segmentation.rows.summarising.kept_rows import QuerySession, list_paths

FEW_MATCHES = 0.5  # below this share of customers the ids are compared in other forms
_LEAST_EXPLAINED = 0.5  # of the customers without attributes


class CurrentRows(NamedTuple):
    """The rows that hold on the date, one of each id, and the refused ones."""

    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    balance: RowBalance
    renamed: int = 0  # rows of merged ids, under the ids that stay


class JoinedCustomers(NamedTuple):
    """The customers' parts with the columns of attributes, and what became of the table's rows."""

    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    balance: AttributeBalance


def join_attributes(
    night: Night, rows: SideRows, parts: Sequence[Part], folder: Path, aliases: Part | None = None
) -> JoinedCustomers:
    """Add the columns that the definition keeps. They are missing for a customer without a row.

    aliases: the mergers, as write_aliases writes them.
    """
    columns = [name for name in night.definition.kept_columns if name not in night.definition.row_columns]
    create_empty_folder(folder)
    names = [None if source.numbered else source.name for source in rows.inputs]
    with open_engine(night.staging, folder / "spill") as connection:
        session = QuerySession(connection, folder, names)
        current = follow_merged(select_current(night, rows, columns, session), aliases, session)
        with open_parquet(rows.parts[0].path) as file:
            schema = file.schema_arrow
        empty = pa.schema([schema.field(name) for name in ("customer_id", *columns)]).empty_table()
        matched = elsewhere = 0

        def stream_joined() -> Iterator[pa.Table]:
            nonlocal matched, elsewhere
            for part, joined in zip(
                parts, join_parts(parts, _read_tables(current.parts, empty)), strict=True
            ):
                table, place = read_part(part), joined.place
                values = joined.earlier.take(pa.array(place, mask=place < 0))
                for name in columns:
                    table = table.append_column(name, values[name].combine_chunks())
                matched += int((place >= 0).sum())
                elsewhere += joined.left.num_rows
                yield table

        customers = write_parts(folder, "customers", stream_joined())
        balance = AttributeBalance(
            rows=current.balance,
            customers=sum(part.rows for part in parts),
            matched=matched,
            merged_ids=current.renamed,
            ids_elsewhere=elsewhere,
            day=rows.day,
        )
        if balance.share < FEW_MATCHES:
            cause = infer_cause(parts, current.parts, session)
            balance = balance.model_copy(update={"cause": cause})
    return JoinedCustomers(customers, current.quarantine, balance)


def select_current(
    night: Night, rows: SideRows, columns: Sequence[str], session: QuerySession
) -> CurrentRows:
    """The rows that hold on the date. Rows of one id that contradict each other are quarantined."""
    attributes = night.definition.attributes
    if attributes is None:
        raise ValueError("the definition has no attributes")
    queries = ValidityQueries(attributes, night.as_of, rows.parts)
    connection, folder, names = session
    repeated = write_parts(folder, "repeated", rechunk(run_query(connection, queries.repeated_query())))
    judged: tuple[Part, ...] = ()
    quarantine: list[Part] = []
    reasons, merged = Counter[str](), 0
    if repeated:
        tables = rechunk(run_query(connection, queries.judged_query(list_paths(repeated))))
        judged = write_parts(folder, "judged", tables)
    for number, part in enumerate(judged):
        table = read_part(part)
        merged += int(table[IS_COPY.strip('"')].to_numpy().sum())
        refused = table.filter(table[REASON.strip('"')].is_valid())
        if refused.num_rows:
            reasons.update(refused[REASON.strip('"')].to_pylist())
            refused = refuse_rows(_name_reasons(refused), None, names)
            quarantine.append(write_part(folder / f"refused-{number:05d}.parquet", refused))
    query = queries.current_query(columns, list_paths(repeated), list_paths(judged))
    current = write_parts(folder, "current", rechunk(run_query(connection, query)))
    used = sum(part.rows for part in current)
    outside = rows.balance.used - merged - reasons.total() - used
    balance = rows.balance.after_summary(used=used, merged=merged, reasons=reasons, mentions=reasons)
    balance = balance.model_copy(update={"read": rows.balance.read - outside, "outside": outside})
    return CurrentRows(current, (*rows.quarantine, *quarantine), balance)


def follow_merged(current: CurrentRows, aliases: Part | None, session: QuerySession) -> CurrentRows:
    """The rows under the ids that stay. Those of merged ids that are not used count as merged."""
    followed = follow_merged_rows(current.parts, aliases, session)
    balance, superseded = current.balance, followed.superseded
    update = {"used": balance.used - superseded, "merged": balance.merged + superseded}
    return current._replace(
        parts=followed.parts, balance=balance.model_copy(update=update), renamed=followed.renamed
    )


def _name_reasons(refused: pa.Table) -> pa.Table:
    """The rows as refuse_rows takes them, without what the queries have added."""
    names = [name for name in refused.column_names if name[0] != " " and name not in ("reason", "reasons")]
    reasons = refused[REASON.strip('"')]
    return refused.select(names).append_column("reason", reasons).append_column("reasons", reasons)


def infer_cause(customers: Sequence[Part], current: Sequence[Part], session: QuerySession) -> str:
    """How the ids of most customers without attributes differ from ids in the table; empty if unexplained."""
    if not current:
        return ""
    query = forms_query(list_paths(customers), list_paths(current))
    (counts,) = run_query(session.connection, query)
    missing, *matches = counts.to_pylist()[0].values()
    best = max(range(len(matches)), key=lambda number: matches[number])
    if not missing or matches[best] < _LEAST_EXPLAINED * missing:
        return ""
    ids, verb = format_count(matches[best], "more id"), choose_verb(matches[best], "matches", "match")
    return f"{ids} {verb} once {list(FORMS)[best]}"


def _read_tables(parts: Sequence[Part], empty: pa.Table) -> Iterator[pa.Table]:
    """The tables of these parts; before them one without rows, since there may be no part."""
    yield empty
    for part in parts:
        yield read_part(part, empty.column_names)
