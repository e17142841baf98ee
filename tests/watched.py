"""A stack of `make up` with a webhook for its notices and with secrets in its environment; its parts can die.

What then happens is decided by the tests.
"""

import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.states import Scheduled

from deployments import postgres
from deployments.local_server import KEY_FILE
from deployments.notices import URL_VARIABLE
from tests.deployed import wait_for
from tests.inbox import Inbox, Notice, running_inbox
from tests.secrets_search import list_leaks, read_api, read_command_lines, read_database, read_files
from tests.stacks import RunningStack, running_stack
from tests.test_flow import TWO_GROUPS, write_demo

PATH = "/hooks/canary-of-the-webhook"
OLD_PATH = "/hooks/canary-of-the-earlier-webhook"
CANARIES = {
    "RESEGMENT_CONNECTION_SHOP": "postgresql://reader:canary-of-the-connection@127.0.0.1:9/shop",
    "AWS_ACCESS_KEY_ID": "CANARYOFTHEKEYID",
    "AWS_SECRET_ACCESS_KEY": "canary-of-the-secret-key",
    "AWS_SESSION_TOKEN": "canary-of-the-session",
}
SECRETS = {*CANARIES.values(), PATH, "canary-of-the-connection"}


class Watched(NamedTuple):
    """A running stack with a definition for each case, and where its notices go."""

    stack: RunningStack
    inbox: Inbox
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What `up` gets beside the stack's own settings. The webhook is given once, at the first start."""
        return {**CANARIES, "RESEGMENT_DEFINITIONS": str(self.folder)}

    def up(self, **environment: str) -> str:
        """Start what is down; returns what `up` prints."""
        result = self.stack.call("up", **self.environment, **environment)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def read_log(self, name: str) -> str:
        """A log of the stack."""
        return (self.stack.state / "stack" / f"{name}.log").read_text()

    def kill(self, *names: str) -> None:
        """kill -9 of parts of the stack; `database` is PostgreSQL."""
        for name in names:
            pid = read_database_pid(self.stack) if name == "database" else self.stack.pid(name)
            os.kill(pid, signal.SIGKILL)

    def schedule(self, client: SyncPrefectClient, deployment: str, due: datetime, **parameters: str) -> UUID:
        """A run of a deployment at a time."""
        (match,) = [item for item in client.read_deployments() if item.name == deployment]
        return client.create_flow_run_from_deployment(
            match.id,
            parameters=parameters,
            state=Scheduled(scheduled_time=due),
        ).id

    def wait_for_notice(self, words: str, limit_s: float) -> Notice | None:
        """The first notice with these words in its subject."""

        def look_up() -> Notice | None:
            notices = [notice for notice in self.inbox.notices if words in notice.content["subject"]]
            return notices[0] if notices else None

        return wait_for(look_up, limit_s)

    def list_leaks(self) -> set[str]:
        """Every place where somebody else could read a secret."""
        texts = chain(
            read_api(self.stack),
            read_database(self.stack),
            read_files(self.stack.state, excluded={KEY_FILE}),
            read_files(self.stack.store),
            read_command_lines(),
        )
        return list_leaks(texts, {*SECRETS, self.stack.password.partition(":")[2]})


def read_database_pid(stack: RunningStack) -> int:
    """The process id of the stack's PostgreSQL."""
    database = postgres.locate_database(stack.state / "stack")
    return int((database.files / "data" / "postmaster.pid").read_text().split()[0])


@contextmanager
def running_watched_stack(folder: Path, names: Iterable[str]) -> Iterator[Watched]:
    """A stack with a webhook, secrets of every kind in its environment, and definitions of these names."""
    for name in names:
        write_demo(folder, TWO_GROUPS, name=name)
        (folder / "demo.yaml").rename(folder / f"{name}.yaml")
    settings = {**CANARIES, "RESEGMENT_DEFINITIONS": str(folder)}
    with running_inbox() as inbox, running_stack(**settings, **{URL_VARIABLE: inbox.url + PATH}) as stack:
        yield Watched(stack, inbox, folder)
