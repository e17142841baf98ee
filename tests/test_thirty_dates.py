"""Thirty dates of Online Retail, night after night, then by the deployment `backfill`: the same bytes.

Server, PostgreSQL, worker and runs are real processes; runs are killed, and a night is run in the middle.
"""

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import httpx
import pytest

from segmentation.store.audit import audit_store
from segmentation.store.ledger import read_rows
from segmentation.store.pointer import read_live
from segmentation.store.published import published_dates
from tests.conftest import SHARED
from tests.deployed import DeployedServer, running_deployed_server, running_postgres
from tests.test_deploy import ask, end_state, start_run, wait
from tests.test_flow import digests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800), pytest.mark.xdist_group("thirty")]

FIRST, LAST = date(2011, 9, 1), date(2011, 9, 30)
DAYS = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
SOURCE = SHARED / "online_retail_by_day"

# The nights themselves, each a run of the flow.
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
        pytest.skip(f"real data is not here: {SHARED.name} beside the project is missing")
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
    """What the thirty nights published: sha256 by file. The store is empty afterwards."""
    done = deployed.call("-c", _FORWARD, str(SOURCE), str(FIRST), str(len(DAYS)), limit_s=900)
    assert done.returncode == 0, done.stderr
    assert published_dates(home) == DAYS
    made = digests(home)
    shutil.rmtree(home)
    return made


def start(server: DeployedServer, name: str, **parameters: str) -> str:
    """A run of a deployment on these days: the run's id."""
    return start_run(server, name, definition="online-retail", source=str(SOURCE), **parameters)


def kill(server: DeployedServer, run: str) -> None:
    """Kill -9 the process of a run, and wait until the worker has said its last word, as a person would."""
    word = "prefect.flow_runs.worker - Check whether the flow run exceeded its memory"
    log = server.folder / "worker.log"
    before = log.read_text().count(word)
    pid = httpx.get(f"{server.page}/api/flow_runs/{run}", timeout=60).json()["infrastructure_pid"]
    os.kill(int(pid.rpartition(":")[2]), signal.SIGKILL)
    assert wait(lambda: log.read_text().count(word) > before, 60), "the worker did not notice"
    assert (end_state(server, run) or {})["name"] == "Crashed"


def press_retry(server: DeployedServer, run: str) -> None:
    """What the button does."""
    ask(server, f"flow_runs/{run}/set_state", state={"type": "SCHEDULED", "name": "AwaitingRetry"})


def wait_until_published(home: Path, count: int) -> None:
    """Until so many dates are out."""
    assert wait(lambda: home.is_dir() and len(published_dates(home)) >= count, 600), "no progress"


def check_whole(home: Path) -> None:
    """Nothing is damaged, nothing is left behind."""
    assert audit_store(home).damage == []
    assert list((home / ".staging").iterdir()) == []


def test_deleted_and_backfilled(deployed: DeployedServer, home: Path, forward: dict[str, str]) -> None:
    """Every file of every edition and every published table is what the nights had made."""
    run = start(deployed, "backfill", start_date=str(FIRST), end_date=str(LAST))
    state = wait(lambda: end_state(deployed, run), 900)
    assert state["name"] == "Completed", state["message"]
    assert digests(home) == forward
    assert len(forward) > 8 * len(DAYS)
    check_whole(home)
    shutil.rmtree(home)


def test_killed_twice_with_a_night_in_the_middle(
    deployed: DeployedServer, home: Path, forward: dict[str, str]
) -> None:
    """Killed after ten dates and after twenty, retried each time; the next date's night runs beside it."""
    run = start(deployed, "backfill", start_date=str(FIRST), end_date=str(LAST))
    wait_until_published(home, 10)
    kill(deployed, run)
    press_retry(deployed, run)
    wait_until_published(home, 15)
    after = LAST + timedelta(days=1)
    night = start(deployed, "nightly", as_of=str(after))
    assert wait(lambda: end_state(deployed, night), 120)["name"] == "Completed"
    between = len(published_dates(home))
    assert between <= len(DAYS), "the night did not wait for the backfill's end"
    wait_until_published(home, 21)
    kill(deployed, run)
    press_retry(deployed, run)
    assert wait(lambda: end_state(deployed, run), 900)["name"] == "Completed"
    assert published_dates(home) == [*DAYS, after]
    live = read_live(home)
    assert live is not None
    assert live[0] == after
    assert {file: sha256 for file, sha256 in digests(home).items() if str(after) not in file} == forward
    check_whole(home)
    tries = [(row["as_of"], row["tries"]) for row in read_rows(home) if row["parent_run_id"] == run]
    assert [day for day, _ in tries] == [str(day) for day in DAYS], "no date ran twice"
    assert sum(count > 1 for _, count in tries) <= 2, "but for the two in which the run was killed"
