"""Rows from a database: one SELECT in a read-only transaction, fetched in batches, staged as Parquet.

The URL is a secret. It arrives as a SecretStr and never appears in a message, record or file.
tasks/runtime/connections.py looks it up. Judging rows belongs in segmentation/rows/judging.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import SecretStr
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError

from config.columns import Column, Rows
from config.sources import list_binds
from segmentation.errors import DatabaseGone, Refused, ResegmentError
from segmentation.rows.headers import check_header, columns_to_read

BATCH_ROWS = 50_000
_TYPES = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
# Notice a dead server after a minute; the system's default is two hours.
_WATCHED = {"connect_timeout": "30", "keepalives_idle": "30", "keepalives_interval": "10"}
_TEXT = Column(type="text")


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
    warnings: list[str] = []
    try:
        engine = _open(secret.url)
        with closing(_Disposable(engine)), engine.connect() as connection:
            binds = {name: query.binds[name] for name in list_binds(query.sql)}
            statement, columns = text(query.sql.rstrip().rstrip(";")), columns_to_read(rows)
            with _read_only(connection).execute(statement, binds) as result:
                warnings = check_header(f"connection {secret.connection}", list(result.keys()), columns, ",")
                batches = result.columns(*columns).partitions(BATCH_ROWS)
                write_batches((list(zip(*batch, strict=True)) for batch in batches), rows, path)
    except (SQLAlchemyError, ImportError) as error:
        failure = classify_failure(error, secret.connection)
    if failure is not None:
        # Raised outside the handler, so that no chained exception carries the driver's text.
        raise failure
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
    # Without hide_parameters, SQLAlchemy's messages quote bound values.
    return create_engine(address, hide_parameters=True)


def _read_only(connection: Connection) -> Connection:
    """The connection in a read-only transaction with a stable snapshot and streamed rows."""
    # Streamed through a server-side cursor: the client never has more than a batch in memory.
    options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
    if connection.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    connection = connection.execution_options(**options)
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA query_only = ON"))
    return connection


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
    if is_disconnected or isinstance(error, (OperationalError, InterfaceError)):
        return DatabaseGone(f"{prefix}: the database cannot be reached or the connection broke ({details})")
    return Refused(
        "sql",
        f"{prefix}: the database refused the statement ({details}); run the statement there directly",
    )


def write_batches(batches: Iterator[Sequence[Sequence[Any]]], rows: Rows, path: Path) -> None:
    """Write batches of columns, in the contract's order, as one Parquet file with page checksums."""
    names = columns_to_read(rows)
    contract = [_TEXT if name == rows.id else rows.columns[name] for name in names]
    schema = pa.schema(
        [(name, _TYPES.get(column.type, pa.string())) for name, column in zip(names, contract, strict=True)]
    )
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in batches:
            arrays = [
                pa.array([_convert(value, name, column) for value in values], field.type)
                for values, name, column, field in zip(batch, names, contract, schema, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def _convert(value: object, name: str, column: Column) -> object:
    """A driver's value as stored in the stage file. Refused if it can never have the contract's type."""
    if value is None:
        return None
    # bool is a subclass of int in Python, and True is not a number here.
    if column.type == "float" and isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return float(value)
    if column.type == "int" and isinstance(value, int) and not isinstance(value, bool):
        return value
    if column.type == "int" and isinstance(value, (float, Decimal)) and value == int(value):
        return int(value)
    if column.type == "bool" and isinstance(value, (bool, int)) and value in (0, 1):
        return bool(value)
    if column.type == "timestamp" and isinstance(value, (date, datetime)):
        return value.strftime(column.format) if column.format else value.isoformat()
    if column.type in ("text", "category"):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (str, int, UUID)):
            return str(value)
    if column.type == "timestamp" and isinstance(value, str):
        return value
    raise Refused(
        "wrong-type",
        f"column {name} is {type(value).__name__} in the database; the contract says {column.type}",
    )
