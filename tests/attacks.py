"""What a holder of the server's password could try on a worker, for tests/test_closed_worker.py.

Each attack returns the run that it started, or None if the API refused it.
"""

from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import httpx

from tests.deployed import DeployedServer, wait_for

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
