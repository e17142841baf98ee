"""A real stack loses its worker, its server, or everything: who reports the missed night, and how fast.

Real settings, except that a run counts as late after 20 s instead of 5 minutes, and the watcher of cron runs
5 s after the deadline instead of 5 minutes. With RESEGMENT_TEST_REAL_TIME=1 nothing is shortened.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound

from deployments.notices import LATENESS, NOTICE, URL_VARIABLE
from tests.secrets_search import list_leaks, read_api, read_database
from tests.stacks import RunningStack, wait_for_state
from tests.test_watching import install_script
from tests.watched import OLD_PATH, PATH, Watched, running_watched_stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

IS_REAL_TIME = os.environ.get("RESEGMENT_TEST_REAL_TIME") == "1"
LIMIT_S = 15 * 60
DUE_S = 20  # from now; the worker takes runs that are due in less than ten seconds
CRON_S = 300 if IS_REAL_TIME else 5
LATE_S = LATENESS.total_seconds() if IS_REAL_TIME else 20
CASES = {
    "worker-down": ("worker",),
    "server-down": ("server",),
    "machine-down": ("worker", "server", "database", "reports"),
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A stack with a definition for each case."""
    with running_watched_stack(tmp_path_factory.mktemp("definitions"), CASES) as watched:
        yield watched


def publish_yesterday(watched: Watched, name: str) -> None:
    """Start what is down, and publish the night before."""
    watched.up()
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    with watched.stack.client() as client:
        run_id = watched.schedule(client, "nightly", datetime.now(UTC), definition=name, as_of=str(yesterday))
        state = wait_for_state(client, run_id, {"Completed", "Failed", "Crashed"})
        assert state.name == "Completed", state.message
    watched.inbox.notices.clear()


def shorten_lateness(stack: RunningStack) -> None:
    """A run counts as late after LATE_S."""
    with stack.client() as client:
        (late,) = client.read_automations_by_name("resegment: late runs")
        late.trigger.within = timedelta(seconds=LATE_S)  # type: ignore[union-attr]
        client.update_automation(late.id, copy_automation(late))


def copy_automation(automation: Automation, **changes: object) -> AutomationCore:
    """What an update of it sends: everything but its id, with these changes."""
    content = automation.model_dump(include={*AutomationCore.model_fields} - {"owner_resource"})
    return AutomationCore.model_validate({**content, **changes})


def run_cron(watched: Watched, deadline: float) -> tuple[int, float]:
    """What cron on another machine does with the store: its exit status, and when, after the deadline."""
    time.sleep(max(0.0, deadline + CRON_S - time.monotonic()))
    program = str(Path(sys.executable).with_name("resegment"))
    script = install_script(watched.folder, program, watched.inbox.url + PATH)
    variables = {"PATH": os.environ["PATH"], "RESEGMENT_STORE": str(watched.stack.store)}
    result = subprocess.run([script], env=variables, capture_output=True, text=True, timeout=200)
    assert result.stderr == ""
    return result.returncode, time.monotonic() - deadline


def describe_late_notices(watched: Watched, name: str, due: float) -> str:
    """Wait for the notices of the late runs, and say when the first arrived."""
    notices = [
        watched.wait_for_notice(f"{deployment} of {name} is late", LATE_S + 120)
        for deployment in ("nightly", "deadline")
    ]
    assert all(notices), "no notice of a late run"
    delay_s = max(notice.arrived for notice in notices if notice) - due
    assert delay_s < LIMIT_S
    return f"noticed {delay_s:.0f} s after the run's time (late after {LATE_S:.0f} s)"


def run_deadline(watched: Watched) -> None:
    """A run of the deployment `deadline`, which fails, for a night that was never begun."""
    with watched.stack.client() as client:
        run_id = watched.schedule(client, "deadline", datetime.now(UTC), definition="worker-down")
        assert wait_for_state(client, run_id, {"Failed", "Crashed"}).name == "Failed"


def test_secrets_are_read_nowhere(watched: Watched) -> None:
    """Neither the API, the database's bytes, logs nor command lines have one, and the notice arrives.

    Also when the webhook refuses it, or cannot be reached.
    """
    for status in (200, 429):
        watched.inbox.notices.clear()
        watched.inbox.status = status
        run_deadline(watched)
        notice = watched.wait_for_notice("worker-down", 60)
        assert notice is not None and notice.path == PATH
        assert "is Failed" in notice.content["subject"] and "Cannot tell whether" in notice.content["body"]
    watched.inbox.status = 200
    assert watched.list_leaks() == set()


def test_the_block_of_an_earlier_version_is_replaced(watched: Watched) -> None:
    """Its URL, in clear, becomes a secret, also when `up` does not get it again; the block is removed."""
    url = watched.inbox.url + OLD_PATH
    with watched.stack.client() as client:
        client.delete_block_document(client.read_block_document_by_name(NOTICE, "webhook").id)
        block = CustomWebhookNotificationBlock(name=NOTICE, url=url, json_data={"text": "{{subject}}"})
        block_id = block.save(NOTICE, _sync=True)  # type: ignore[call-arg]
        (failures,) = client.read_automations_by_name("resegment: failures")
        action = SendNotification(block_document_id=block_id, subject="earlier", body="earlier")
        client.update_automation(failures.id, copy_automation(failures, actions=[action]))
        assert f"{OLD_PATH} in POST /block_documents/filter" in list_leaks(
            read_api(watched.stack), {OLD_PATH}
        )
        watched.up()
        assert "custom-webhook/resegment-notice: removed" in watched.read_log("deploy")
        with pytest.raises(ObjectNotFound):
            client.read_block_document_by_name(NOTICE, "custom-webhook")
    watched.inbox.notices.clear()
    run_deadline(watched)
    notice = watched.wait_for_notice("worker-down", 60)
    assert notice is not None and notice.path == OLD_PATH
    # The server's event about the block that the earlier version made; removing it adds none.
    (events,) = [text.content for text in read_database(watched.stack) if text.place == "table events"]
    assert events.count(OLD_PATH.encode()) == 1
    leaks = list_leaks(read_api(watched.stack), {OLD_PATH})
    assert leaks <= {f"{OLD_PATH} in POST /events/filter"}


def test_an_empty_url_turns_notices_off(watched: Watched) -> None:
    """The block is removed, a wrong URL is refused without quoting it, and another one is kept again."""
    refused = watched.stack.call("up", **watched.environment, **{URL_VARIABLE: "canary-of-the-webhook"})
    assert refused.returncode == 1
    assert f"setup: {URL_VARIABLE} is not a URL" in watched.read_log("deploy")
    with watched.stack.client() as client:
        watched.up(**{URL_VARIABLE: ""})
        with pytest.raises(ObjectNotFound):
            client.read_block_document_by_name(NOTICE, "webhook")
        (failures,) = client.read_automations_by_name("resegment: failures")
        assert [action.type for action in failures.actions] == ["do-nothing"]
        watched.up(**{URL_VARIABLE: watched.inbox.url + PATH})
        block = client.read_block_document_by_name(NOTICE, "webhook", include_secrets=False)
        assert PATH not in str(block.data)
    assert watched.list_leaks() == set()


@pytest.mark.parametrize(("name", "parts"), CASES.items(), ids=CASES)
def test_a_missed_night_is_told(name: str, parts: tuple[str, ...], watched: Watched) -> None:
    """With these parts dead the night begins nowhere, and its miss is reported within 15 minutes."""
    publish_yesterday(watched, name)
    if not IS_REAL_TIME:
        shorten_lateness(watched.stack)
    due = datetime.now(UTC) + timedelta(seconds=DUE_S)
    with watched.stack.client() as client:
        for deployment in ("nightly", "deadline"):
            watched.schedule(client, deployment, due, definition=name)
    watched.kill(*parts)
    due_clock = time.monotonic() + (due - datetime.now(UTC)).total_seconds()
    automations = "silent: their server is down"
    if "server" not in parts:
        automations = describe_late_notices(watched, name, due_clock)
    status, delay_s = run_cron(watched, max(due_clock, time.monotonic()))
    notice = watched.wait_for_notice("not published", 5)
    assert status == 1 and notice is not None
    assert (
        f"{name} as of {due.date()} has not been published by its deadline: no run of it"
        in notice.content["text"]
    )
    assert delay_s < CRON_S + 30 < LIMIT_S
    sys.stdout.write(
        f"\nkilled: {', '.join(parts)}\n"
        f"  automations on the server: {automations}\n"
        f"  resegment deadline: {delay_s:.1f} s after the deadline, started by cron {CRON_S} s after it\n"
    )
