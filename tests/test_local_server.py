"""The server of `resegment up`: found, not started twice, scheduling, stopped.

This also guards the pinned versions: with a newer SQLAlchemy or FastAPI no scheduled run ever appears.
"""

import os
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL, temporary_settings

from deployments.local_server import (
    is_healthy,
    look_up_server,
    start_embedded_server,
    start_server,
    stop_embedded_server,
    stop_server,
    wait_until_healthy,
)
from flows.resegment import resegment
from tests.deployed import wait_for


@pytest.fixture
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Prefect home of the test's own; returns its state folder."""
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "prefect"))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.delenv("PREFECT_API_DATABASE_CONNECTION_URL", raising=False)
    return tmp_path / "state"


def wait_for_scheduled(url: str) -> list[str]:
    """Deploy the flow with a cron schedule: the names of the states of its runs, once there are runs."""
    with temporary_settings({PREFECT_API_URL: url}), get_client(sync_client=True) as client:
        flow_id = client.create_flow(resegment)
        cron = CronSchedule(cron="30 2 * * *", timezone="Europe/London")
        client.create_deployment(
            flow_id,
            "nightly",
            schedules=[DeploymentScheduleCreate(schedule=cron)],
            parameters={"definition": "article"},
        )
        runs = wait_for(client.read_flow_runs)
        return [str(run.state.name) for run in runs if run.state]


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # it outlives the test's process
def test_up_keeps_one_server_that_schedules_cron_runs(own_home: Path) -> None:
    """up starts a server, a second up finds it, a cron deployment gets scheduled runs, down stops it."""
    assert look_up_server(own_home) is None
    url, is_new = start_server(own_home)
    try:
        assert is_new and is_healthy(url) and url.startswith("http://127.0.0.1:")
        assert start_server(own_home) == (url, False)
        assert look_up_server(own_home) == url
        states = wait_for_scheduled(url)
        assert states and set(states) == {"Scheduled"}
    finally:
        assert stop_server(own_home)
    assert not is_healthy(url)
    assert look_up_server(own_home) is None
    assert not stop_server(own_home)


@pytest.mark.slow
def test_the_embedded_server_ends_with_its_process(own_home: Path) -> None:
    """Closing the pipe, which is what a dying process does, stops the server."""
    url, process = start_embedded_server()
    wait_until_healthy(url, process)
    stop_embedded_server(process)
    assert not is_healthy(url)


def test_a_configured_server_comes_first(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PREFECT_API_URL has precedence, then the URL of the active Prefect profile."""
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir()
    (home / "profiles.toml").write_text(
        'active = "work"\n[profiles.work]\nPREFECT_API_URL = "http://p/api"\n'
    )
    assert look_up_server(own_home) == "http://p/api"
    monkeypatch.setenv("PREFECT_API_URL", "http://e/api")
    assert look_up_server(own_home) == "http://e/api"


def test_a_stale_pid_is_never_killed(own_home: Path) -> None:
    """down does not kill a process that is not a Prefect server, even if the pid file has its id."""
    own_home.mkdir()
    (own_home / "server.json").write_text(f'{{"url": "http://127.0.0.1:9/api", "pid": {os.getpid()}}}')
    assert not stop_server(own_home)
