"""What deployments need on the Prefect server: the work pool, automations, and where notices go.

    python -m deployments.setup

Running it again changes nothing. The deployments themselves are in prefect.yaml; automations and notices
are in notices.py.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from config.settings import read_settings
from deployments.notices import NoticeError, ensure_notice, make_automations, remove_former_block

POOL = "resegment"
RESULTS_VARIABLE = "PREFECT_RESULTS_LOCAL_STORAGE_PATH"


def ensure_pool(client: SyncPrefectClient) -> str:
    """Create the work pool. Of an existing one, only the results folder is updated."""
    try:
        # Whatever else an operator has changed in the template stays.
        template = client.read_work_pool(POOL).base_job_template
    except ObjectNotFound:
        template = add_results_folder(ProcessWorker.get_default_base_job_template())
        description = "Runs of Resegment, each a process on the worker's machine."
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", base_job_template=template, description=description)
        )
        return f"work pool {POOL}: created"
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=add_results_folder(template)))
    return f"work pool {POOL}: exists"


def add_results_folder(template: dict[str, Any]) -> dict[str, Any]:
    """The pool's template with a results folder that survives a restart, so that retries find results.

    A folder already in the template is kept, unless the environment names another one. The folder is private
    because anyone who can write to it can run code in a worker.
    """
    environment = template["variables"]["properties"].get("env")
    configured = os.environ.get(RESULTS_VARIABLE)
    if environment is None or (configured is None and RESULTS_VARIABLE in (environment.get("default") or {})):
        return template
    folder = Path(configured or read_settings().state.expanduser() / "results").absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment["default"] = {**(environment.get("default") or {}), RESULTS_VARIABLE: str(folder)}
    return template


def ensure_automation(client: SyncPrefectClient, automation: AutomationCore) -> str:
    """Create the automation, or update the one of this name. One that a user has disabled stays disabled.

    One that is up to date is not touched. On an update the server forgets which runs an automation watches,
    and runs that died with the machine would stay Running for ever.
    """
    matches = client.read_automations_by_name(automation.name)
    if not matches:
        client.create_automation(automation)
        return f"{automation.name}: created"
    current = matches[0]
    automation = automation.model_copy(update={"enabled": current.enabled})
    if current.model_dump(include=set(AutomationCore.model_fields)) == automation.model_dump():
        return f"{automation.name}: exists"
    client.update_automation(current.id, automation)
    return f"{automation.name}: updated"


def set_up() -> Iterator[str]:
    """Set everything up, in order, and yield a line about each part."""
    with get_client(sync_client=True) as client:
        webhook = ensure_notice(client)
        yield ensure_pool(client)
        for automation in make_automations(webhook):
            yield ensure_automation(client, automation)
        # Last, when no automation refers to it.
        yield from remove_former_block(client)


def print_setup() -> None:
    """Run the command line."""
    try:
        for line in set_up():
            typer.echo(line)
    except NoticeError as error:
        typer.echo(f"setup: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    print_setup()
