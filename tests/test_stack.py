"""`make up`: everything on one machine, behind a password, started once, repaired by the same command."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from config.settings import read_settings
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

on_stack = [pytest.mark.slow, pytest.mark.timeout(600)]


def get_status(url: str, password: str | None = None) -> int:
    """The HTTP status of a response."""
    headers = {}
    if password:
        from base64 import b64encode

        headers["Authorization"] = f"Basic {b64encode(password.encode()).decode()}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as response:  # noqa: S310
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code


def list_listening_addresses(port: int) -> set[str]:
    """The addresses on which a program listens on a port, in the hexadecimal form of /proc/net/tcp."""
    tables = [Path("/proc/net", name).read_text() for name in ("tcp", "tcp6")]
    lines = [line.split() for table in tables for line in table.splitlines()]
    sockets = [line[1].split(":") for line in lines if line[3] == "0A"]
    return {address for address, number in sockets if int(number, 16) == port}


class TestUp:
    """A stack that is running."""

    pytestmark = on_stack

    def test_it_asks_for_a_password_and_listens_here_only(self, stack: RunningStack) -> None:
        """Without the password only /health answers, and no other machine reaches server or reports."""
        api = f"http://127.0.0.1:{stack.port}/api"
        assert get_status(f"{api}/health") == 200
        assert get_status(f"{api}/admin/version") == 401
        assert get_status(f"{api}/admin/version", "resegment:wrong") == 401
        assert get_status(f"{api}/admin/version", stack.password) == 200
        assert (
            list_listening_addresses(stack.port)
            == list_listening_addresses(stack.reports_port)
            == {"0100007F"}
        )

    def test_its_files_are_private_and_name_no_secret(self, stack: RunningStack) -> None:
        """The password is in one file, readable by its owner, and in no log and no command line."""
        folder = stack.state / "stack"
        assert folder.stat().st_mode & 0o077 == 0
        key = folder / "server.auth"
        assert key.stat().st_mode & 0o777 == 0o600
        secret = stack.password.partition(":")[2]
        assert len(secret) >= 32
        other_files = [path for path in folder.rglob("*") if path.is_file() and path != key]
        assert not [path for path in other_files if secret.encode() in path.read_bytes()]
        commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
        assert not [command for command in commands if secret.encode() in command]

    def test_up_again_changes_nothing_and_status_says_so(self, stack: RunningStack) -> None:
        """Running parts are left alone, and every deployment exists once."""
        pids = {name: stack.pid(name) for name in ("server", "worker", "reports")}
        second_up = stack.call("up")
        assert second_up.returncode == 0, second_up.stderr
        assert second_up.stdout.count("running already") == 3
        assert pids == {name: stack.pid(name) for name in pids}
        with stack.client() as client:
            deployments = client.read_deployments()
        names = [deployment.name for deployment in deployments if deployment.name[:6] != "stalls"]
        assert {"nightly", "backfill", "promote", "compare"} <= set(names)
        assert len(names) == len(set(names))
        status = stack.call("status")
        assert (status.returncode, status.stdout.count(": running")) == (0, status.stdout.count("\n"))

    def test_the_command_finds_it_and_its_report_is_served(self, stack: RunningStack) -> None:
        """`resegment run` uses the stack's server and password, and its report is served over HTTP."""
        result = subprocess.run(
            [Path(sys.executable).with_name("resegment"), "run", "article", "--as-of", DAY, "--json"],
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")},
                "RESEGMENT_STATE": str(stack.state),
                "RESEGMENT_STORE": str(stack.store),
            },
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=400,
        )
        assert result.returncode == 0, result.stderr
        assert "embedded" not in result.stderr
        page = Path(json.loads(result.stdout)["report_path"]).relative_to(stack.store)
        assert get_status(f"http://127.0.0.1:{stack.reports_port}/{page}") == 200
        with stack.client() as client:
            assert f"article {DAY}" in {run.name for run in client.read_flow_runs()}


def test_the_password_is_created_once(tmp_path: Path) -> None:
    """A second start uses the password of the first."""
    first = ensure_password(tmp_path / "stack")
    assert first == ensure_password(tmp_path / "stack")
    assert first != ensure_password(tmp_path / "another")


def test_a_process_is_found_again_and_stopped(tmp_path: Path) -> None:
    """A process is known by pid and command line, so another program with the same pid is never stopped."""
    service = Service("sleeper", tmp_path, "time.sleep(60)")
    pid = start_service(service, [sys.executable, "-c", "import time; time.sleep(60)"], {}, port="7")
    assert get_pid(service) == pid
    assert get_pid(service._replace(mark="another program")) is None
    assert not stop_service(service._replace(mark="another program", name="nobody"))
    assert is_running(pid, service.mark)
    assert stop_service(service)
    assert get_pid(service) is None and not service.pid_file.exists()
    assert not stop_service(service)


def test_what_a_service_started_is_stopped_with_it(tmp_path: Path) -> None:
    """A worker's runs end with it, so that a retry after `make down` finds no other process at work."""
    program = "import subprocess; child = subprocess.Popen(['sleep', '61']); print(child.pid, flush=True)"
    service = Service("parent", tmp_path, "subprocess.Popen")
    pid = start_service(service, [sys.executable, "-c", f"{program}; child.wait()"], {})
    wait_until(lambda: service.log.read_text().endswith("\n"), lambda: is_running(pid, service.mark), "it")
    child = int(service.log.read_text().split()[0])
    assert is_running(child, "sleep")
    assert stop_service(service)
    assert not is_running(child, "sleep")


def test_a_kernel_thread_is_not_taken_for_a_service() -> None:
    """After a reboot the pid in a file may belong to a kernel thread, which never has a command line."""
    threads = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.parent.joinpath("stat").read_text().rpartition(")")[2].split()[1] in ("0", "2")
        and not path.read_bytes()
    ]
    assert [pid for pid in threads if is_running(pid, "worker start")] == []


def test_a_service_of_another_store_is_restarted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same store: left alone. Another store: restarted. Its files get the caller's umask."""
    monkeypatch.setenv("RESEGMENT_STATE", str(tmp_path / "state"))
    stack = Stack(tmp_path / "stack", "/srv/one", 1, 2)
    service = Service("sleeper", stack.folder, "time.sleep(60)")
    command = [sys.executable, "-c", f"open({str(tmp_path / 'file')!r}, 'w'); import time; time.sleep(60)"]
    assert ensure_service(stack, service, command, 0o022) == "sleeper: started"
    first = get_pid(service)
    assert ensure_service(stack, service, command, 0o022) == "sleeper: running already"
    assert get_pid(service) == first
    moved = stack._replace(store="/srv/two")
    assert "restarted" in ensure_service(moved, service, command, 0o022)
    assert get_pid(service) != first
    wait_until((tmp_path / "file").exists, lambda: True, "the file")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    assert stop_service(service)


def test_the_reports_of_a_bucket_are_not_served(tmp_path: Path) -> None:
    """`resegment serve-reports` serves folders only, so `up` does not start it for a bucket."""
    assert not Stack(tmp_path, "s3://bucket/nightly", 1, 2).has_reports
    assert "RESEGMENT_REPORTS_URL" not in Stack(tmp_path, "s3://bucket/nightly", 1, 2).environment()
    assert "RESEGMENT_REPORTS_URL" in Stack(tmp_path, "/srv/segments", 1, 2).environment()


def test_forms_reach_the_store_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`up` limits sources and stores of runs to the store and what definitions read, unless a person did."""
    stack = Stack(tmp_path, "/srv/segments", 1, 2)
    monkeypatch.delenv("RESEGMENT_ROOTS", raising=False)
    read_settings.cache_clear()
    assert stack.environment()["RESEGMENT_ROOTS"] == "/srv/segments"
    monkeypatch.setenv("RESEGMENT_ROOTS", "/data, s3://warehouse/in")
    read_settings.cache_clear()
    assert stack.environment()["RESEGMENT_ROOTS"] == "/data,s3://warehouse/in"


def test_without_postgres_up_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without PostgreSQL on PATH or in Debian's folder, the message names both remedies."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    with pytest.raises(StartError, match=r"apt install postgresql.*PREFECT_SERVER_DATABASE_CONNECTION_URL"):
        postgres.locate_database(tmp_path)


def test_a_configured_database_has_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect's own variables configure the database."""
    monkeypatch.setenv("PREFECT_API_DATABASE_CONNECTION_URL", "postgresql+asyncpg://a/b")
    assert postgres.get_configured_database() == "postgresql+asyncpg://a/b"
    monkeypatch.setenv("PREFECT_SERVER_DATABASE_CONNECTION_URL", "postgresql+asyncpg://c/d")
    assert postgres.get_configured_database() == "postgresql+asyncpg://c/d"


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    """The refusal comes before PostgreSQL fails with a less helpful message."""
    files = tmp_path / ("long" * 20)
    with pytest.raises(StartError, match="set RESEGMENT_STATE"):
        postgres.start_database(postgres.Database(tmp_path, files, None))
