"""Statements, connections and secrets: what is refused, and the messages."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psycopg
import pyarrow.parquet as pq
import pytest
from pydantic import SecretStr, ValidationError
from sqlalchemy.engine import URL, make_url

import segmentation.rows.reading.database
from config.columns import Rows
from config.definition import Definition
from segmentation.errors import DatabaseGone, Refused
from segmentation.rows.reading.database import (
    DatabaseQuery,
    DatabaseSecret,
    stage_query,
    warn_of_writes,
)
from tasks.runtime.connections import look_up_secret
from tests.conftest import DEFINITION
from tests.test_real_data import DAY
from tests.test_sql import SQL

ROWS = Rows.model_validate(DEFINITION["rows"])


def test_rows_are_fetched_in_batches(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is one row group of the staged file, and extra columns give one warning."""
    monkeypatch.setattr(segmentation.rows.reading.database, "BATCH_ROWS", 700)
    query = DatabaseQuery(
        "SELECT orders, since, id, spend FROM customers WHERE since < :as_of", {"as_of": DAY}
    )
    warnings = stage_query(query, DatabaseSecret("w", SecretStr(postgres)), ROWS, tmp_path / "x.parquet")
    assert warnings == ["1 column not in the contract was ignored: since"]
    groups = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [700] * 4 + [200]


@pytest.mark.parametrize(
    ("url", "sql", "message"),
    [
        ("no url", SQL, "is not a URL such as"),
        ("oracle://u:canary-42@h/d", SQL, "is not installed"),
        (None, "SELECT id FROM nowhere", "refused the statement (UndefinedTable, SQLSTATE 42P01)"),
        (None, "WITH x AS (DELETE FROM customers RETURNING *) SELECT * FROM x", "SQLSTATE 0A000"),
        (None, "SELECT id, lo_create(0) AS spend, orders FROM customers", "SQLSTATE 25006"),
        (None, "SELECT id, spend FROM customers", "lacks orders"),
        (None, "SELECT id, since AS spend, orders FROM customers", "spend is date in the database"),
    ],
)
def test_a_failing_connection_is_explained(
    tmp_path: Path, postgres: str, url: str | None, sql: str, message: str
) -> None:
    """Faults in URL, driver, statement, columns and types have one message each, and no chained error."""
    with pytest.raises(Refused) as failure:
        secret = DatabaseSecret("w", SecretStr(url or postgres))
        stage_query(DatabaseQuery(sql, {"as_of": DAY}), secret, ROWS, tmp_path / "x.parquet")
    assert message in str(failure.value)
    assert "canary-42" not in str(failure.value)
    assert failure.value.__context__ is None


SIDE_EFFECTS = (
    "CREATE FUNCTION remove_all() RETURNS int LANGUAGE sql AS 'DELETE FROM customers; SELECT 1'",
    "CREATE FUNCTION run_program() RETURNS int LANGUAGE plpgsql AS "
    "$$BEGIN COPY (SELECT 1) TO PROGRAM 'cat > MARKER'; RETURN 1; END$$",
    "CREATE SEQUENCE numbers",
    "CREATE ROLE reader LOGIN",
    "GRANT SELECT ON customers TO reader",
)


class Tempting(NamedTuple):
    """A database with functions that have side effects: two URLs, and the file that a program would write."""

    superuser: str
    reader: str  # a role that may only read
    marker: Path


@pytest.fixture(scope="module")
def tempting(postgres: str) -> Iterator[Tempting]:
    """The functions, and the role."""
    # Not below pytest's folder, which the user that PostgreSQL runs as may not enter.
    folder = Path(tempfile.mkdtemp(prefix="resegment-tempting-"))
    folder.chmod(0o777)
    with psycopg.connect(postgres) as connection:
        for statement in SIDE_EFFECTS:
            connection.execute(statement.replace("MARKER", str(folder / "marker")))
    reader = make_url(postgres).set(username="reader").render_as_string(hide_password=False)
    yield Tempting(postgres, reader, folder / "marker")
    with psycopg.connect(postgres) as connection:
        connection.execute("DROP FUNCTION remove_all; DROP FUNCTION run_program; DROP SEQUENCE numbers")
        connection.execute("DROP OWNED BY reader; DROP ROLE reader")
    shutil.rmtree(folder)


def read_with(url: str, expression: str, folder: Path) -> list[str]:
    """Stage a statement that selects this expression beside the customers."""
    sql = f"SELECT id, spend, orders, {expression} AS extra FROM customers"  # noqa: S608 - a test's own text
    query = DatabaseQuery(sql, {"as_of": DAY})
    return stage_query(query, DatabaseSecret("w", SecretStr(url)), ROWS, folder / "x.parquet")


@pytest.mark.parametrize(
    ("expression", "state"),
    [
        ("remove_all()", "25006"),
        ("nextval('numbers')", "25006"),
        ("set_config('transaction_read_only', 'off', true)", "25001"),
        ("set_config('default_transaction_read_only', 'off', false) || nextval('numbers')", "25006"),
        ("query_to_xml('DELETE FROM customers RETURNING id', true, true, '')::text", "0A000"),
    ],
)
def test_a_query_of_postgresql_changes_nothing(
    tempting: Tempting, expression: str, state: str, tmp_path: Path
) -> None:
    """Even a superuser's query whose function writes is refused, and the rows are there afterwards."""
    with pytest.raises(Refused, match=f"SQLSTATE {state}"):
        read_with(tempting.superuser, expression, tmp_path)
    with psycopg.connect(tempting.superuser) as connection:
        assert connection.execute("SELECT count(*) FROM customers").fetchone() == (3001,)


@pytest.mark.parametrize("expression", ["pg_read_file('PG_VERSION')", "run_program()"])
def test_only_a_role_stops_files_and_programs(tempting: Tempting, expression: str, tmp_path: Path) -> None:
    """A read-only transaction lets a superuser read files and start programs; a reading role may not."""
    with pytest.raises(Refused, match="SQLSTATE 42501"):
        read_with(tempting.reader, expression, tmp_path)
    assert not tempting.marker.exists()
    read_with(tempting.superuser, expression, tmp_path)
    assert tempting.marker.exists() == (expression == "run_program()")


@pytest.mark.parametrize(
    "statement",
    [
        "WITH x AS (SELECT 1) DELETE FROM customers",
        "WITH x AS (SELECT 1) INSERT INTO customers SELECT 'new', 1, 1 RETURNING id, spend, orders",
        "WITH x AS (SELECT 1) UPDATE customers SET spend = 0 RETURNING id, spend, orders",
        "SELECT id, spend, load_extension('x') AS orders FROM customers",
        "SELECT id, spend, orders FROM missing",
    ],
)
def test_a_query_of_sqlite_changes_nothing(statement: str, tmp_path: Path) -> None:
    """The file is opened read-only: a statement that would write is refused and not tried again."""
    file = tmp_path / "a shop%20.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("CREATE TABLE customers (id TEXT, spend REAL, orders INT)")
        database.execute("INSERT INTO customers VALUES ('a', 1, 1)")
        database.commit()
    before = file.read_bytes()
    url = URL.create("sqlite", database=str(file)).render_as_string()
    secret = DatabaseSecret("w", SecretStr(url))
    with pytest.raises(Refused, match="the database refused the statement"):
        stage_query(DatabaseQuery(statement, {}), secret, ROWS, tmp_path / "x.parquet")
    assert file.read_bytes() == before
    stage_query(DatabaseQuery("SELECT * FROM customers", {}), secret, ROWS, tmp_path / "x.parquet")
    assert pq.read_metadata(tmp_path / "x.parquet").num_rows == 1


def test_a_missing_sqlite_file_is_not_created(tmp_path: Path) -> None:
    """A wrong path is a database that cannot be reached, not an empty one."""
    secret = DatabaseSecret("w", SecretStr(f"sqlite:///{tmp_path}/none.db"))
    with pytest.raises(DatabaseGone):
        stage_query(DatabaseQuery("SELECT 1", {}), secret, ROWS, tmp_path / "x.parquet")
    assert not (tmp_path / "none.db").exists()


def test_a_database_that_cannot_be_read_only_is_named() -> None:
    """The run warns, because only the account's rights protect such a database."""
    assert [warn_of_writes(name, "w") for name in ("postgresql", "sqlite", "mariadb")] == [[], [], []]
    (warning,) = warn_of_writes("mssql", "w")
    assert warning == (
        "connection w: sessions of mssql cannot be made read-only; use an account that may only read"
    )


def test_a_connection_without_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and the block."""
    monkeypatch.delenv("RESEGMENT_CONNECTION_DATA_LAKE", raising=False)
    with pytest.raises(Refused, match="set RESEGMENT_CONNECTION_DATA_LAKE, or make a Prefect Secret block"):
        look_up_secret("data-lake")


@pytest.mark.usefixtures("prefect_server")
def test_a_prefect_block_may_hold_the_secret() -> None:
    """Without the variable, the Secret block with the connection's name is used."""
    from prefect.blocks.system import Secret

    Secret(value=SecretStr("postgresql://x")).save("in-a-block", overwrite=True)
    assert look_up_secret("in-a-block").get_secret_value() == "postgresql://x"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"sql": "DELETE FROM x", "connection": "w"}, "starts with SELECT or WITH"),
        ({"sql": "SELECT 1; DROP TABLE x", "connection": "w"}, "without a ;"),
        ({"sql": "SELECT :who", "connection": "w"}, "not who"),
        ({"sql": "SELECT 1"}, "sql and connection go together"),
        ({"sql": "SELECT :window_start", "connection": "w"}, "needs a summary with a window"),
        ({"sql": "SELECT 1", "connection": "../w"}, "pattern"),
        ({"sql": "SELECT 1", "connection": "w", "path": "a.csv"}, "exactly one"),
    ],
)
def test_statements_other_than_one_query_are_refused(source: dict[str, str], message: str) -> None:
    """The definition is refused before a database is contacted."""
    with pytest.raises(ValidationError, match=message):
        Definition.model_validate({**DEFINITION, "source": source})
