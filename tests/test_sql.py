"""Rows from a real PostgreSQL: the same edition as from Parquet, broken connections, hidden secrets."""

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pytest
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_HOME, PREFECT_LOCAL_STORAGE_PATH
from pydantic import SecretStr

from config.columns import Rows
from config.settings import read_settings
from flows.resegment import resegment
from schemas.night import Published
from segmentation.errors import DatabaseGone, Refused
from segmentation.store.ledger import read_rows
from tasks.ingest import ingest
from tasks.runtime.connections import variable_name
from tests.conftest import DEFINITION
from tests.test_real_data import DAY

pytestmark = pytest.mark.usefixtures("prefect_server")
SQL = "SELECT id, spend, orders FROM customers WHERE since < :as_of ORDER BY id"
ROWS = Rows.model_validate(DEFINITION["rows"])


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
    """Retry without delay."""
    impatient = ingest.task.with_options(retry_delay_seconds=0, retry_jitter_factor=0)
    monkeypatch.setattr(ingest, "task", impatient)


def digests(store: Path) -> dict[str, str]:
    """sha256 of every file of every edition, and of the published tables."""
    home = store / "demo"
    files = [p for part in ("editions", "published") for p in (home / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(home)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def run(store: Path, source: Path | None = None) -> Published:
    """Run the flow over the definition's source, or over this file."""
    result = resegment("demo", as_of=DAY, store=str(store), source=None if source is None else str(source))
    assert isinstance(result, Published)
    return result


@pytest.mark.slow
def test_a_table_and_its_parquet_copy_give_the_same_bytes(
    tmp_path: Path, postgres: str, connect: Callable[..., None]
) -> None:
    """Every file of the edition is equal, whatever the Parquet file's name, row groups and types."""
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
    assert len(digests(tmp_path / "a")) == 18
    assert from_file.edition == from_table.edition
    assert run(tmp_path / "a").outcome == "already-published"
    names = [row["inputs"][0]["name"] for row in read_rows(tmp_path / "b" / "demo")]
    assert names == ["other name.parquet"]


class Proxy:
    """Forwards TCP connections to a server's socket, and cuts them after some bytes of the answer."""

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
            requests = threading.Thread(target=self._pump, args=(client, server, None), daemon=True)
            requests.start()
            self._pump(server, client, self.limit)
            requests.join()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        count = 0
        with suppress(OSError):
            while (octets := source.recv(4096)) and (limit is None or count < limit):
                target.sendall(octets)
                count += len(octets)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def breaking(postgres: str) -> Iterator[Proxy]:
    """A proxy to the database that breaks half-way through the rows."""
    proxy = Proxy(f"{postgres.rsplit('host=', 1)[1]}/.s.PGSQL.5432", 20_000)
    yield proxy
    proxy.listener.close()


@pytest.mark.usefixtures("no_waiting")
def test_a_broken_connection_is_retried_and_then_reported(
    tmp_path: Path, breaking: Proxy, connect: Callable[..., None]
) -> None:
    """After four tries, one message without URL or values. Nothing is published."""
    connect(f"postgresql://postgres:canary-42@127.0.0.1:{breaking.port}/postgres?sslmode=disable")
    with pytest.raises(
        DatabaseGone, match="connection warehouse: the database cannot be reached or the connection broke"
    ):
        run(tmp_path / "a")
    assert breaking.connections == 4
    assert digests(tmp_path / "a") == {}
    assert [row["outcome"] for row in read_rows(tmp_path / "a" / "demo")] == ["failed"]


def places() -> list[Path]:
    """Where Prefect stores data: the server's database, its home and the results."""
    database = PREFECT_API_DATABASE_CONNECTION_URL.value()
    text = database.get_secret_value() if isinstance(database, SecretStr) else str(database)
    folders = [PREFECT_HOME.value(), PREFECT_LOCAL_STORAGE_PATH.value()]
    return [Path(text.split("///")[-1]).parent, *(Path(folder) for folder in folders if folder)]


@pytest.mark.slow
@pytest.mark.usefixtures("no_waiting")
def test_the_secret_is_stored_nowhere(
    tmp_path: Path,
    postgres: str,
    connect: Callable[..., None],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """After a failed and a successful run, no log, store, artifact or database contains the secret."""
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
