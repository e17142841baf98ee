"""What the worker lets start, and what a run's process may load: each rule by itself, without a server."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse

from config.settings import read_settings
from deployments.pool import ENVIRONMENT, build_template, list_pool_variables, read_entrypoints
from deployments.run_flow import check_place_of_result
from deployments.stack_config import list_roots
from deployments.worker import RESULTS_VARIABLE, build_run_environment, check_run
from segmentation.errors import Refused
from tests.conftest import DEFINITION

ENTRYPOINTS = read_entrypoints()
NIGHTLY = "flows.resegment.resegment"


def make_run(**fields: Any) -> FlowRun:
    """A flow run."""
    return FlowRun.model_construct(id=uuid4(), name="run", **{"job_variables": None, **fields})


def make_deployment(**fields: Any) -> DeploymentResponse:
    """A deployment as the server returns it."""
    default: dict[str, Any] = {
        "entrypoint": NIGHTLY,
        "job_variables": {},
        "pull_steps": [],
        "storage_document_id": None,
    }
    return DeploymentResponse.model_construct(**{**default, "path": None, **fields})


def test_a_deployment_of_the_file_may_start() -> None:
    """What `make deploy` makes is accepted, and its entrypoint is what runs."""
    assert check_run(make_run(), make_deployment(), ENTRYPOINTS) == NIGHTLY
    assert check_run(make_run(job_variables={}), make_deployment(path="."), ENTRYPOINTS) == NIGHTLY


@pytest.mark.parametrize(
    ("deployment", "run", "message"),
    [
        (None, {}, "a run needs a deployment"),
        ({"job_variables": {"env": {"A": "1"}, "command": "x"}}, {}, r"set \(command, env\)"),
        ({}, {"job_variables": {"env.LD_PRELOAD": "x"}}, r"set \(env\)"),
        ({}, {"job_variables": {"canary-42": "x"}}, r"set \(unknown ones\)"),
        ({"pull_steps": [{"a": {}}]}, {}, "pull steps"),
        ({"storage_document_id": uuid4()}, {}, "storage block"),
        ({"path": "/somewhere"}, {}, "a path"),
        ({"entrypoint": "canary-42.py:flow"}, {}, "entrypoint is not in this worker's prefect.yaml"),
        ({"entrypoint": None}, {}, "entrypoint is not in"),
        ({"entrypoint": "flows.resegment"}, {}, "entrypoint is not in"),
    ],
)
def test_anything_else_is_refused(
    deployment: dict[str, Any] | None, run: dict[str, Any], message: str
) -> None:
    """The message says what is wrong and what to do, without a value from the server."""
    with pytest.raises(Refused, match=message) as refusal:
        check_run(
            make_run(**run), make_deployment(**deployment) if deployment is not None else None, ENTRYPOINTS
        )
    assert "canary" not in str(refusal.value)


def test_the_environment_is_the_workers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The results folder is the one of the worker's environment, else one in the state folder."""
    monkeypatch.delenv(RESULTS_VARIABLE, raising=False)
    monkeypatch.setenv("RESEGMENT_STATE", str(tmp_path))
    read_settings.cache_clear()
    environment = build_run_environment(NIGHTLY)
    assert environment.items() >= ENVIRONMENT.items()
    assert environment[RESULTS_VARIABLE] == str(tmp_path / "results")
    monkeypatch.setenv(RESULTS_VARIABLE, "/mnt/shared")
    assert build_run_environment(NIGHTLY)[RESULTS_VARIABLE] == "/mnt/shared"


def test_the_pool_has_no_variables() -> None:
    """Nothing in the template is filled in, and what an earlier template set is listed by name."""
    template = build_template()
    assert "{{" not in str(template)
    assert template["variables"] == {"type": "object", "properties": {}, "additionalProperties": False}
    assert list_pool_variables(template) == set(ENVIRONMENT)
    earlier = {
        "job_configuration": {"env": "{{ env }}"},
        "variables": {"properties": {"env": {"default": {"HTTP_PROXY": "x"}}}},
    }
    assert list_pool_variables(earlier) == {"HTTP_PROXY"}


@pytest.mark.parametrize("key", [None, "../other", "/etc/passwd", "link"])
def test_results_outside_the_folder_are_refused(
    key: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a path, a link nor a block leads to a result of somebody else's."""
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    monkeypatch.setenv(RESULTS_VARIABLE, str(folder))
    with pytest.raises(Refused, match="a result outside the results folder"):
        check_place_of_result(key, None)
    with pytest.raises(Refused):
        check_place_of_result("own", uuid4())
    check_place_of_result("own", None)
    check_place_of_result(str(folder / "own"), None)


def test_roots_are_the_store_and_the_sources(tmp_path: Path) -> None:
    """By default a form may name the store and the folders that definitions read; samples read none."""
    for name, source in {"sample": {"sample": "article"}, "files": {"path": "/srv/in/*.csv"}}.items():
        (tmp_path / f"{name}.yaml").write_text(json.dumps({**DEFINITION, "name": name, "source": source}))
    (tmp_path / "faulty.yaml").write_text("name: [")
    assert list_roots("/srv/store", tmp_path) == ["/srv/in", "/srv/store"]
