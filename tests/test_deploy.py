"""`make deploy` against a real server: what is there afterwards, once and twice, and who is told of what."""

import copy
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from config.settings import read_settings
from deployments.setup import RESULTS_VARIABLE, add_results_folder
from segmentation.store.published import published_dates
from tests.dated_days import Days, day, found_days
from tests.deployed import ROOT, DeployedServer, running_deployed_server, running_postgres

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("deploy")]

NAMES = {"nightly", "deadline", "backfill", "promote", "compare"}
NOTICES: list[dict[str, Any]] = []


class Inbox(BaseHTTPRequestHandler):
    """Takes notices."""

    def do_POST(self) -> None:
        """Keep one notice."""
        NOTICES.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """Two days of customers; on the second two thirds are gone."""
    with pytest.MonkeyPatch.context() as patch:
        days = found_days(tmp_path_factory.mktemp("deployed"), 2, patch)
        few = days.file(2).read_text().splitlines()[:51]
        days.file(2).write_text("\n".join(few) + "\n")
        yield days
    read_settings.cache_clear()


@pytest.fixture(scope="module")
def deployed(days: Days) -> Iterator[DeployedServer]:
    """A server on PostgreSQL that was deployed to twice, with a webhook for notices."""
    inbox = HTTPServer(("127.0.0.1", 0), Inbox)
    threading.Thread(target=inbox.serve_forever, daemon=True).start()
    settings = {
        "RESEGMENT_NOTICE_URL": f"http://127.0.0.1:{inbox.server_port}/notice",
        "RESEGMENT_DEFINITIONS": str(days.folder / "definitions"),
    }
    with (
        running_postgres() as database,
        running_deployed_server(days.folder, database, **settings) as server,
    ):
        assert all(line.endswith(": made") for line in server.deploy())
        assert all(line.endswith(": there") for line in server.deploy())
        yield server
    inbox.shutdown()
    inbox.server_close()


def ask(server: DeployedServer, path: str, **body: Any) -> Any:
    """POST to the API."""
    answer = httpx.post(f"{server.page}/api/{path}", json=body, timeout=60)
    assert answer.is_success, answer.text
    return answer.json()


def wait(ready: Callable[[], Any], limit_s: float = 120) -> Any:
    """The first true value, or the last one after limit_s."""
    deadline = time.monotonic() + limit_s
    while not (found := ready()) and time.monotonic() < deadline:
        time.sleep(1)
    return found


def test_the_deployments_are_there_once(deployed: DeployedServer) -> None:
    """After two times: five deployments, three automations, one pool; no folder of the deployer in them."""
    found = {one["name"]: one for one in ask(deployed, "deployments/filter")}
    assert found.keys() == NAMES
    for one in found.values():
        assert (one["work_pool_name"], one["version"]) == ("resegment", "0.1.0")
        assert "resegment" in one["tags"]
        assert one["description"]
        assert re.fullmatch(r"flows\.\w+\.\w+", one["entrypoint"])
        assert not one["pull_steps"]
        assert str(ROOT) not in json.dumps(one)
        assert one["job_variables"]["env"]["OMP_NUM_THREADS"] == "1"
    limits = {name: (one["global_concurrency_limit"] or {}).get("limit") for name, one in found.items()}
    assert limits == {"nightly": 1, "backfill": 1, "deadline": None, "promote": None, "compare": None}
    automations = [one["name"] for one in ask(deployed, "automations/filter")]
    assert sorted(automations) == [
        "resegment: failures", "resegment: held nights", "resegment: runs that died",
    ]  # fmt: skip
    (pool,) = ask(deployed, "work_pools/filter")
    assert (pool["name"], pool["type"]) == ("resegment", "process")
    results = pool["base_job_template"]["variables"]["properties"]["env"]["default"]
    assert results == {"PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(deployed.folder / "results")}
    assert (deployed.folder / "results").stat().st_mode & 0o777 == 0o700


def test_the_schedule_yields_runs(deployed: DeployedServer) -> None:
    """The pins hold: the scheduler makes Scheduled runs at 02:30 for the nightly deployment."""

    def scheduled() -> list[dict[str, Any]]:
        names = {"name": {"any_": ["nightly"]}}
        states = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        return list(ask(deployed, "flow_runs/filter", deployments=names, flow_runs=states))

    runs = wait(scheduled)
    assert len(runs) > 1
    assert {one["expected_start_time"][11:16] for one in runs} == {"02:30"}
    assert all(one["auto_scheduled"] for one in runs)


def test_every_parameter_has_help(deployed: DeployedServer) -> None:
    """Each field of a form says what it is, from the flow's docstring."""
    for one in ask(deployed, "deployments/filter"):
        fields = one["parameter_openapi_schema"]["properties"]
        assert [name for name, field in fields.items() if not field.get("description")] == []


def start_run(server: DeployedServer, name: str, **parameters: str) -> str:
    """A run of a deployment, as its form makes it: the run's id."""
    (found,) = ask(server, "deployments/filter", deployments={"name": {"any_": [name]}})
    return str(ask(server, f"deployments/{found['id']}/create_flow_run", parameters=parameters)["id"])


def run(server: DeployedServer, name: str, **parameters: str) -> dict[str, Any]:
    """Such a run of the segmentation `demo`: the state in which it ends."""
    made = start_run(server, name, definition="demo", **parameters)
    return dict(wait(lambda: end_state(server, made)))


def test_a_failed_run_is_told(deployed: DeployedServer) -> None:
    """The morning's look at a store without the night fails, and the webhook gets the reason."""
    NOTICES.clear()
    with deployed.worker():
        state = run(deployed, "deadline", as_of="2026-01-31")
        assert state["name"] == "Failed"
        assert "has not been published by its deadline: no run of it has begun" in state["message"]
        wait(lambda: NOTICES, 60)
    assert list((deployed.folder / "results").iterdir()) != [], "results are kept where the pool says"
    assert len(NOTICES) == 1
    assert NOTICES[0]["subject"] == "Resegment: demo 2026-01-31 is Failed"
    assert "no run of it has begun" in NOTICES[0]["body"]


def test_a_held_night_is_told(deployed: DeployedServer, days: Days) -> None:
    """One good night, of which nobody is told, and one without two thirds of its customers: the reason.

    The same date held within a backfill is told as well.
    """
    NOTICES.clear()
    with deployed.worker():
        assert run(deployed, "nightly", as_of=str(day(1)))["name"] == "Completed"
        state = run(deployed, "nightly", as_of=str(day(2)))
        assert state["name"] == "Held"
        wait(lambda: NOTICES, 60)
        dates = {"start_date": str(day(2)), "end_date": str(day(2))}
        assert run(deployed, "backfill", **dates)["name"] == "Completed"
        wait(lambda: len(NOTICES) > 1, 60)
        time.sleep(5)  # each is told once
    assert published_dates(days.home) == [day(1)]
    assert [one["subject"] for one in NOTICES] == [f"Resegment: demo {day(2)} is Held"] * 2
    assert "50 customers" in NOTICES[0]["body"]


def test_a_relative_store_is_refused(deployed: DeployedServer) -> None:
    """A worker's run works in a temporary folder: what it published there would go with it."""
    with deployed.worker():
        state = run(deployed, "nightly", as_of=str(day(1)), store="mystore")
    assert state["name"] == "Failed"
    assert "store is a relative path; a worker's run needs an absolute one" in state["message"]


def test_a_pools_own_folder_of_results_stays(deployed: DeployedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a pool without one is given the folder of this machine; the environment may name another."""
    monkeypatch.delenv(RESULTS_VARIABLE, raising=False)
    own = {"variables": {"properties": {"env": {"default": {RESULTS_VARIABLE: "/mnt/shared"}}}}}
    assert add_results_folder(copy.deepcopy(own)) == own
    assert add_results_folder({"variables": {"properties": {}}}) == {"variables": {"properties": {}}}
    monkeypatch.setenv(RESULTS_VARIABLE, str(deployed.folder / "other"))
    given = add_results_folder(copy.deepcopy(own))["variables"]["properties"]["env"]["default"]
    assert given == {RESULTS_VARIABLE: str(deployed.folder / "other")}


def end_state(server: DeployedServer, run_id: str) -> dict[str, Any] | None:
    """The state of a run that has ended."""
    run = httpx.get(f"{server.page}/api/flow_runs/{run_id}", timeout=60).json()
    done = run["state"]["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
    return dict(run["state"]) if done else None


def test_the_version_is_the_projects() -> None:
    """prefect.yaml says the version that pyproject.toml says, and dotted entrypoints."""
    text = (ROOT / "pyproject.toml").read_text()
    content = yaml.safe_load(Path(ROOT / "deployments" / "prefect.yaml").read_text())
    assert {f'version = "{one["version"]}"' in text for one in content["deployments"]} == {True}
