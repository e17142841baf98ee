"""kill -9 of a run, of the worker and of the server in the middle of nights, and what people do then.

What docs/operate.md says is done here: afterwards each date is published once, whole, and nothing is left
behind. Two stages by default; RESEGMENT_TEST_STAGES=all kills in five.
"""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Crashed

from deployments import postgres
from segmentation.store.audit import audit_store
from segmentation.store.ledger import read_rows
from tests.conftest import DEFINITION
from tests.stacks import ROOT, RunningStack, press_retry, read_umask, wait_for_state
from tests.stalls import PLACES, resegment
from tests.test_deploy import wait
from tests.test_flow import DAY, TWO_GROUPS

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.slow, pytest.mark.timeout(600)]

STAGES = tuple(PLACES) if os.environ.get("RESEGMENT_TEST_STAGES") == "all" else ("fit", "publish")

HEARD_S = 6  # by then the server has noted a run's first heartbeat


class Stalled(NamedTuple):
    """A run that waits inside a stage."""

    run_id: UUID
    folder: Path

    @property
    def home(self) -> Path:
        """Its segmentation in its own store."""
        return self.folder / "store" / "demo"

    @property
    def process(self) -> int:
        """Its process."""
        return int((self.folder / "stalled").read_text())

    def release(self) -> None:
        """Let it go on, if it still can."""
        (self.folder / "go").touch()


def start_runs(client: SyncPrefectClient, folder: Path) -> list[Stalled]:
    """One run for each stage, each with a store of its own, all of them waiting in their stage."""
    source = folder / "customers.csv"
    source.write_text("id,spend,orders\n" + "".join(f"{row}\n" for row in TWO_GROUPS))
    definition = {**DEFINITION, "source": {"path": str(source)}, "k": {"min": 1, "max": 3, "rule": "elbow"}}
    (folder / "demo.yaml").write_text(json.dumps(definition))
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(ROOT)}}
    deployment = client.create_deployment(
        client.create_flow(resegment),
        "stalls",
        entrypoint="tests.stalls.resegment",
        work_pool_name="resegment",
        pull_steps=[step],
        tags=["resegment"],
    )
    runs = []
    for stage in STAGES:
        place = folder / stage
        place.mkdir()
        environment = {
            "STALL_AT": stage,
            "STALL_IN": str(place),
            "RESEGMENT_DEFINITIONS": str(folder),
            "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60",  # as in deployments/prefect.yaml
        }
        parameters = {"definition": "demo", "as_of": DAY, "store": str(place / "store")}
        run = client.create_flow_run_from_deployment(
            deployment, parameters=parameters, job_variables={"env": environment}
        )
        runs.append(Stalled(run.id, place))
    deadline = time.monotonic() + 120
    while not all((run.folder / "stalled").exists() for run in runs):
        assert time.monotonic() < deadline, "the runs did not get to their stages"
        time.sleep(0.2)
    return runs


def finish_by_retry(client: SyncPrefectClient, run: Stalled) -> None:
    """Retry, again if the worker's late word on the dead try makes it Crashed once more."""
    for _ in range(3):
        press_retry(client, run.run_id)
        state = wait_for_state(client, run.run_id, {"Completed", "Crashed", "Failed"})
        if state.name == "Completed":
            return
    raise AssertionError(f"{run.folder.name} does not complete: {state.name}, {state.message}")


def finish_what_was_silent(stack: RunningStack, runs: list[Stalled]) -> None:
    """Runs of which nobody has heard are Crashed by the automation, else by hand; Retry finishes them."""
    with stack.client() as client:
        for run in runs:
            try:
                wait_for_state(client, run.run_id, {"Crashed"}, 240)
            except TimeoutError:  # docs/operate.md: Running for ever
                client.set_flow_run_state(run.run_id, Crashed(message="by hand"), force=True)
            finish_by_retry(client, run)
            check_night(run)


def check_night(run: Stalled) -> None:
    """The date is published once, whole; no stage file, no temporary file, no held lock is left."""
    home = run.home
    (row,) = read_rows(home)
    assert row["outcome"] == "published", row
    assert audit_store(home).damage == []
    assert home.stat().st_mode & 0o777 == 0o777 & ~read_umask(), "readable for whom its starter lets read"
    assert len(list((home / "editions" / DAY).iterdir())) == 1
    assert list((home / ".staging").iterdir()) == []
    assert {path.name for path in home.iterdir() if path.name.startswith(".")} == {".lock", ".staging"}


@pytest.fixture
def runs(stack: RunningStack, tmp_path: Path) -> list[Stalled]:
    """Runs under way on the stack, each inside its stage."""
    with stack.client() as client:
        return start_runs(client, tmp_path)


def test_a_killed_run_is_crashed_and_a_retry_finishes_it(stack: RunningStack, runs: list[Stalled]) -> None:
    """The worker sees the run die: Crashed within seconds. Retry resumes it."""
    for run in runs:
        os.kill(run.process, signal.SIGKILL)
    with stack.client() as client:
        for run in runs:
            state = wait_for_state(client, run.run_id, {"Crashed"}, 30)
            assert "-9" in str(state.message)
        for run in runs:
            finish_by_retry(client, run)
            check_night(run)


def test_a_killed_worker_takes_its_runs_along(stack: RunningStack, runs: list[Stalled]) -> None:
    """A run ends at the first line that it logs in vain: Crashed. `up` and Retry finish it."""
    os.kill(stack.pid("worker"), signal.SIGKILL)
    for run in runs:
        run.release()
    with stack.client() as client:
        for run in runs:
            wait_for_state(client, run.run_id, {"Crashed"}, 30)
        assert stack.call("status").stdout.count("worker: not running") == 1
        assert "worker: started" in stack.call("up").stdout
        for run in runs:
            finish_by_retry(client, run)
            check_night(run)


def test_runs_outlive_a_killed_server(stack: RunningStack, runs: list[Stalled]) -> None:
    """Runs go on and wait for the server; `up` brings it back, and they complete by themselves."""
    os.kill(stack.pid("server"), signal.SIGKILL)
    for run in runs:
        run.release()
    up = stack.call("up")
    assert "server: started" in up.stdout, up.stderr
    with stack.client() as client:
        for run in runs:
            wait_for_state(client, run.run_id, {"Completed"})
            check_night(run)


def test_all_killed_together(stack: RunningStack, runs: list[Stalled]) -> None:
    """As when the machine dies: nobody is left to say so. After `up` the automation marks them Crashed."""
    time.sleep(HEARD_S)
    for process in (stack.pid("worker"), stack.pid("server"), *(run.process for run in runs)):
        os.kill(process, signal.SIGKILL)
    up = stack.call("up")
    assert "worker: started" in up.stdout, up.stderr
    with stack.client() as client:
        for run in runs:
            state = wait_for_state(client, run.run_id, {"Crashed"}, 400)
            assert "No heartbeat for three minutes" in str(state.message)
    finish_what_was_silent(stack, runs)


def test_down_ends_the_runs_and_a_retry_finishes_them(stack: RunningStack, runs: list[Stalled]) -> None:
    """`make down` in the middle of nights: the worker takes its runs along. `up` and Retry finish them."""
    time.sleep(HEARD_S)
    down = stack.call("down")
    assert "worker: stopped" in down.stdout, down.stderr
    up = stack.call("up")
    assert "worker: started" in up.stdout, up.stderr
    finish_what_was_silent(stack, runs)


def test_up_mends_a_dead_database(stack: RunningStack) -> None:
    """PostgreSQL killed: the server still says that it is well, and `up` starts the database again."""
    own = postgres.locate_database(stack.state / "stack")
    os.kill(int((own.files / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    assert wait(lambda: "database: not running" in stack.call("status").stdout, 30)
    up = stack.call("up")
    assert up.returncode == 0, up.stderr
    assert stack.call("status").returncode == 0


def test_two_ups_at_once(stack: RunningStack) -> None:
    """The second waits for the first: each part is started once, and `down` would find it."""
    os.kill(stack.pid("worker"), signal.SIGKILL)
    os.kill(stack.pid("reports"), signal.SIGKILL)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: stack.call("up"), range(2)))
    assert [one.returncode for one in both] == [0, 0], [one.stderr for one in both]
    told = "".join(one.stdout for one in both)
    for name in ("worker", "reports"):
        assert (told.count(f"{name}: started"), told.count(f"{name}: running already")) == (1, 1)
    assert stack.call("status").returncode == 0
