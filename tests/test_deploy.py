"""`make deploy` against a real server, once and twice: what it creates, and which notices are sent."""

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prefect.workers.process import ProcessWorker

from config.settings import read_settings
from deployments.pool import build_template
from segmentation.store.dates import published_dates
from segmentation.store.layout import VERSION
from tests.dated_days import Days, create_days, day
from tests.deployed import ROOT, DeployedServer, running_deployed_server, running_postgres, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

NAMES = {"nightly", "deadline", "backfill", "promote", "prune", "compare", "validate"}
NOTICES: list[dict[str, Any]] = []


class Inbox(BaseHTTPRequestHandler):
    """A webhook that keeps the notices it gets."""

    def do_POST(self) -> None:
        """Keep one notice."""
        NOTICES.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """Two days of customers; on the second, two thirds of them are missing."""
    with pytest.MonkeyPatch.context() as patch:
        days = create_days(tmp_path_factory.mktemp("deployed"), 2, patch)
        lines = days.file(2).read_text().splitlines()[:51]
        days.file(2).write_text("\n".join(lines) + "\n")
        yield days
    read_settings.cache_clear()


@pytest.fixture(scope="module")
def deployed(days: Days) -> Iterator[DeployedServer]:
    """A server on PostgreSQL with the deployments, deployed twice, and a webhook for notices."""
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
        assert all(line.endswith(": created") for line in server.deploy())
        assert all(line.endswith(": exists") for line in server.deploy())
        yield server
    inbox.shutdown()
    inbox.server_close()


def test_every_deployment_exists_once(deployed: DeployedServer) -> None:
    """Deploying twice gives seven deployments, four automations and one pool, all without local folders."""
    deployments = {deployment["name"]: deployment for deployment in deployed.post("deployments/filter")}
    assert deployments.keys() == NAMES
    for deployment in deployments.values():
        assert (deployment["work_pool_name"], deployment["version"]) == ("resegment", VERSION)
        assert "resegment" in deployment["tags"]
        assert deployment["description"]
        assert re.fullmatch(r"flows\.\w+\.\w+", deployment["entrypoint"])
        assert not deployment["pull_steps"]
        assert str(ROOT) not in json.dumps(deployment)
        assert deployment["job_variables"] == {}
        assert deployment["path"] in (None, "", ".")
    limits = {
        name: (deployment["global_concurrency_limit"] or {}).get("limit")
        for name, deployment in deployments.items()
    }
    unlimited = dict.fromkeys(("deadline", "promote", "compare", "validate"))
    assert limits == {"nightly": 1, "backfill": 1, "prune": 1, **unlimited}
    automations = {automation["name"] for automation in deployed.post("automations/filter")}
    names = {"failures", "held nights", "late runs", "runs that died"}
    assert automations == {f"resegment: {name}" for name in names}
    (pool,) = deployed.post("work_pools/filter")
    assert (pool["name"], pool["type"]) == ("resegment", "process")
    assert pool["base_job_template"] == build_template()


def test_a_server_of_an_earlier_version_is_closed(deployed: DeployedServer) -> None:
    """Deploying again empties job variables and closes the pool; settings that no longer apply are named."""
    (nightly,) = deployed.post("deployments/filter", deployments={"name": {"any_": ["nightly"]}})
    changes = {
        f"deployments/{nightly['id']}": {"job_variables": {"env": {"OMP_NUM_THREADS": "1"}}},
        "work_pools/resegment": {"base_job_template": ProcessWorker.get_default_base_job_template()},
    }
    template = changes["work_pools/resegment"]["base_job_template"]
    template["variables"]["properties"]["env"]["default"] = {"HTTP_PROXY": "canary-42"}
    for path, body in changes.items():
        assert httpx.patch(f"{deployed.page}/api/{path}", json=body).is_success
    lines = deployed.deploy()
    assert "work pool resegment: closed" in lines
    assert "  its environment no longer applies; set where workers start: HTTP_PROXY" in lines
    (nightly,) = deployed.post("deployments/filter", deployments={"name": {"any_": ["nightly"]}})
    (pool,) = deployed.post("work_pools/filter")
    assert (nightly["job_variables"], pool["base_job_template"]) == ({}, build_template())


def test_the_schedule_yields_runs(deployed: DeployedServer) -> None:
    """With the pinned packages, the scheduler creates runs at 02:30 for the nightly deployment."""

    def list_scheduled_runs() -> list[dict[str, Any]]:
        names = {"name": {"any_": ["nightly"]}}
        states = {"state": {"type": {"any_": ["SCHEDULED"]}}}
        return list(deployed.post("flow_runs/filter", deployments=names, flow_runs=states))

    assert wait_for(lambda: len(list_scheduled_runs()) > 1)
    runs = list_scheduled_runs()
    assert {run["expected_start_time"][11:16] for run in runs} == {"02:30"}
    assert all(run["auto_scheduled"] for run in runs)


def test_every_parameter_has_help(deployed: DeployedServer) -> None:
    """Each field of a form has a description, taken from the flow's docstring."""
    for deployment in deployed.post("deployments/filter"):
        fields = deployment["parameter_openapi_schema"]["properties"]
        assert [name for name, field in fields.items() if not field.get("description")] == []


def run(server: DeployedServer, deployment_name: str, **parameters: str) -> dict[str, Any]:
    """Run a deployment for the segmentation `demo`: the state in which the run ends."""
    run_id = server.start_run(deployment_name, definition="demo", **parameters)
    state = wait_for(lambda: server.get_final_state(run_id))
    assert state is not None, "the run did not end"
    return state


def test_a_failed_run_sends_a_notice(deployed: DeployedServer) -> None:
    """The deadline fails when the store has no edition of the night, and the webhook gets the reason."""
    NOTICES.clear()
    with deployed.worker():
        state = run(deployed, "deadline", as_of="2026-01-31")
        assert state["name"] == "Failed"
        assert "Cannot tell whether demo as of 2026-01-31 is published" in state["message"]
        wait_for(lambda: NOTICES)
    assert list((deployed.folder / "results").iterdir()) != [], "the results folder is not used"
    assert (deployed.folder / "results").stat().st_mode & 0o777 == 0o700
    assert len(NOTICES) == 1
    assert NOTICES[0]["subject"] == "Resegment: demo 2026-01-31 is Failed"
    assert "Cannot tell whether demo as of 2026-01-31 is published" in NOTICES[0]["body"]


def test_a_held_night_sends_a_notice(deployed: DeployedServer, days: Days) -> None:
    """A published night sends no notice, a held night sends its reason, also when a backfill runs it."""
    NOTICES.clear()
    with deployed.worker():
        assert run(deployed, "nightly", as_of=str(day(1)))["name"] == "Completed"
        state = run(deployed, "nightly", as_of=str(day(2)))
        assert state["name"] == "Held"
        wait_for(lambda: NOTICES)
        dates = {"start_date": str(day(2)), "end_date": str(day(2))}
        assert run(deployed, "backfill", **dates)["name"] == "Completed"
        wait_for(lambda: len(NOTICES) > 1)
        time.sleep(5)  # time for a second notice of the same night, which must not come
    assert published_dates(days.home) == [day(1)]
    assert [notice["subject"] for notice in NOTICES] == [f"Resegment: demo {day(2)} is Held"] * 2
    assert "50 customers" in NOTICES[0]["body"]


def test_a_relative_store_is_refused(deployed: DeployedServer) -> None:
    """A worker runs flows in a temporary folder, which would be removed together with the store."""
    with deployed.worker():
        state = run(deployed, "nightly", as_of=str(day(1)), store="mystore")
    assert state["name"] == "Failed"
    assert "store is a relative path; a worker's run needs an absolute one" in state["message"]


def test_the_version_is_the_projects() -> None:
    """prefect.yaml has the version of pyproject.toml."""
    text = (ROOT / "pyproject.toml").read_text()
    content = yaml.safe_load(Path(ROOT / "deployments" / "prefect.yaml").read_text())
    assert all(f'version = "{deployment["version"]}"' in text for deployment in content["deployments"])
