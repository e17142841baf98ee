"""The worker. It runs the flows that prefect.yaml lists on this machine, and nothing that the server adds.

    python -m deployments.worker start [--name NAME]

Whoever knows the server's password can change deployments, job variables and the pool itself through the API.
So this worker builds a run's command and environment itself. From the server it takes the entrypoint, if the
file on this machine lists it, and the parameters, which the flow checks. The run's process is in
deployments/run_flow.py, and prefect.yaml is read in deployments/pool.py.
"""

import os
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self, cast

import prefect.workers.process
from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse
from prefect.utilities.processutils import command_to_string
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from config.settings import read_settings
from deployments.pool import ENVIRONMENT, POOL, PREFECT_FILE, build_template, read_entrypoints
from segmentation.errors import Refused
from tasks.runtime.results import protect_results

RESULTS_VARIABLE = "PREFECT_RESULTS_LOCAL_STORAGE_PATH"
_KEY = "resegment"  # of this class among Prefect's workers, for `prefect worker start --type`
_VARIABLES = ("command", "env", "labels", "name", "stream_output", "working_dir")


class ClosedConfiguration(ProcessJobConfiguration):
    """How a run's process is started. Neither the pool's template nor a run's variables have a say."""

    @classmethod
    async def resolve_for_flow_run(cls, flow_run: FlowRun, **context: object) -> Self:
        """The configuration of a run that may start; Refused otherwise.

        context: client, work_pool, worker_name and worker_id, as Prefect's workers pass them.
        """
        client = cast(PrefectClient, context["client"])
        deployment = await client.read_deployment(flow_run.deployment_id) if flow_run.deployment_id else None
        entrypoints = read_entrypoints(read_settings().prefect_file or PREFECT_FILE)
        entrypoint = check_run(flow_run, deployment, entrypoints)
        command = command_to_string([sys.executable, "-m", "deployments.run_flow"])
        configuration = cls(command=command, env=build_run_environment(entrypoint))
        flow = await client.read_flow(flow_run.flow_id)
        names: dict[str, Any] = {key: context.get(key) for key in ("work_pool", "worker_name", "worker_id")}
        configuration.prepare_for_flow_run(flow_run, deployment, flow, **names)
        return configuration


class ClosedWorker(ProcessWorker):
    """Prefect's process worker with a closed configuration."""

    job_configuration = ClosedConfiguration

    @classmethod
    def __dispatch_key__(cls) -> str:
        # A key of its own, so that Prefect's worker keeps its place; `type` must stay the pool's.
        return _KEY

    @classmethod
    def get_default_base_job_template(cls) -> dict[str, Any]:
        """The template of a pool that the worker has to create."""
        return build_template()

    async def setup(self) -> None:
        """Prepare the worker."""
        # When a run crashes or is cancelled, Prefect would load its flow into this process to look for
        # hooks, from wherever the deployment says by then.
        prefect.workers.process.load_flow_from_flow_run = load_no_hooks  # type: ignore[assignment,attr-defined]
        await super().setup()


async def load_no_hooks(flow_run: FlowRun) -> Flow[[], None]:
    """A flow without hooks, in the place of any run's flow."""
    return Flow(_do_nothing, name="no hooks")


def _do_nothing() -> None:
    """The body of the flow without hooks, which is never called."""


def check_run(flow_run: FlowRun, deployment: DeploymentResponse | None, entrypoints: Collection[str]) -> str:
    """The entrypoint of a run that may start; Refused if the server has more of it than its parameters."""
    if deployment is None:
        raise Refused("deployment", f"a run needs a deployment of {PREFECT_FILE.name}; start one of them")
    variables = {**(deployment.job_variables or {}), **(flow_run.job_variables or {})}
    if variables:
        roots = {name.partition(".")[0] for name in variables}
        names = ", ".join(sorted(roots & set(_VARIABLES))) or "unknown ones"
        raise Refused(
            "job-variables",
            f"job variables are set ({names}), and this worker accepts none; remove them from deployment and "
            "run, and set environment variables where the worker starts",
        )
    if deployment.pull_steps or deployment.storage_document_id or deployment.path not in (None, "", "."):
        raise Refused(
            "deployment",
            "the deployment has pull steps, a storage block or a path, and this worker runs installed code "
            "only; run `make deploy`",
        )
    if deployment.entrypoint not in entrypoints:
        raise Refused(
            "entrypoint",
            f"the deployment's entrypoint is not in this worker's {PREFECT_FILE.name}; expected one of "
            f"{', '.join(sorted(entrypoints))}. Add it there, or run `make deploy`",
        )
    return str(deployment.entrypoint)


def build_run_environment(entrypoint: str) -> dict[str, str | None]:
    """What a run's process gets in addition to the worker's own environment."""
    results = Path(
        os.environ.get(RESULTS_VARIABLE) or read_settings().state.expanduser() / "results"
    ).absolute()
    # Before Prefect creates it: flows other than the night do not look at its mode.
    protect_results(results)
    # Prefect's engine loads this entrypoint and does not ask the server for another one.
    return {
        **ENVIRONMENT,
        RESULTS_VARIABLE: str(results),
        "PREFECT__FLOW_ENTRYPOINT": entrypoint,
    }


def start_worker(arguments: list[str]) -> None:
    """Run Prefect's command `worker` with this worker and its pool."""
    from prefect.cli import app

    if arguments[:1] != ["start"]:
        raise SystemExit("usage: python -m deployments.worker start [--name NAME]")
    sys.argv = ["prefect", "worker", "start", "--pool", POOL, "--type", _KEY, *arguments[1:]]
    app()


if __name__ == "__main__":
    start_worker(sys.argv[1:])
