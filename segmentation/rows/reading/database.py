"""Rows from a database: one SELECT in a read-only transaction, fetched in batches, staged as Parquet.

The URL is a secret. It arrives as a SecretStr and never appears in a message, record or file.
tasks/runtime/connections.py looks it up. Judging rows belongs in segmentation/rows/judging/judged_batches.py.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pyarrow as pa
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from config.columns import Column, Rows
from config.sql_text import escape_colons, list_binds, strip_semicolon
from segmentation.errors import DatabaseGone, Refused, ResegmentError
from segmentation.rows.reading.column_places import adapt_header, locate_columns
from segmentation.rows.reading.currency_columns import add_currency_of_header
from segmentation.rows.reading.database_cells import STAGED_TYPES, convert_cells
from segmentation.rows.reading.headers import check_header, columns_to_read
from segmentation.rows.reading.staged_table import StagedTable
from segmentation.rows.reading.unbounded_times import is_unbounded_time, load_unbounded_times

BATCH_ROWS = 50_000
# Notice a dead server after a minute; the system's default is two hours.
_WATCHED = {"connect_timeout": "30", "keepalives_idle": "30", "keepalives_interval": "10"}
_TEXT = Column(type="text")
# What makes a session read-only, by SQLAlchemy's name of the database. PostgreSQL has an option instead.
READ_ONLY = {
    "sqlite": "PRAGMA query_only = ON",
    "mysql": "SET SESSION TRANSACTION READ ONLY",
    "mariadb": "SET SESSION TRANSACTION READ ONLY",
    "oracle": "SET TRANSACTION READ ONLY",
}
_REFUSALS_OF_SQLITE = ("SQLITE_READONLY", "SQLITE_ERROR", "SQLITE_AUTH")


class DatabaseQuery(NamedTuple):
    """A statement, and the dates that it may bind."""

    sql: str
    binds: Mapping[str, date]


class DatabaseSecret(NamedTuple):
    """A connection's name in the definition, and the database URL behind it."""

    connection: str
    url: SecretStr


def stage_query(query: DatabaseQuery, secret: DatabaseSecret, rows: Rows, path: Path) -> list[str]:
    """Write the statement's rows to `path`, batch by batch. Returns warnings.

    Refused if the URL, the statement or a column is not acceptable. DatabaseGone if the database
    cannot be reached or the connection breaks. Neither message contains the URL, the statement or a
    value.
    """
    failure: ResegmentError | None = None
    for prepare in (None, load_unbounded_times):
        try:
            return _run_query(query, secret, rows, path, prepare)
        except (SQLAlchemyError, ImportError) as error:
            if prepare is None and is_unbounded_time(error):
                continue
            failure = classify_failure(error, secret.connection)
            break
    # Raised outside the handler, so that no chained exception carries the driver's text.
    raise failure or AssertionError("the second attempt returns or fails")


def _run_query(
    query: DatabaseQuery,
    secret: DatabaseSecret,
    rows: Rows,
    path: Path,
    prepare: Callable[[Connection], None] | None,
) -> list[str]:
    source, names = f"connection {secret.connection}", columns_to_read(rows)
    statement = text(escape_colons(strip_semicolon(query.sql)))
    binds = {name: query.binds[name] for name in list_binds(query.sql)}
    engine = _open(secret.url)
    with closing(_Disposable(engine)), engine.connect() as connection:
        if prepare is not None:
            prepare(connection)
        with _read_only(connection).execute(statement, binds) as result:
            header = list(result.keys())
            warnings = check_header(source, adapt_header(source, header, rows), names, ",", rows.is_ignored)
            warnings += warn_of_writes(engine.dialect.name, secret.connection)
            rows = add_currency_of_header(rows, header)
            places = locate_columns(columns_to_read(rows), header, rows)
            present = {name: place for name, place in places.items() if place is not None}
            batches = result.columns(*present.values()).partitions(BATCH_ROWS)
            write_batches(
                (dict(zip(present, zip(*batch, strict=True), strict=True)) for batch in batches), rows, path
            )
    return warnings


class _Disposable:
    """Closes an engine's connection pool."""

    def __init__(self, engine: Engine) -> None:
        self.close = engine.dispose


def _open(url: SecretStr) -> Engine:
    address = make_url(url.get_secret_value())
    if address.drivername in ("postgres", "postgresql"):
        address = address.set(drivername="postgresql+psycopg")
    if address.drivername == "postgresql+psycopg":
        address = address.set(query=_WATCHED | address.query)
    if address.drivername in ("sqlite", "sqlite+pysqlite") and address.database not in (None, "", ":memory:"):
        # Opened read-only, which also keeps SQLite from creating a file that is missing.
        database = str(address.database)
        file = database if database.startswith("file:") else f"file:{quote(database)}"
        address = address.set(database=file, query={**address.query, "mode": "ro", "uri": "true"})
    # Without hide_parameters, SQLAlchemy's messages quote bound values.
    return create_engine(address, hide_parameters=True)


def _read_only(connection: Connection) -> Connection:
    """The connection in a read-only transaction with a stable snapshot and streamed rows."""
    # Streamed through a server-side cursor: the client never has more than a batch in memory.
    options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
    if connection.dialect.name == "postgresql":
        # A transaction and not a setting of the session, which a connection pooler would hand on to others.
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    connection = connection.execution_options(**options)
    if statement := READ_ONLY.get(connection.dialect.name):
        connection.execute(text(statement))
    return connection


def warn_of_writes(dialect: str, connection: str) -> list[str]:
    """The warning for a database whose sessions this program cannot make read-only."""
    if dialect == "postgresql" or dialect in READ_ONLY:
        return []
    problem = f"sessions of {dialect} cannot be made read-only"
    return [f"connection {connection}: {problem}; use an account that may only read"]


def classify_failure(error: Exception, connection: str) -> ResegmentError:
    """The refusal or failure for a driver's error.

    The message names the error's class and SQLSTATE only: the driver's text may contain the URL or
    customers' values.
    """
    prefix = f"connection {connection}"
    cause = getattr(error, "orig", None)
    state = getattr(cause, "sqlstate", None)
    details = type(cause or error).__name__ + (f", SQLSTATE {state}" if state else "")
    if isinstance(error, ImportError):
        return Refused("driver", f"{prefix}: the database's driver is not installed; see docs/sources.md")
    if isinstance(error, ArgumentError):
        return Refused(
            "connection", f"{prefix}: the secret is not a URL such as postgresql://user:password@host/name"
        )
    is_disconnected = isinstance(error, DBAPIError) and error.connection_invalidated
    # sqlite3 raises OperationalError for a refused statement as well.
    is_refused = (getattr(cause, "sqlite_errorname", None) or "").startswith(_REFUSALS_OF_SQLITE)
    if not is_refused and (is_disconnected or isinstance(error, (OperationalError, InterfaceError))):
        return DatabaseGone(f"{prefix}: the database cannot be reached or the connection broke ({details})")
    return Refused(
        "sql",
        f"{prefix}: the database refused the statement ({details}); run the statement there directly",
    )


def write_batches(batches: Iterable[Mapping[str, Sequence[object]]], rows: Rows, path: Path) -> None:
    """Write batches of columns as one Parquet file. A column that a batch lacks is null there."""
    contract = {name: _TEXT if name == rows.id else rows.columns[name] for name in columns_to_read(rows)}
    schema = pa.schema(
        [(name, STAGED_TYPES.get(column.type, pa.string())) for name, column in contract.items()]
    )
    with StagedTable(path, schema) as table:
        for batch in batches:
            length = len(next(iter(batch.values())))
            table.write(
                {
                    name: convert_cells(name, batch.get(name, [None] * length), column)
                    for name, column in contract.items()
                }
            )
