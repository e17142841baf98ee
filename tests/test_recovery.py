"""Recovery as in docs/operate.md, after kill -9 of a run, the worker or the server in the middle of nights.

Afterwards each date is published once, complete, and nothing is left behind. By default the kills hit two
stages; with RESEGMENT_TEST_STAGES=all they hit five.
"""

import fcntl
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Crashed

from deployments import postgres
from segmentation.store.files.locking import LOCK
from segmentation.store.ledger import read_rows
from segmentation.store.repair.audit import audit_store
from tests.conftest import DEFINITION
from tests.deployed import wait_for
from tests.stacks import STALLING_FLOW, RunningStack, press_retry, wait_for_state
from tests.stalls import FIT, PUBLISH, STALLING_FUNCTIONS, resegment
from tests.test_flow import DAY, TWO_GROUPS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PLACES = STALLING_FUNCTIONS if os.environ.get("RESEGMENT_TEST_STAGES") == "all" else (FIT, PUBLISH)


class Stalled(NamedTuple):
    """A run that stalls inside a stage."""

    run_id: UUID
    folder: Path

    @property
    def home(self) -> Path:
        """The folder of its segmentation, in a store of its own."""
        return self.folder / "store" / "demo"

    @property
    def process(self) -> int:
        """Its process id."""
        return int((self.folder / "stalled").read_text())

    def release(self) -> None:
        """Let it continue, if it still exists."""
        (self.folder / "go").touch()


def start_runs(stack: RunningStack, client: SyncPrefectClient, folder: Path) -> list[Stalled]:
    """One run for each stage, each with its own store, once all of them stall in their stage."""
    source = folder / "customers.csv"
    source.write_text("id,spend,orders\n" + "".join(f"{row}\n" for row in TWO_GROUPS))
    definition = {**DEFINITION, "source": {"path": str(source)}, "k": {"min": 1, "max": 3, "rule": "elbow"}}
    (stack.definitions / "demo.yaml").write_text(json.dumps(definition))
    plan = {f"stalls {place}": (place, str(folder / place)) for place in PLACES}
    stack.stalls.write_text(json.dumps(plan))
    flow = client.create_flow(resegment)
    runs = []
    for name, (_, run_folder) in plan.items():
        Path(run_folder).mkdir()
        deployment = client.create_deployment(
            flow, name, entrypoint=STALLING_FLOW, work_pool_name="resegment", tags=["resegment"]
        )
        parameters = {"definition": "demo", "as_of": DAY, "store": f"{run_folder}/store"}
        run = client.create_flow_run_from_deployment(deployment, parameters=parameters)
        runs.append(Stalled(run.id, Path(run_folder)))
    stalled = wait_for(lambda: all((run.folder / "stalled").exists() for run in runs))
    assert stalled, "the runs did not get to their stages"
    return runs


def is_under_way(run: Stalled) -> bool:
    """Does a process hold the lock on the run's stage files?"""
    path = run.home / ".staging" / str(run.run_id) / LOCK
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def finish_by_retry(client: SyncPrefectClient, run: Stalled) -> None:
    """Retry until it completes. The worker's late report about the dead try may mark it Crashed once more."""
    for _ in range(3):
        # The retry that was marked Crashed keeps running, as docs/operate.md says.
        assert wait_for(lambda: not is_under_way(run)), "its process does not end"
        press_retry(client, run.run_id)
        state = wait_for_state(client, run.run_id, {"Completed", "Crashed", "Failed"})
        if state.name == "Completed":
            return
    raise AssertionError(f"{run.folder.name} does not complete: {state.name}, {state.message}")


def finish_silent_runs(stack: RunningStack, runs: list[Stalled]) -> None:
    """Wait until the automation marks each run Crashed, or else mark it by hand, then finish it by Retry."""
    with stack.client() as client:
        for run in runs:
            try:
                wait_for_state(client, run.run_id, {"Crashed"}, 240)
            except TimeoutError:  # the remedy in docs/operate.md for a run that stays Running
                client.set_flow_run_state(run.run_id, Crashed(message="by hand"), force=True)
            finish_by_retry(client, run)
            check_night(run)


def check_night(run: Stalled) -> None:
    """Assert that the date is published once, complete, and that no stage or temporary file is left."""
    home = run.home
    (row,) = read_rows(home)
    assert row["outcome"] == "published", row
    assert audit_store(home).damage == []
    assert home.stat().st_mode & 0o777 == 0o750, "modes depend neither on the stack's umask nor on the user's"
    assert len(list((home / "editions" / DAY).iterdir())) == 1
    assert list((home / ".staging").iterdir()) == []
    assert {path.name for path in home.iterdir() if path.name.startswith(".")} == {".lock", ".staging"}


def wait_for_heartbeats(stack: RunningStack, runs: list[Stalled]) -> None:
    """Wait until the server has stored a heartbeat of each run and its automation has seen it too."""
    user, _, password = stack.password.partition(":")
    names = {"name": ["prefect.flow-run.heartbeat"]}

    def has_heartbeat(run: Stalled) -> bool:
        response = httpx.post(
            f"http://127.0.0.1:{stack.port}/api/events/filter",
            json={"filter": {"event": names, "resource": {"id": [f"prefect.flow-run.{run.run_id}"]}}},
            auth=(user, password),
            timeout=60,
        )
        return bool(response.json()["events"])

    assert wait_for(lambda: all(has_heartbeat(run) for run in runs)), "the runs send no heartbeats"
    time.sleep(6)  # automations read events separately and have no API that shows how far they are


@pytest.fixture
def runs(stack: RunningStack, tmp_path: Path) -> list[Stalled]:
    """Runs on the stack, each stalled inside its stage."""
    with stack.client() as client:
        return start_runs(stack, client, tmp_path)


def test_a_killed_run_is_crashed_and_a_retry_finishes_it(stack: RunningStack, runs: list[Stalled]) -> None:
    """The worker notices that the run died and marks it Crashed. Retry resumes it."""
    for run in runs:
        os.kill(run.process, signal.SIGKILL)
    with stack.client() as client:
        for run in runs:
            state = wait_for_state(client, run.run_id, {"Crashed"})
            assert "-9" in str(state.message)
        for run in runs:
            finish_by_retry(client, run)
            check_night(run)


def test_a_killed_worker_takes_its_runs_along(stack: RunningStack, runs: list[Stalled]) -> None:
    """A run crashes at the first log line after its worker is gone. `up` and Retry finish it."""
    os.kill(stack.pid("worker"), signal.SIGKILL)
    for run in runs:
        run.release()
    with stack.client() as client:
        for run in runs:
            wait_for_state(client, run.run_id, {"Crashed"})
        assert stack.call("status").stdout.count("worker: not running") == 1
        assert "worker: started" in stack.call("up").stdout
        for run in runs:
            finish_by_retry(client, run)
            check_night(run)


def test_runs_outlive_a_killed_server(stack: RunningStack, runs: list[Stalled]) -> None:
    """Runs continue and wait for the server; `up` restarts it, and they complete on their own."""
    os.kill(stack.pid("server"), signal.SIGKILL)
    for run in runs:
        run.release()
    restart = stack.call("up")
    assert "server: started" in restart.stdout, restart.stderr
    with stack.client() as client:
        for run in runs:
            wait_for_state(client, run.run_id, {"Completed"})
            check_night(run)


def test_all_killed_together(stack: RunningStack, runs: list[Stalled]) -> None:
    """As when the machine dies, no process is left to report it. After `up` the automation does."""
    wait_for_heartbeats(stack, runs)
    for process in (stack.pid("worker"), stack.pid("server"), *(run.process for run in runs)):
        os.kill(process, signal.SIGKILL)
    restart = stack.call("up")
    assert "worker: started" in restart.stdout, restart.stderr
    with stack.client() as client:
        for run in runs:
            state = wait_for_state(client, run.run_id, {"Crashed"}, 500)
            assert "No heartbeat for three minutes" in str(state.message)
    finish_silent_runs(stack, runs)


def test_down_ends_the_runs_and_a_retry_finishes_them(stack: RunningStack, runs: list[Stalled]) -> None:
    """`make down` in the middle of nights ends the runs with their worker. `up` and Retry finish them."""
    wait_for_heartbeats(stack, runs)
    down = stack.call("down")
    assert "worker: stopped" in down.stdout, down.stderr
    restart = stack.call("up")
    assert "worker: started" in restart.stdout, restart.stderr
    finish_silent_runs(stack, runs)


def test_up_restarts_a_dead_database(stack: RunningStack) -> None:
    """After PostgreSQL is killed the server still reports that it is healthy, but `up` restarts both."""
    database = postgres.locate_database(stack.state / "stack")
    os.kill(int((database.files / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert wait_for(lambda: "database: not running" in stack.call("status").stdout)
    restart = stack.call("up")
    assert restart.returncode == 0, restart.stderr
    assert stack.call("status").returncode == 0


def test_two_ups_at_once(stack: RunningStack) -> None:
    """The second waits for the first, so each part is started once and has a pid file."""
    os.kill(stack.pid("worker"), signal.SIGKILL)
    os.kill(stack.pid("reports"), signal.SIGKILL)
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: stack.call("up"), range(2)))
    assert [result.returncode for result in results] == [0, 0], [result.stderr for result in results]
    output = "".join(result.stdout for result in results)
    for name in ("worker", "reports"):
        assert (output.count(f"{name}: started"), output.count(f"{name}: running already")) == (1, 1)
    assert stack.call("status").returncode == 0
