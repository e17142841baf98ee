"""`make up`: everything on this machine, behind a password, started once, mended by the same command."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from deployments import postgres
from deployments.services import (
    Service,
    StartError,
    get_pid,
    is_running,
    start_service,
    stop_service,
    wait_until,
)
from deployments.stack import ensure_service
from deployments.stack_config import Stack, ensure_password
from tests.stacks import ROOT, RunningStack
from tests.test_flow import DAY

on_stack = [pytest.mark.xdist_group("stack"), pytest.mark.slow, pytest.mark.timeout(600)]


def ask(url: str, password: str | None = None) -> int:
    """The status of an answer."""
    headers = {}
    if password:
        from base64 import b64encode

        headers["Authorization"] = f"Basic {b64encode(password.encode()).decode()}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def listening(port: int) -> set[str]:
    """The addresses on which something listens on a port, as hexadecimal of /proc/net/tcp."""
    tables = [Path("/proc/net", name).read_text() for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table.splitlines()]
    sockets = [line[1].split(":") for line in lines if line[3] == "0A"]
    return {address for address, number in sockets if int(number, 16) == port}


class TestUp:
    """A stack that is up."""

    pytestmark = on_stack

    def test_it_asks_for_a_password_and_listens_here_only(self, stack: RunningStack) -> None:
        """Without the password there is nothing but health; no other machine reaches server or reports."""
        api = f"http://127.0.0.1:{stack.port}/api"
        assert ask(f"{api}/health") == 200
        assert ask(f"{api}/admin/version") == 401
        assert ask(f"{api}/admin/version", "resegment:wrong") == 401
        assert ask(f"{api}/admin/version", stack.password) == 200
        assert listening(stack.port) == listening(stack.reports_port) == {"0100007F"}

    def test_its_files_are_private_and_name_no_secret(self, stack: RunningStack) -> None:
        """The password stands in one file, for its owner; in no log, and on no command line."""
        folder = stack.state / "stack"
        assert folder.stat().st_mode & 0o077 == 0
        key = folder / "server.auth"
        assert key.stat().st_mode & 0o777 == 0o600
        secret = stack.password.partition(":")[2]
        assert len(secret) >= 32
        others = [path for path in folder.rglob("*") if path.is_file() and path != key]
        assert not [path for path in others if secret.encode() in path.read_bytes()]
        commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        assert not [command for command in commands if secret.encode() in command]

    def test_up_again_changes_nothing_and_status_says_so(self, stack: RunningStack) -> None:
        """What runs is left alone, deployments are there once."""
        before = {name: stack.pid(name) for name in ("server", "worker", "reports")}
        again = stack.call("up")
        assert again.returncode == 0, again.stderr
        assert again.stdout.count("running already") == 3
        assert before == {name: stack.pid(name) for name in before}
        with stack.client() as client:
            names = [one.name for one in client.read_deployments() if one.name != "stalls"]
        assert {"nightly", "backfill", "promote", "compare"} <= set(names)
        assert len(names) == len(set(names))
        status = stack.call("status")
        assert (status.returncode, status.stdout.count(": running")) == (0, status.stdout.count("\n"))

    def test_the_command_finds_it_and_its_report_is_served(self, stack: RunningStack) -> None:
        """`resegment run` uses the stack's server, with its password; the page is there over http."""
        done = subprocess.run(
            [Path(sys.executable).with_name("resegment"), "run", "article", "--as-of", DAY, "--json"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
                "RESEGMENT_STATE": str(stack.state),
                "RESEGMENT_STORE": str(stack.store),
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        assert "embedded" not in done.stderr
        page = Path(json.loads(done.stdout)["report_path"]).relative_to(stack.store)
        assert ask(f"http://127.0.0.1:{stack.reports_port}/{page}") == 200
        with stack.client() as client:
            assert f"article {DAY}" in {run.name for run in client.read_flow_runs()}


def test_the_password_is_made_once(tmp_path: Path) -> None:
    """A second start finds the first one's."""
    first = ensure_password(tmp_path / "stack")
    assert first == ensure_password(tmp_path / "stack")
    assert first != ensure_password(tmp_path / "another")


def test_a_process_is_found_again_and_stopped(tmp_path: Path) -> None:
    """By its pid file and its command line; a pid that is another program's now is never touched."""
    service = Service("sleeper", tmp_path, "time.sleep(60)")
    pid = start_service(service, [sys.executable, "-c", "import time; time.sleep(60)"], {}, port="7")
    assert get_pid(service) == pid
    assert get_pid(service._replace(mark="another program")) is None
    assert not stop_service(service._replace(mark="another program", name="nobody"))
    assert is_running(pid, service.mark)
    assert stop_service(service)
    assert get_pid(service) is None and not service.pid_file.exists()
    assert not stop_service(service)


def test_a_thread_of_the_kernel_is_no_process_of_ours() -> None:
    """After a reboot the pid of a file may be one's: it has no command line, and never gets one."""
    threads = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.parent.joinpath("stat").read_text().rpartition(")")[2].split()[1] in ("0", "2")
        and not path.read_bytes()
    ]
    assert [pid for pid in threads if is_running(pid, "worker start")] == []


def test_what_was_started_for_another_store_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same store: left alone. Another one: stopped and started; files are for whom the caller lets read."""
    monkeypatch.setenv("RESEGMENT_STATE", str(tmp_path / "state"))
    stack = Stack(tmp_path / "stack", "/srv/one", 1, 2)
    service = Service("sleeper", stack.folder, "time.sleep(60)")
    command = [sys.executable, "-c", f"open({str(tmp_path / 'made')!r}, 'w'); import time; time.sleep(60)"]
    assert ensure_service(stack, service, command, 0o022) == "sleeper: started"
    first = get_pid(service)
    assert ensure_service(stack, service, command, 0o022) == "sleeper: running already"
    assert get_pid(service) == first
    moved = stack._replace(store="/srv/two")
    assert "restarted" in ensure_service(moved, service, command, 0o022)
    assert get_pid(service) != first
    wait_until((tmp_path / "made").exists, lambda: True, "the file")
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o644
    assert stop_service(service)


def test_a_bucket_has_no_reports_of_ours(tmp_path: Path) -> None:
    """`resegment serve-reports` serves folders: `up` starts none, and nothing links to it."""
    assert not Stack(tmp_path, "s3://bucket/nightly", 1, 2).has_reports
    assert "RESEGMENT_REPORTS_URL" not in Stack(tmp_path, "s3://bucket/nightly", 1, 2).environment()
    assert "RESEGMENT_REPORTS_URL" in Stack(tmp_path, "/srv/segments", 1, 2).environment()


def test_without_postgres_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No program on PATH or where Debian puts it: one message, with both ways out."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    with pytest.raises(StartError, match=r"apt install postgresql.*PREFECT_SERVER_DATABASE_CONNECTION_URL"):
        postgres.locate_database(tmp_path)


def test_a_named_database_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's own variables name it."""
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://a/b")
    assert postgres.get_configured_database() == "postgresql+asyncpg://a/b"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://c/d")
    assert postgres.get_configured_database() == "postgresql+asyncpg://c/d"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """Said before PostgreSQL would fail with less."""
    files = tmp_path / ("long" * 20)
    with pytest.raises(StartError, match="set RESEGMENT_STATE"):
        postgres.start_database(postgres.Database(tmp_path, files, None))
