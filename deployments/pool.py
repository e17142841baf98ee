"""The work pool: its template, which takes nothing from a run, and the flows that its worker may start.

The template alone closes nothing, because the server's password can change it: deployments/worker.py checks
every run on the worker's side. The pool is created in deployments/setup.py.
"""

from pathlib import Path
from typing import Any

import yaml

POOL = "resegment"
POOL_TYPE = "process"
PREFECT_FILE = Path(__file__).with_name("prefect.yaml")
# The environment of every run, whatever its deployment says.
ENVIRONMENT = {
    # One thread per fit and pass: parallelism is over k and over parts.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    # An automation in deployments/setup.py marks a run as crashed after three missing heartbeats.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "60",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}


def build_template() -> dict[str, Any]:
    """The pool's base job template: fixed text, without a variable that a deployment or a run could set."""
    return {
        "job_configuration": {"env": dict(ENVIRONMENT), "stream_output": True},
        "variables": {"type": "object", "properties": {}, "additionalProperties": False},
    }


def list_pool_variables(template: dict[str, Any]) -> set[str]:
    """The names of the environment variables that a pool's template sets for its runs."""
    fixed = template.get("job_configuration", {}).get("env")
    variables = template.get("variables", {}).get("properties", {})
    default = variables.get("env", {}).get("default") if isinstance(variables, dict) else None
    return {name for part in (fixed, default) if isinstance(part, dict) for name in part}


def read_entrypoints(file: Path = PREFECT_FILE) -> frozenset[str]:
    """The entrypoints of the deployments in a prefect.yaml."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    return frozenset(str(deployment["entrypoint"]) for deployment in content["deployments"])
