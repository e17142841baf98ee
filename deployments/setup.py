"""What deployments need on the Prefect server: the work pool, automations, and where notices go.

    python -m deployments.setup

Running it again changes nothing. The deployments themselves are in prefect.yaml. Notices are posted to
RESEGMENT_NOTICE_URL as JSON with `subject`, `body` and `text`. Without that variable, automations still fire
and appear in the UI's event feed.
"""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import typer
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ActionTypes, ChangeFlowRunState, DoNothing, SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessWorker

from config.settings import read_settings

POOL = "resegment"
NOTICE = "resegment-notice"
URL_VARIABLE = "RESEGMENT_NOTICE_URL"
RESULTS_VARIABLE = "PREFECT_RESULTS_LOCAL_STORAGE_PATH"
SILENCE = timedelta(seconds=180)  # three heartbeats of 60 s
_TAGGED = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.resegment"}
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
SUBJECT = "Resegment: {{ flow_run.name }} is {{ flow_run.state.name }}"
BODY = (
    "{{ flow.name }} {{ flow_run.name }}: {{ flow_run.state.name }}\n"
    "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
)


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


def make_notice_action() -> ActionTypes:
    """Post to the webhook that the environment names; without one, do nothing."""
    url = os.environ.get(URL_VARIABLE)
    if not url:
        return DoNothing()
    block = CustomWebhookNotificationBlock(
        name=NOTICE,
        url=url,
        json_data={"subject": "{{subject}}", "body": "{{body}}", "text": "{{subject}}\n{{body}}"},
    )
    document = block.save(NOTICE, overwrite=True, _sync=True)  # type: ignore[call-arg]
    return SendNotification(block_document_id=document, subject=SUBJECT, body=BODY)


def make_automations(notice: ActionTypes) -> list[AutomationCore]:
    """Mark runs whose process died as crashed, and send notices of failures and held nights."""
    crashed = ChangeFlowRunState(
        state=StateType.CRASHED,
        name="Crashed",
        message="No heartbeat for three minutes: its process or its machine died. Press Retry",
    )
    silent = EventTrigger(
        match=_RUNS,
        match_related=_TAGGED,
        after={"prefect.flow-run.heartbeat"},
        # Any event counts, so that a run which ends Held, NoData or Skipped is not taken for dead.
        expect={"prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=SILENCE,
    )
    return [
        AutomationCore(
            name="resegment: runs that died",
            description="Marks a run as crashed when its heartbeat stops, so that it can be retried.",
            trigger=silent,
            actions=[crashed],
        ),
        AutomationCore(
            name="resegment: failures",
            description="A run failed or crashed, or a night was not published by its deadline.",
            trigger=watch_for("Failed", "Crashed", "TimedOut"),
            actions=[notice],
        ),
        AutomationCore(
            name="resegment: held nights",
            description="A check is holding a night: read its report, then promote it or leave it.",
            trigger=watch_for("Held"),
            actions=[notice],
        ),
    ]


def watch_for(*states: str) -> EventTrigger:
    """Fires when a run of Resegment's deployments enters one of these states."""
    return EventTrigger(
        match=_RUNS,
        match_related=_TAGGED,
        expect={f"prefect.flow-run.{state}" for state in states},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        # Fires at once, on each event.
        within=timedelta(0),
    )


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
    notice = make_notice_action()
    with get_client(sync_client=True) as client:
        yield ensure_pool(client)
        for automation in make_automations(notice):
            yield ensure_automation(client, automation)


def print_setup() -> None:
    """Run the command line."""
    for line in set_up():
        typer.echo(line)


if __name__ == "__main__":
    print_setup()
