"""`resegment serve-reports`: what readers get, and what nobody gets whatever the address says."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from segmentation.report.page import Figure, render
from segmentation.report.serving import ReportServer
from tests.conftest import Command

EDITION = "demo/editions/2026-01-31/0123456789abcdef"
SECRET = b"nobody's business"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one edition, and what no reader may have inside it and beside it."""
    store = tmp_path / "store"
    for name, content in {
        f"{EDITION}/report.html": render("demo", [Figure("one", {"data": [], "layout": {}}, "nothing")]),
        f"{EDITION}/manifest.json": b"{}",
        f"{EDITION}/SHA256SUMS": b"00  report.html\n",
        "demo/published/as_of=2026-01-31/segments.parquet": b"PAR1",
        "demo/live.json": b"{}",
        "demo/.staging/run/rows-00000.parquet": SECRET,
        "demo/.lock": SECRET,
        "demo/ledger/run.json": SECRET,
        f"{EDITION}/.hidden.html": SECRET,
        f"{EDITION}/notes.py": SECRET,
        "../outside.html": SECRET,
        "../outside/report.html": SECRET,
    }.items():
        path = store / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (store / EDITION / "leak.html").symlink_to(tmp_path / "outside.html")
    (store / "linked").symlink_to(tmp_path / "outside", target_is_directory=True)
    (store / "demo" / "editions" / "2026-02-01").symlink_to(tmp_path / "outside", target_is_directory=True)
    (store / "demo" / "index.html").symlink_to(tmp_path / "outside.html")
    return store


@pytest.fixture
def port(store: Path) -> Iterator[int]:
    """A server of that store: its port."""
    server = ReportServer(store, ("127.0.0.1", 0), ["reports.example"])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


def ask(
    port: int, address: str, method: str = "GET", host: str | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    """The answer and its body. The address is sent as it stands."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, address, skip_host=True)
        connection.putheader("Host", f"127.0.0.1:{port}" if host is None else host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        (f"/{EDITION}/report.html", "text/html; charset=utf-8"),
        (f"/{EDITION}/manifest.json", "application/json"),
        (f"/{EDITION}/SHA256SUMS", "text/plain; charset=utf-8"),
        ("/demo/published/as_of=2026-01-31/segments.parquet", "application/vnd.apache.parquet"),
        ("/demo/published/as_of%3D2026-01-31/segments.parquet?download=1", "application/vnd.apache.parquet"),
        ("/demo/live.json", "application/json"),
    ],
)
def test_readers_get_what_is_made_for_them(port: int, store: Path, address: str, kind: str) -> None:
    """Files of editions come whole, with their type, a policy, and nothing left to guess or to keep."""
    answer, body = ask(port, address)
    assert answer.status == 200
    assert body == (store / address.split("?")[0].replace("%3D", "=").removeprefix("/")).read_bytes()
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    head, nothing = ask(port, address, "HEAD")
    assert (head.status, nothing) == (200, b"")
    assert head.headers["Content-Length"] == str(len(body))


def test_the_policy_allows_the_pages_own_scripts_only(port: int) -> None:
    """The header names the hashes that the report's own policy names, and no other script."""
    answer, body = ask(port, f"/{EDITION}/report.html")
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    scripts = policy["script-src"].split(" ")
    assert len(scripts) == 2 and all(one.startswith("'sha256-") for one in scripts)
    assert all(one.encode() in body for one in scripts)
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]


@pytest.mark.parametrize(
    "address",
    [
        "/demo/.lock",
        "/demo/.staging/",
        "/demo/.staging/run/rows-00000.parquet",
        "/demo/ledger/run.json",
        "/demo/ledger/",
        f"/{EDITION}/.hidden.html",
        f"/{EDITION}/notes.py",
        f"/{EDITION}/leak.html",
        "/linked/report.html",
        "/demo/editions/2026-02-01/",
        "/demo/editions/2026-02-01/report.html",
        "/../outside.html",
        "/demo/../../outside.html",
        "/%2e%2e/outside.html",
        "/demo/%2e%2e/%2e%2e/outside.html",
        f"/{EDITION}/..%2f..%2f..%2f..%2f..%2foutside.html",
        "/..\\outside.html",
        "/demo/live.json%00.html",
        "/demo/live.json%0a",
        "//demo/live.json/../live.json",
        "/demo//live.json",
        "/etc/passwd",
        "/%2fetc%2fpasswd",
        "/%ff%fe",
    ],
)
def test_nothing_else_is_to_be_had(port: int, address: str) -> None:
    """Stage files, locks, the ledger, links that lead out and addresses that climb: not found, all alike."""
    answer, body = ask(port, address)
    assert answer.status == 404
    assert body == b"there is nothing of this name for readers\n"


def test_an_index_that_leads_out_is_not_followed(port: int) -> None:
    """demo/index.html is a link to outside: the folder is listed instead."""
    answer, body = ask(port, "/demo/")
    assert answer.status == 200 and SECRET not in body
    assert b'href="editions/"' in body and b'href="published/"' in body and b'href="live.json"' in body
    assert b"staging" not in body and b"ledger" not in body and b"index.html" not in body


def test_folders_are_listed_or_show_their_index(port: int, store: Path) -> None:
    """A folder without a slash leads to itself with one; an index of its own is shown."""
    (store / EDITION / "index.html").write_text("<a href='report.html'>report</a>")
    for folder in ("/demo/editions", f"/{EDITION}"):
        answer, _ = ask(port, folder)
        assert (answer.status, answer.headers["Location"]) == (301, f"{folder}/")
    assert ask(port, f"/{EDITION}/")[1] == b"<a href='report.html'>report</a>"
    _, body = ask(port, "/")
    assert b'<a href="demo/">demo/</a>' in body and b"linked" not in body
    (store / "index.html").write_text("<h1>all</h1>")
    _, body = ask(port, "/")
    assert body == b"<h1>all</h1>"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MOVE"])
def test_nothing_can_be_written(port: int, method: str) -> None:
    """Any other method is refused."""
    answer, _ = ask(port, "/demo/live.json", method)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_another_hosts_page_cannot_read_it(port: int) -> None:
    """A name that was pointed at this machine by somebody else is refused; its own names are not."""
    assert ask(port, "/demo/live.json", host="evil.example")[0].status == 421
    assert ask(port, "/demo/live.json", host="")[0].status == 421
    assert ask(port, "/demo/live.json", host=f"localhost:{port}")[0].status == 200
    assert ask(port, "/demo/live.json", host="reports.example")[0].status == 200


@pytest.mark.parametrize(("address", "host"), [("http://[/", None), ("/demo/", "[")])
def test_what_is_no_address_is_refused(port: int, address: str, host: str | None) -> None:
    """With an answer that says so."""
    assert ask(port, address, host=host)[0].status == 400


def test_it_listens_on_ipv6(store: Path) -> None:
    """`--host ::1` is this machine too."""
    with ReportServer(store, ("::1", 0)) as server:
        assert server.server_address[0] == "::1"


def test_the_command_refuses_what_it_cannot_serve(command: Command) -> None:
    """A bucket is refused in one line."""
    done = command("serve-reports", "--store", "s3://bucket")
    assert done.returncode == 2
    assert "a bucket has means of its own" in done.stderr
