"""Notices: which events on the Prefect server send one, what it says, and the webhook it is posted to.

Notices are JSON with `subject`, `body` and `text`, posted to RESEGMENT_NOTICE_URL. The URL is often a secret
(for Slack and Teams it is the only one), so it is in a secret field of a block and nowhere else. Without a
URL, automations still fire and appear in the UI's event feed. What does not depend on the server is
`resegment deadline`. setup.py puts this on the server.
"""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import BlockDocumentUpdate
from prefect.client.schemas.objects import BlockDocument, StateType
from prefect.events.actions import ActionTypes, CallWebhook, ChangeFlowRunState, DoNothing
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError
from prefect.types import SecretDict
from pydantic import SecretStr

NOTICE = "resegment-notice"
URL_VARIABLE = "RESEGMENT_NOTICE_URL"
SILENCE = timedelta(seconds=180)  # three heartbeats of 60 s
LATENESS = timedelta(minutes=5)  # after the server marks the run Late, 15 s after its scheduled time
_TYPE = "webhook"
_FORMER_TYPE = "custom-webhook"  # of the block until version 0.3, with the URL in clear
_TAGGED = {"prefect.resource.role": "tag", "prefect.resource.id": "prefect.tag.resegment"}
_RUNS = {"prefect.resource.id": "prefect.flow-run.*"}
SUBJECT = "Resegment: {{ flow_run.name }} is {{ flow_run.state.name }}"
BODY = (
    "{{ flow.name }} {{ flow_run.name }}: {{ flow_run.state.name }}\n"
    "{{ flow_run.state.message }}\n{{ flow_run|ui_url }}"
)
# A run that has not begun has a random name.
_LATE_RUN = "{{ deployment.name }} of {{ flow_run.parameters.definition or flow_run.parameters.name }}"
LATE_SUBJECT = f"Resegment: {_LATE_RUN} is late"
LATE_BODY = (
    f"{_LATE_RUN} was scheduled for {{{{ flow_run.expected_start_time }}}} and has not begun: no worker has "
    "taken it. `make up` starts a worker, and the run then begins by itself.\n{{ flow_run|ui_url }}"
)


class NoticeError(Exception):
    """An unacceptable webhook. The message names the variable, never its value."""


def ensure_notice(client: SyncPrefectClient) -> UUID | None:
    """Keep the webhook's URL in the secret field of a block: the block's id, None without a URL.

    An unset variable keeps the block that is there, so that `make up` from another shell does not turn
    notices off. An empty one removes it.
    """
    url = os.environ.get(URL_VARIABLE)
    current = _read_block(client, _TYPE)
    if url is None:
        if current is not None:
            return current.id
        former = _read_block(client, _FORMER_TYPE)
        url = str(former.data.get("url", "")) if former else ""
    if not url:
        if current is not None:
            client.delete_block_document(current.id)
        return None
    check_url(url := url.strip())
    block = Webhook(url=SecretStr(url), headers=SecretDict({"Content-Type": "application/json"}))
    try:
        block_id: UUID = block.save(NOTICE, overwrite=True, _sync=True)  # type: ignore[call-arg,assignment]
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
    else:
        return block_id
    # Outside the handler: Prefect's exception quotes the request, and the URL is in it.
    raise NoticeError(f"Prefect's server did not keep {URL_VARIABLE}: it answered with status {status}")


def check_url(url: str) -> None:
    """Refuse what is not a URL here, since an automation that fails on it may quote it in an event."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        is_url = False
    if not is_url or re.search(r"[\s\x00-\x1f]", url):
        raise NoticeError(f"{URL_VARIABLE} is not a URL; expected https://HOST/… without spaces")


def remove_former_block(client: SyncPrefectClient) -> Iterator[str]:
    """Remove the block of versions until 0.3, whose URL the API shows; yield a line about it."""
    former = _read_block(client, _FORMER_TYPE)
    if former is None or former.id is None:
        return
    # First without the URL: the event about a deleted block has the values that are not secret.
    empty = BlockDocumentUpdate(data={**former.data, "url": "https://removed.invalid"})
    client.update_block_document(former.id, empty)
    client.delete_block_document(former.id)
    yield (
        f"block {_FORMER_TYPE}/{NOTICE}: removed; the URL is now a secret of {_TYPE}/{NOTICE}. Events "
        "up to 7 days old still show it, so replace the webhook if others can read them"
    )


def _read_block(client: SyncPrefectClient, block_type: str) -> BlockDocument | None:
    try:
        return client.read_block_document_by_name(NOTICE, block_type)
    except ObjectNotFound:
        return None


def make_action(block_id: UUID | None, subject: str, body: str) -> ActionTypes:
    """Post a notice; do nothing without a webhook. Subject and body are Jinja templates."""
    if block_id is None:
        return DoNothing()
    # Not SendNotification: of an answer such as 429, its traceback puts the URL into the server's log.
    return CallWebhook(block_document_id=block_id, payload=make_payload(subject, body))


def make_payload(subject: str, body: str) -> str:
    """The template of a notice's JSON."""
    return (
        f"{{% set subject %}}{subject}{{% endset %}}{{% set body %}}{body}{{% endset %}}"
        '{"subject": {{ subject|tojson }}, "body": {{ body|tojson }}, '
        '"text": {{ (subject ~ "\\n" ~ body)|tojson }}}'
    )


def make_automations(block_id: UUID | None) -> list[AutomationCore]:
    """Mark runs whose process died as crashed; send notices of failures, held nights and late runs."""
    crashed = ChangeFlowRunState(
        state=StateType.CRASHED,
        name="Crashed",
        message="No heartbeat for three minutes: its process or its machine died. Press Retry",
    )
    ended = make_action(block_id, SUBJECT, BODY)
    late = make_action(block_id, LATE_SUBJECT, LATE_BODY)
    return [
        AutomationCore(
            name="resegment: runs that died",
            description="Marks a run as crashed when its heartbeat stops, so that it can be retried.",
            trigger=watch_for_silence("heartbeat", SILENCE),
            actions=[crashed],
        ),
        AutomationCore(
            name="resegment: failures",
            description="A run failed or crashed, or a night was not published by its deadline.",
            trigger=watch_for("Failed", "Crashed", "TimedOut"),
            actions=[ended],
        ),
        AutomationCore(
            name="resegment: held nights",
            description="A check is holding a night: read its report, then promote it or leave it.",
            trigger=watch_for("Held"),
            actions=[ended],
        ),
        AutomationCore(
            name="resegment: late runs",
            description="No worker has taken a run five minutes after its time: is a worker up?",
            trigger=watch_for_silence("Late", LATENESS),
            actions=[late],
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


def watch_for_silence(event: str, within: timedelta) -> EventTrigger:
    """Fires when a run of Resegment's deployments has no further event for so long after this one."""
    return EventTrigger(
        match=_RUNS,
        match_related=_TAGGED,
        after={f"prefect.flow-run.{event}"},
        # Any event counts, so that a run which ends Held, NoData or Skipped is not taken for dead.
        expect={"prefect.flow-run.*"},
        for_each={"prefect.resource.id"},
        posture=Posture.Proactive,
        threshold=1,
        within=within,
    )
