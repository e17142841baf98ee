"""What deployments need on the Prefect server beside themselves: work pool, automations, who is told.

    python -m deployments.setup

Again changes nothing. Deployments are prefect.yaml's. A notice goes to the URL in RESEGMENT_NOTICE_URL, as
JSON with `subject`, `body` and `text`; without one, automations fire and are seen in the UI's event feed.
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
RESULTS = "PREFECT_RESULTS_LOCAL_STORAGE_PATH"
SILENCE = timedelta(seconds=180)  # three heartbeats of 60 s
_TAGGED = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.resegment"}
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
SUBJECT = "Resegment: {{ flow_run.name }} is {{ flow_run.state.name }}"
BODY = (
    "{{ flow.name }} {{ flow_run.name }}: {{ flow_run.state.name }}\n"
    "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
)


def ensure_pool(client: SyncPrefectClient) -> str:
    """The work pool of processes; of one that is there, only where results are kept is brought up to date."""
    try:
        template = client.read_work_pool(POOL).base_job_template
    except ObjectNotFound:
        template = add_results_folder(ProcessWorker.get_default_base_job_template())
        said = "Runs of Resegment, each a process on the worker's machine."
        made = WorkPoolCreate(name=POOL, type="process", base_job_template=template, description=said)
        client.create_work_pool(made)
        return f"work pool {POOL}: made"
    client.update_work_pool(POOL, WorkPoolUpdate(base_job_template=add_results_folder(template)))
    return f"work pool {POOL}: there"


def add_results_folder(template: dict[str, Any]) -> dict[str, Any]:
    """The pool's template, its runs keeping results where a retry finds them after a restart.

    A folder that the template has stays, unless the environment names another. Whoever can write there can
    run code in a worker: hence a private folder.
    """
    environment = template["variables"]["properties"].get("env")
    named = os.environ.get(RESULTS)
    if environment is None or (named is None and RESULTS in (environment.get("default") or {})):
        return template
    folder = Path(named or read_settings().state.expanduser() / "results").absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    environment["default"] = {**(environment.get("default") or {}), RESULTS: str(folder)}
    return template


def make_notice_action() -> ActionTypes:
    """Who is told: the webhook that the environment names, else the event feed alone."""
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
    """Runs that died are marked so; somebody is told of failures and of held nights."""
    crashed = ChangeFlowRunState(
        state=StateType.CRASHED,
        name="Crashed",
        message="No heartbeat for three minutes: its process died, or its machine. Press Retry",
    )
    silent = EventTrigger(
        match=_RUNS,
        match_related=_TAGGED,
        after={"prefect.flow-run.heartbeat"},
        # Any event of the run will do, so that Held, NoData and Skipped count as ends.
        expect={"prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=SILENCE,
    )
    return [
        AutomationCore(
            name="resegment: runs that died",
            description="Marks a run crashed that sends no heartbeat any more, so that it can be retried.",
            trigger=silent,
            actions=[crashed],
        ),
        AutomationCore(
            name="resegment: failures",
            description="A run failed or crashed, or a night is not published by its deadline.",
            trigger=watch_for("Failed", "Crashed", "TimedOut"),
            actions=[notice],
        ),
        AutomationCore(
            name="resegment: held nights",
            description="A night was built but a check holds it: look at its report, then promote it or not.",
            trigger=watch_for("Held"),
            actions=[notice],
        ),
    ]


def watch_for(*states: str) -> EventTrigger:
    """A run of Resegment's deployments that enters one of these states."""
    return EventTrigger(
        match=_RUNS,
        match_related=_TAGGED,
        expect={f"prefect.flow-run.{state}" for state in states},
        for_each={"prefect.resource.id"},
        posture=Posture.Reactive,
        threshold=1,
        within=timedelta(0),
    )


def ensure_automation(client: SyncPrefectClient, wanted: AutomationCore) -> str:
    """Make it, or bring the one of this name up to date; whether it is on is a person's to say.

    One that is as wanted is not touched: the server forgets the runs that an automation watches when it is
    updated, and those that died in a crash of the machine would stay Running for ever.
    """
    there = client.read_automations_by_name(wanted.name)
    if not there:
        client.create_automation(wanted)
        return f"{wanted.name}: made"
    wanted = wanted.model_copy(update={"enabled": there[0].enabled})
    if there[0].model_dump(include=set(AutomationCore.model_fields)) == wanted.model_dump():
        return f"{wanted.name}: there"
    client.update_automation(there[0].id, wanted)
    return f"{wanted.name}: brought up to date"


def set_up() -> Iterator[str]:
    """All of it, in order; says what it did."""
    notice = make_notice_action()
    with get_client(sync_client=True) as client:
        yield ensure_pool(client)
        for wanted in make_automations(notice):
            yield ensure_automation(client, wanted)


def main() -> None:
    """The command line."""
    for line in set_up():
        typer.echo(line)


if __name__ == "__main__":
    main()
