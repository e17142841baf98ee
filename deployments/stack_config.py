"""The configuration of one machine's stack: folders, ports, password, environment, and its lock.

Starting its parts is in stack.py.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from config.definition_files import DefinitionError, read_definition
from config.settings import read_settings
from deployments import local_server
from deployments.local_server import server_service
from deployments.pool import ENVIRONMENT
from deployments.services import Service, read_pid_file
from segmentation.store.files.locking import lock
from segmentation.store.files.objects import is_object_url

REPORTS_PORT = 4280


class Stack(NamedTuple):
    """One machine's stack. folder holds its pid files, logs, password and results."""

    folder: Path
    store: str  # an absolute path or a URL
    port: int
    reports_port: int

    @property
    def worker(self) -> Service:
        """The Prefect worker, which runs each flow in a process of its own."""
        return Service("worker", self.folder, "worker start")

    @property
    def reports(self) -> Service:
        """`resegment serve-reports`."""
        return Service("reports", self.folder, "serve-reports")

    @property
    def url(self) -> str:
        """The URL of the server's API."""
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def reports_url(self) -> str:
        """The URL of the reports."""
        return f"http://127.0.0.1:{self.reports_port}"

    @property
    def has_reports(self) -> bool:
        """Whether the stack serves reports. A bucket's pages are served by its provider."""
        return not is_object_url(self.store)

    def environment(self) -> dict[str, str]:
        """What the worker, its runs and the command `prefect` need to reach server, store and results."""
        settings = read_settings()
        return {
            "PREFECT_API_URL": self.url,
            "PREFECT_API_AUTH_STRING": ensure_password(self.folder),
            "PREFECT_RESULTS_LOCAL_STORAGE_PATH": str(self.folder / "results"),
            **ENVIRONMENT,
            # Absolute paths, because a run's working folder is temporary.
            "RESEGMENT_STORE": self.store,
            "RESEGMENT_STATE": str(settings.state.expanduser().absolute()),
            "RESEGMENT_DEFINITIONS": str(settings.definitions.expanduser().absolute()),
            "RESEGMENT_ROOTS": ",".join(settings.roots or list_roots(self.store, settings.definitions)),
            **({"RESEGMENT_REPORTS_URL": self.reports_url} if self.has_reports else {}),
        }


def list_roots(store: str, definitions: Path) -> list[str]:
    """Where a form may send a run by default: the store, and the places that definitions read.

    Definitions are files on this machine, so whoever wrote them is trusted with the places in them.
    """
    roots = {store}
    for file in definitions.expanduser().glob("*.yaml"):
        with suppress(DefinitionError):  # a run of it says what is wrong
            source = read_definition(file).source.path
            roots |= {root for root in [locate_root(source)] if root}
    # Settings separate roots by commas.
    return sorted(root for root in roots if "," not in root)


def locate_root(source: str | None) -> str | None:
    """The folder, file or prefix that holds a source; None if it has no fixed place, or would be everything.

    >>> locate_root("/data/in/*.csv"), locate_root("s3://orders/in/2026-*.csv"), locate_root("/*.csv")
    ('/data/in', 's3://orders/in', None)
    """
    if source is None or not (is_object_url(source) or Path(source).is_absolute()):
        return None
    fixed = re.split(r"[*?\[]", source)[0]
    place = source if fixed == source else fixed.rpartition("/")[0]
    return place if place.strip("/") and not place.endswith(":/") else None


def ensure_password(folder: Path) -> str:
    """The server's password, `resegment:…`: created once, readable by its owner only."""
    path = folder / local_server.KEY_FILE
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(f"resegment:{secrets.token_urlsafe(24)}\n")
    return path.read_text().strip()


def read_stack(port: int | None = None, reports_port: int | None = None) -> Stack:
    """The stack of this machine's settings. A port not given is the one of the last start, or the default."""
    settings = read_settings()
    folder = settings.state.expanduser().absolute() / local_server.STACK
    store = settings.store if is_object_url(settings.store) else str(Path(settings.store).absolute())
    stack = Stack(folder, store, 0, 0)
    return stack._replace(
        port=port or int(read_pid_file(server_service(folder)).get("port", local_server.PORT)),
        reports_port=reports_port or int(read_pid_file(stack.reports).get("port", REPORTS_PORT)),
    )


@contextmanager
def lock_stack(stack: Stack) -> Iterator[None]:
    """Allow one `up` or `down` at a time; a second one waits, and then finds what the first has done."""
    stack.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with lock(stack.folder / "stack.lock"):
        yield
