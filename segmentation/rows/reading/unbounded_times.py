"""PostgreSQL's times that Python cannot hold: infinity, years before 1 and after 9999.

psycopg fails on the first of them. The query then runs again with loaders that return them as text. Loaders
in Python are slow, so only such a table pays for them. What becomes of the texts is decided in
database_cells.py.
"""

from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from segmentation.rows.reading.database_cells import Unbounded


def is_unbounded_time(error: Exception) -> bool:
    """Did the driver fail on a value, rather than the server on the statement?"""
    cause = getattr(error, "orig", None)
    is_data = isinstance(error, DBAPIError) and type(cause).__name__ == "DataError"
    return is_data and getattr(cause, "sqlstate", None) is None


class _LenientLoader:
    """A loader of psycopg that returns a value as text where the driver fails on it."""

    def load(self, data: bytes) -> object:
        """The value of a column's text."""
        try:
            return super().load(data)  # type: ignore[misc]
        except Exception as error:
            if type(error).__name__ != "DataError":
                raise
            return Unbounded(bytes(data).decode())


def load_unbounded_times(connection: Connection) -> None:
    """Make a PostgreSQL connection return the text of a time that Python cannot hold."""
    from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader

    driver: Any = connection.connection.dbapi_connection
    loaders = {"date": DateLoader, "timestamp": TimestampLoader, "timestamptz": TimestamptzLoader}
    for name, loader in loaders.items():
        driver.adapters.register_loader(name, type(loader.__name__, (_LenientLoader, loader), {}))
