"""Rows from a database: one SELECT in a read-only transaction, fetched in batches, staged as Parquet.

The URL is a secret: it is given here as a SecretStr and appears in no message, record or file. Where
it is kept is tasks/runtime/connections.py's; judging rows is segmentation/rows/judging.py's.
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
from config.sources import find_binds
from segmentation.errors import DatabaseGone, Refused, ResegmentError
from segmentation.rows.reading import check_header, columns_to_read

BATCH_ROWS = 50_000
_TYPES = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_()}
# A server that vanished without a word is noticed after a minute, not after the system's two hours.
_WATCHED = {"connect_timeout": "30", "keepalives_idle": "30", "keepalives_interval": "10"}
_TEXT = Column(type="text")


class Query(NamedTuple):
    """A statement, and the dates that it may bind."""

    sql: str
    binds: Mapping[str, date]


def stage_query(query: Query, secret: tuple[str, SecretStr], rows: Rows, path: Path) -> list[str]:
    """Write the statement's rows to `path`, batch by batch; warnings. secret: connection's name, URL.

    Refused if the URL, the statement or a column is not acceptable; DatabaseGone if the database
    cannot be reached or the connection breaks. Neither holds the URL, the statement or a value.
    """
    name, url = secret
    failure: ResegmentError | None = None
    warnings: list[str] = []
    try:
        engine = _open(name, url)
        with closing(_Disposable(engine)), engine.connect() as connection:
            bound = {one: query.binds[one] for one in find_binds(query.sql)}
            statement, wanted = text(query.sql.rstrip().rstrip(";")), columns_to_read(rows)
            with _read_only(connection).execute(statement, bound) as result:
                warnings = check_header(f"connection {name}", list(result.keys()), wanted, ",")
                picked = result.columns(*wanted).partitions(BATCH_ROWS)
                write_batches((list(zip(*batch, strict=True)) for batch in picked), rows, path)
    except (SQLAlchemyError, ImportError) as error:
        failure = explain(error, name)
    if failure is not None:
        # Outside of the handler, so that no chained exception carries the driver's text.
        raise failure
    return warnings


class _Disposable:
    """An engine's pool, to be closed."""

    def __init__(self, engine: Engine) -> None:
        self.close = engine.dispose


def _open(name: str, url: SecretStr) -> Engine:
    parsed = make_url(url.get_secret_value())
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "postgresql+psycopg":
        parsed = parsed.set(query=_WATCHED | parsed.query)
    return create_engine(parsed, hide_parameters=True)


def _read_only(connection: Connection) -> Connection:
    """The connection in a read-only transaction with one view of the data, its rows streamed."""
    options: dict[str, Any] = {"stream_results": True, "max_row_buffer": BATCH_ROWS}
    if connection.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    connection = connection.execution_options(**options)
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA query_only = ON"))
    return connection


def explain(error: Exception, name: str) -> ResegmentError:
    """A failure in words, from the error's class and SQLSTATE alone: its text may hold the URL or values."""
    where = f"connection {name}"
    cause = getattr(error, "orig", None)
    state = getattr(cause, "sqlstate", None)
    what = type(cause or error).__name__ + (f", SQLSTATE {state}" if state else "")
    if isinstance(error, ImportError):
        return Refused("driver", f"{where}: the driver of its database is not installed; see docs/sources.md")
    if isinstance(error, ArgumentError):
        return Refused(
            "connection", f"{where}: the secret is no URL such as postgresql://user:password@host/name"
        )
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if lost or isinstance(error, (OperationalError, InterfaceError)):
        return DatabaseGone(f"{where}: the database cannot be reached, or broke off ({what})")
    return Refused("sql", f"{where}: the database refused the statement ({what}); try it there as it stands")


def write_batches(batches: Iterator[Sequence[Sequence[Any]]], rows: Rows, path: Path) -> None:
    """Write batches of columns, in the contract's order, as one Parquet file with page checksums."""
    names = columns_to_read(rows)
    contract = [_TEXT if name == rows.id else rows.columns[name] for name in names]
    schema = pa.schema(
        [(name, _TYPES.get(one.type, pa.string())) for name, one in zip(names, contract, strict=True)]
    )
    with pq.ParquetWriter(path, schema, compression="zstd", write_page_checksum=True) as writer:
        for batch in batches:
            arrays = [
                pa.array([_convert(value, name, one) for value in values], field.type)
                for values, name, one, field in zip(batch, names, contract, schema, strict=True)
            ]
            writer.write_table(pa.table(arrays, schema=schema))


def _convert(value: object, name: str, column: Column) -> object:
    """A driver's value as the stage file holds it. Refused if it can never be of the contract's type."""
    if value is None:
        return None
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
