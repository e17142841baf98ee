"""Thirty dates of Online Retail, night after night and then by the deployment `backfill`: the same bytes.

Server, PostgreSQL, worker and runs are real processes. Runs are killed, and a night runs in the middle.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from segmentation.store.dates import published_dates
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live
from segmentation.store.repair.audit import audit_store
from tests.conftest import SHARED
from tests.deployed import DeployedServer, running_deployed_server, running_postgres, wait_for
from tests.test_flow import digests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

FIRST, LAST = date(2011, 9, 1), date(2011, 9, 30)
DAYS = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
SOURCE = SHARED / "online_retail_by_day"

# The nightly runs, one after another.
_FORWARD = """
import sys
from datetime import date, timedelta
from flows.resegment import resegment

source, first, count = sys.argv[1], date.fromisoformat(sys.argv[2]), int(sys.argv[3])
for i in range(count):
    resegment("online-retail", first + timedelta(days=i), source)
"""


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedServer]:
    """A server on PostgreSQL with the deployments, and a worker."""
    if not SOURCE.is_dir():
        pytest.skip(f"real data is not here: {SHARED.name} is missing next to the project")
    folder = tmp_path_factory.mktemp("thirty")
    with running_postgres() as database, running_deployed_server(folder, database) as server:
        server.deploy()
        with server.worker():
            yield server


@pytest.fixture(scope="module")
def home(deployed: DeployedServer) -> Path:
    """The segmentation's folder in the store."""
    return deployed.folder / "store" / "online-retail"


@pytest.fixture(scope="module")
def forward(deployed: DeployedServer, home: Path) -> dict[str, str]:
    """The sha256 of each file that the thirty nights publish. The store is empty afterwards."""
    result = deployed.call("-c", _FORWARD, str(SOURCE), str(FIRST), str(len(DAYS)), limit_s=1800)
    assert result.returncode == 0, result.stderr
    assert published_dates(home) == DAYS
    published = digests(home)
    remove_store(deployed, home)
    return published


def remove_store(server: DeployedServer, home: Path) -> None:
    """Remove the store, and the note without which the worker takes it for one that is not mounted."""
    shutil.rmtree(home)
    shutil.rmtree(server.folder / "state" / "known-stores")


def start(server: DeployedServer, name: str, **parameters: str) -> str:
    """Start a run of a deployment on Online Retail: the run's id."""
    return server.start_run(name, definition="online-retail", source=str(SOURCE), **parameters)


def kill(server: DeployedServer, run: str) -> None:
    """Kill -9 the process of a run, and wait until the worker has reported it."""
    line = "prefect.flow_runs.worker - Check whether the flow run exceeded its memory"
    log = server.folder / "worker.log"
    count = log.read_text().count(line)
    pid = server.read_run(run)["infrastructure_pid"]
    os.kill(int(pid.rpartition(":")[2]), signal.SIGKILL)
    assert wait_for(lambda: log.read_text().count(line) > count), "the worker did not notice"
    assert wait_for(lambda: server.get_final_state(run) or {})["name"] == "Crashed"


def press_retry(server: DeployedServer, run: str) -> None:
    """Do what the UI's button Retry does."""
    server.post(f"flow_runs/{run}/set_state", state={"type": "SCHEDULED", "name": "AwaitingRetry"})


def wait_until_published(home: Path, count: int) -> None:
    """Wait until this many dates are published."""
    assert wait_for(lambda: home.is_dir() and len(published_dates(home)) >= count, 1200), "no progress"


def check_whole(home: Path) -> None:
    """Assert that no file is damaged or left behind."""
    assert audit_store(home).damage == []
    assert list((home / ".staging").iterdir()) == []


def test_deleted_and_backfilled(deployed: DeployedServer, home: Path, forward: dict[str, str]) -> None:
    """A backfill of the deleted store publishes the same files as the nights did, byte for byte."""
    run = start(deployed, "backfill", start_date=str(FIRST), end_date=str(LAST))
    state = wait_for(lambda: deployed.get_final_state(run), 1800)
    assert state is not None and state["name"] == "Completed", state
    assert digests(home) == forward
    assert len(forward) > 8 * len(DAYS)
    check_whole(home)
    remove_store(deployed, home)


def test_killed_twice_with_a_night_in_the_middle(
    deployed: DeployedServer, home: Path, forward: dict[str, str]
) -> None:
    """Killed after ten and after twenty dates and retried each time, while the next date's night runs too."""
    run = start(deployed, "backfill", start_date=str(FIRST), end_date=str(LAST))
    wait_until_published(home, 10)
    kill(deployed, run)
    press_retry(deployed, run)
    wait_until_published(home, 15)
    next_day = LAST + timedelta(days=1)
    night = start(deployed, "nightly", as_of=str(next_day))
    assert wait_for(lambda: deployed.get_final_state(night) or {}, 600)["name"] == "Completed"
    assert len(published_dates(home)) <= len(DAYS), "the night waited for the backfill's end"
    wait_until_published(home, 21)
    kill(deployed, run)
    press_retry(deployed, run)
    assert wait_for(lambda: deployed.get_final_state(run) or {}, 1800)["name"] == "Completed"
    assert published_dates(home) == [*DAYS, next_day]
    live = read_live(home)
    assert live is not None
    assert live[0] == next_day
    assert {file: sha256 for file, sha256 in digests(home).items() if str(next_day) not in file} == forward
    check_whole(home)
    tries = [(row["as_of"], row["tries"]) for row in read_rows(home) if row["parent_run_id"] == run]
    assert [day for day, _ in tries] == [str(day) for day in DAYS], "no date ran twice"
    assert sum(count > 1 for _, count in tries) <= 2, "except the two dates in which the run was killed"
