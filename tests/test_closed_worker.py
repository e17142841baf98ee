"""Whoever may use the API cannot run commands on a worker: attacks on a real server and a real worker.

Every attack would create a marker file. Where the API accepts it, the worker has to refuse it.
"""

import base64
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
import pytest

from config.settings import read_settings
from deployments.pool import build_template
from segmentation.store.published import published_dates
from tests.dated_days import Days, create_days, day
from tests.deployed import DeployedServer, running_deployed_server, running_postgres, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("deploy")]
ENTRYPOINT = "flows.deadline.deadline"
FILE = "evil.py:attack"  # the attacker's flow


class Target(NamedTuple):
    """A deployed server with a worker, and what an attacker wants to happen there."""

    server: DeployedServer
    folder: Path  # the attacker's files, which are on the worker's disk

    @property
    def marker(self) -> Path:
        """The file that exists once an attacker's command has run."""
        return self.folder / "marker"

    @property
    def command(self) -> str:
        """The attacker's command."""
        return f"touch {self.marker}"

    @property
    def environment(self) -> dict[str, str]:
        """An environment in which Python runs the attacker's code as it starts."""
        return {"PYTHONPATH": str(self.folder)}

    def call(self, method: str, path: str, /, **body: Any) -> httpx.Response:
        """A request to the API, whatever it answers."""
        return httpx.request(method, f"{self.server.page}/api/{path}", json=body, timeout=60)

    def deploy(self, **fields: Any) -> str:
        """A deployment in the pool, as the API lets anybody create it: its id."""
        flow = self.server.post("flows/", name="deadline")
        body = {
            "name": f"attack-{uuid4()}",
            "flow_id": flow["id"],
            "entrypoint": ENTRYPOINT,
            "work_pool_name": "resegment",
        }
        return str(self.server.post("deployments/", **{**body, **fields})["id"])

    def start(self, deployment: str, **fields: Any) -> str | None:
        """A run of a deployment: its id, or None if the API refuses it."""
        body = {"parameters": {"definition": "demo"}, "enforce_parameter_schema": False, **fields}
        response = self.call("POST", f"deployments/{deployment}/create_flow_run", **body)
        return str(response.json()["id"]) if response.is_success else None

    def schedule(self, deployment: str, **fields: Any) -> str:
        """A run of a deployment in the far future."""
        later = {"type": "SCHEDULED", "state_details": {"scheduled_time": "2999-01-01T00:00:00Z"}}
        run = self.start(deployment, state=later, **fields)
        assert run is not None
        return run

    def start_now(self, run: str) -> str:
        """Let a scheduled run start."""
        state = {"type": "SCHEDULED"}
        assert self.call("POST", f"flow_runs/{run}/set_state", state=state, force=True).is_success
        return run

    def change(self, **fields: Any) -> str:
        """Change a deployment once it has a scheduled run, and let the run start."""
        deployment = self.deploy()
        run = self.schedule(deployment)
        assert self.call("PATCH", f"deployments/{deployment}", **fields).is_success
        return self.start_now(run)

    def finish(self, run: str) -> dict[str, Any]:
        """The state in which a run ends."""
        state = wait_for(lambda: self.server.get_final_state(run), 120)
        assert state is not None, "the run did not end"
        return state


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    """Two days of customers."""
    with pytest.MonkeyPatch.context() as patch:
        yield create_days(tmp_path_factory.mktemp("closed"), 2, patch)
    read_settings.cache_clear()


@pytest.fixture(scope="module")
def target(days: Days) -> Iterator[Target]:
    """The server with the project's deployments, a running worker, and an attacker's files."""
    folder = days.folder / "attacker"
    folder.mkdir()
    marker = f"import pathlib; pathlib.Path({str(folder / 'marker')!r}).touch()\n"
    flow = f"from prefect import flow\n{marker}\n@flow\ndef attack(definition=''): pass\n"
    for name in ("evil.py", "sitecustomize.py"):
        (folder / name).write_text(flow if name == "evil.py" else marker)
    settings = {"RESEGMENT_DEFINITIONS": str(days.folder / "definitions")}
    # On SQLite, Prefect answers now and then with 503.
    with running_postgres() as database, running_deployed_server(days.folder, database, **settings) as server:
        server.deploy()
        with server.worker():
            yield Target(server, folder)


def make_step(target: Target) -> dict[str, Any]:
    """A pull step that runs the attacker's command."""
    return {"prefect.deployments.steps.run_shell_script": {"script": target.command}}


def make_template(target: Target) -> dict[str, str]:
    """A parameter that the server renders, as the UI's forms may have them."""
    command = f"cycler.__init__.__globals__.os.popen('{target.command}').read()"
    return {"__prefect_kind": "jinja", "template": f"{{{{ {command} }}}}"}


def create_block(target: Target) -> str:
    """A storage block that is the attacker's folder: its id."""
    block_type = target.call("GET", "block_types/slug/local-file-system").json()
    schemas = target.server.post(
        "block_schemas/filter", block_schemas={"block_type_id": {"any_": [block_type["id"]]}}
    )
    body = {
        "block_type_id": block_type["id"],
        "block_schema_id": schemas[0]["id"],
        "name": f"attack-{uuid4()}",
    }
    data = {"basepath": str(target.folder)}
    return str(target.server.post("block_documents/", **body, data=data)["id"])


def reopen_pool(target: Target) -> str | None:
    """The pool's template says what to run, for every run of every deployment."""
    template = {
        "job_configuration": {"command": target.command, "env": {"PYTHONPATH": str(target.folder)}},
        "variables": {"type": "object", "properties": {}},
    }
    assert target.call("PATCH", "work_pools/resegment", base_job_template=template).is_success
    run = target.start(target.deploy())
    assert run is not None
    target.finish(run)
    setup = target.server.call("-m", "deployments.setup").stdout
    assert "work pool resegment: closed\n  its environment no longer applies" in setup
    assert "PYTHONPATH" in setup
    return run


def open_variables(target: Target) -> str | None:
    """The pool's template offers the variable again, and a run sets it."""
    template = {
        "job_configuration": {"command": "{{ command }}"},
        "variables": {"type": "object", "properties": {"command": {"type": "string"}}},
    }
    assert target.call("PATCH", "work_pools/resegment", base_job_template=template).is_success
    run = target.start(target.deploy(), job_variables={"command": target.command})
    assert run is not None, "the API accepts it now"
    target.finish(run)
    assert "closed" in target.server.call("-m", "deployments.setup").stdout
    return run


def run_from_automation(target: Target) -> str | None:
    """An automation starts a deployment with job variables."""
    action = {
        "type": "run-deployment",
        "source": "selected",
        "deployment_id": target.deploy(),
        "job_variables": {"command": target.command},
    }
    trigger = {"type": "event", "expect": ["x"], "posture": "Reactive", "threshold": 1, "within": 0}
    body = {"name": "attack", "trigger": trigger, "actions": [action]}
    assert not target.call("POST", "automations/", **body).is_success
    return None


def run_without_deployment(target: Target) -> str | None:
    """A run goes straight into the pool."""
    flow = target.server.post("flows/", name="deadline")
    body = {"flow_id": flow["id"], "work_pool_name": "resegment", "state": {"type": "SCHEDULED"}}
    response = target.call("POST", "flow_runs/", **body, job_variables={"command": target.command})
    return str(response.json()["id"]) if response.is_success else None


def change_a_run(target: Target) -> str | None:
    """A run that is scheduled for later gets job variables, and then starts."""
    run = target.schedule(target.deploy())
    response = target.call("PATCH", f"flow_runs/{run}", job_variables={"command": target.command})
    return target.start_now(run) if response.is_success else None


def change_while_it_starts(target: Target) -> str | None:
    """The deployment changes once the worker has checked it; the run crashes, and Prefect looks for hooks."""
    deployment = target.deploy()
    run = target.start(deployment, parameters={"unknown": 1})
    assert run is not None
    is_started = wait_for(lambda: target.server.read_run(run)["infrastructure_pid"], 60)
    assert is_started
    changes = {"entrypoint": FILE, "path": str(target.folder)}
    assert target.call("PATCH", f"deployments/{deployment}", **changes).is_success
    return run


def set_default_storage(target: Target) -> str | None:
    """The server's default storage of results is a folder of the attacker's."""
    block = create_block(target)
    assert target.call("PUT", "admin/storage", default_result_storage_block_id=block).is_success
    run = target.start(target.deploy())
    assert run is not None
    target.finish(run)
    target.call("DELETE", "admin/storage")
    return run


API = "refused by the API"
VARIABLES = "job variables are set"
STEPS = "the deployment has pull steps, a storage block or a path"
# Each attack, and how it ends. A run whose process starts is one that the attack left as it was.
ATTACKS: dict[str, tuple[Callable[[Target], str | None], str]] = {
    "command of a run": (lambda t: t.start(t.deploy(), job_variables={"command": t.command}), API),
    "env of a run": (lambda t: t.start(t.deploy(), job_variables={"env": t.environment}), API),
    "one variable": (lambda t: t.start(t.deploy(), job_variables={"env.PYTHONPATH": str(t.folder)}), API),
    "working_dir": (lambda t: t.start(t.deploy(), job_variables={"working_dir": str(t.folder)}), API),
    "command of a deployment": (lambda t: t.change(job_variables={"command": t.command}), VARIABLES),
    "env of a deployment": (lambda t: t.change(job_variables={"env": t.environment}), VARIABLES),
    "pull steps": (lambda t: t.start(t.deploy(pull_steps=[make_step(t)])), STEPS),
    "entrypoint of a file": (lambda t: t.start(t.deploy(entrypoint=FILE, path=str(t.folder))), STEPS),
    "entrypoint without a path": (
        lambda t: t.change(entrypoint=f"{t.folder}/{FILE}"),
        "entrypoint is not in",
    ),
    "entrypoint of any module": (lambda t: t.change(entrypoint="subprocess.call"), "entrypoint is not in"),
    "path": (lambda t: t.start(t.deploy(path=str(t.folder))), STEPS),
    "storage block": (lambda t: t.start(t.deploy(storage_document_id=create_block(t))), STEPS),
    "template": (lambda t: t.start(t.deploy(), parameters={"definition": make_template(t)}), API),
    "the pool": (reopen_pool, "DeadlineMissed"),
    "the pool's variables": (open_variables, VARIABLES),
    "an automation": (run_from_automation, API),
    "no deployment": (run_without_deployment, "a run needs a deployment"),
    "a scheduled run": (change_a_run, API),
    "a change while it starts": (change_while_it_starts, "Process exited with status code: 1"),
    "default storage": (set_default_storage, "Process exited with status code: 1"),
}


@pytest.mark.parametrize(("attack", "end"), ATTACKS.values(), ids=ATTACKS)
def test_no_command_runs(target: Target, attack: Callable[[Target], str | None], end: str) -> None:
    """The API refuses the attack, or the worker does: whatever becomes of the run, the command never ran."""
    run = attack(target)
    assert end in (API if run is None else target.finish(run)["message"])
    assert not target.marker.exists()


class Bomb:
    """An object whose pickle runs a command when it is loaded."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        """What pickle calls."""
        import os

        return os.system, (self.command,)


def test_a_state_cannot_name_a_pickle(target: Target) -> None:
    """A backfill is retried after its date was marked as done, with a result of the attacker's."""
    run = target.server.start_run(
        "backfill", definition="demo", start_date="2020-01-01", end_date="2020-01-01"
    )
    target.finish(run)
    inner = {"flow_runs": {"parent_flow_run_id": {"any_": [run]}}}
    (child,) = target.server.post("flow_runs/filter", **inner)
    pickled = base64.encodebytes(pickle.dumps(Bomb(target.command))).decode()
    record = {"metadata": {"serializer": {"type": "pickle"}}, "result": pickled}
    (target.folder / "result").write_text(json.dumps(record))
    data = {"storage_key": str(target.folder / "result"), "serializer": {"type": "pickle"}}
    done = {"type": "COMPLETED", "data": data}
    target.call("POST", f"flow_runs/{child['id']}/set_state", state=done, force=True)
    task = child["parent_task_run_id"]
    target.call("POST", f"task_runs/{task}/set_state", state={"type": "COMPLETED"}, force=True)
    target.call(
        "POST", f"flow_runs/{run}/set_state", state={"type": "SCHEDULED", "name": "AwaitingRetry"}, force=True
    )
    retried = wait_for(lambda: target.server.read_run(run)["run_count"] > 1, 60)
    assert retried
    state = target.finish(run)
    assert "names a result outside the results folder" in state["message"]
    assert not target.marker.exists()


def test_a_normal_run_works(target: Target, days: Days) -> None:
    """The nightly deployment publishes, in the environment that the pool and the worker fix."""
    run = target.server.start_run("nightly", definition="demo", as_of=str(day(1)))
    assert target.finish(run)["name"] == "Completed"
    assert published_dates(days.home) == [day(1)]
    assert list((days.folder / "results").iterdir()) != []
    (pool,) = target.server.post("work_pools/filter")
    assert pool["base_job_template"] == build_template()
