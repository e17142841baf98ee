"""Whoever may use the API cannot run commands on a worker: attacks on a real server and a real worker.

Every attack would create a marker file. Where the API accepts it, the worker has to refuse it.
"""

import base64
import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.settings import read_settings
from deployments.pool import build_template
from segmentation.store.dates import published_dates
from tests.attacks import (
    FILE,
    Target,
    change_a_run,
    change_while_it_starts,
    create_block,
    make_step,
    make_template,
    open_variables,
    reopen_pool,
    run_from_automation,
    run_without_deployment,
    set_default_storage,
)
from tests.dated_days import Days, create_days, day
from tests.deployed import running_deployed_server, running_postgres, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


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
    """A backfill is retried after its date was marked as completed_state, with a result of the attacker's."""
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
    completed_state = {"type": "COMPLETED", "data": data}
    target.call("POST", f"flow_runs/{child['id']}/set_state", state=completed_state, force=True)
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
