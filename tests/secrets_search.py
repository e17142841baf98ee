"""Where a secret could be read by others: Prefect's API, its database's files, logs, command lines.

Which secrets there are is decided by the tests.
"""

import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx

from deployments import postgres
from tests.stacks import RunningStack

FILTERED = ("automations", "block_documents", "deployments", "events", "flow_runs", "logs", "work_pools")


class Text(NamedTuple):
    """A place and its bytes."""

    place: str
    content: bytes


def read_api(stack: RunningStack) -> Iterator[Text]:
    """The answers of everything that the server's API lists: each GET, and each filter without conditions."""
    user, _, password = stack.password.partition(":")
    with httpx.Client(base_url=f"{stack.page}/api", auth=(user, password), timeout=60) as client:
        routes = client.get(f"{stack.page}/openapi.json").json()["paths"]
        answered = set()
        for path, methods in routes.items():
            url = path.replace("{work_pool_name}", "resegment")
            if "{" in url:
                continue
            if "get" in methods:
                yield Text(f"GET {path}", client.get(url).content)
            if "post" in methods and path.endswith("/filter"):
                response = client.post(url, json={})
                answered |= {path} if response.is_success else set()
                yield Text(f"POST {path}", response.content)
                yield from _read_each(client, url, response)
        assert answered >= {f"/{name}/filter" for name in FILTERED}, answered


def _read_each(client: httpx.Client, url: str, response: httpx.Response) -> Iterator[Text]:
    """Each listed object by its id, as a page of the UI reads it."""
    items = response.json()
    for item in items if isinstance(items, list) else []:
        page = f"{url.removesuffix('filter')}{item.get('id')}"
        yield Text(f"GET {page}", client.get(page).content)


def read_database(stack: RunningStack) -> Iterator[Text]:
    """The files of the stack's PostgreSQL, and every table as text."""
    database = postgres.locate_database(stack.state / "stack")
    dump = [str(database.programs / "pg_dump"), "-h", str(database.sockets), "-U", "prefect", "postgres"]
    content = subprocess.run(dump, capture_output=True, check=True, timeout=120).stdout
    for table in content.split(b"\nCOPY public.")[1:]:
        yield Text(f"table {table.split()[0].decode()}", table)
    yield from read_files(database.files)


def read_files(folder: Path, excluded: Iterable[str] = ()) -> Iterator[Text]:
    """Every file below a folder, except those of these names."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name not in excluded:
            yield Text(str(path), path.read_bytes())


def read_command_lines() -> Iterator[Text]:
    """The command line of every process of this machine."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield Text(str(path), path.read_bytes())
        except OSError:
            continue  # it has ended


def list_leaks(texts: Iterable[Text], secrets: Iterable[str]) -> set[str]:
    """Places with a secret, as `SECRET in PLACE`."""
    needles = [(secret, secret.encode()) for secret in secrets]
    return {
        f"{secret} in {text.place}" for text in texts for secret, needle in needles if needle in text.content
    }
