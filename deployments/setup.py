"""What deployments need on the Prefect server: the work pool, automations, and where notices go.

    python -m deployments.setup

Running it again changes nothing. The deployments themselves are in prefect.yaml; automations and notices
are in notices.py.
"""

import sys
from collections.abc import Iterator

import typer
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from deployments.notices import NoticeError, ensure_notice, make_automations, remove_former_block
from deployments.pool import ENVIRONMENT, POOL, POOL_TYPE, build_template, list_pool_variables


def ensure_pool(client: SyncPrefectClient) -> Iterator[str]:
    """Create the work pool, or close an existing one: its template takes no variable from anybody."""
    template = build_template()
    try:
        pool = client.read_work_pool(POOL)
    except ObjectNotFound:
        description = "Runs of Resegment, each a process on the worker's machine."
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type=POOL_TYPE, base_job_template=template, description=description)
        )
        yield f"work pool {POOL}: created"
        return
    if pool.type != POOL_TYPE:  # somebody else's infrastructure, whose template this program does not know
        yield f"work pool {POOL}: exists, of type {pool.type}: not closed, see docs/operate.md, Kubernetes"
    elif pool.base_job_template == template:
        yield f"work pool {POOL}: exists"
    else:
        client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=template))
        yield f"work pool {POOL}: closed"
        if names := sorted(list_pool_variables(pool.base_job_template) - ENVIRONMENT.keys()):
            yield f"  its environment no longer applies; set where workers start: {', '.join(names)}"


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
        yield from ensure_pool(client)
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
