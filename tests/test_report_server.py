"""`resegment serve-reports`: what readers get, and what nobody gets whatever the address."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from segmentation.report.figure import Figure
from segmentation.report.page import render_page
from segmentation.report.serving.report_server import ReportServer
from tests.conftest import Command

EDITION = "demo/editions/2026-01-31/0123456789abcdef"
FIGURE = Figure("one", {"data": [], "layout": {}}, "nothing")
SECRET = b"not for readers"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A store with one edition, and with files inside and outside that no reader may get."""
    store = tmp_path / "store"
    for name, content in {
        f"{EDITION}/report.html": render_page("folder.html.j2", "demo", [FIGURE], names=[], has_parent=False),
        f"{EDITION}/manifest.json": b"{}",
        f"{EDITION}/SHA256SUMS": b"00  report.html\n",
        "demo/published/as_of=2026-01-31/segments.parquet": b"PAR1",
        "demo/live.json": b"{}",
        "demo/.staging/run/rows-00000.parquet": SECRET,
        "demo/.lock": SECRET,
        "demo/ledger/run.json": SECRET,
        f"{EDITION}/quarantine.parquet": SECRET,
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


@contextmanager
def serving(store: Path, sign_in: str | None = None) -> Iterator[int]:
    """A server of a store: its port."""
    secret = None if sign_in is None else SecretStr(sign_in)
    server = ReportServer(store, ("127.0.0.1", 0), ["reports.example"], secret)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def port(store: Path) -> Iterator[int]:
    """The port of a server of that store, which asks for no password."""
    with serving(store) as port:
        yield port


def request(
    port: int, address: str, method: str = "GET", host: str | None = None, sign_in: str | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    """The response and its body. The address is sent unchanged."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest(method, address, skip_host=True)
        connection.putheader("Host", f"127.0.0.1:{port}" if host is None else host)
        if sign_in is not None:
            connection.putheader("Authorization", sign_in)
        connection.endheaders()
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("address", "content_type"),
    [
        (f"/{EDITION}/report.html", "text/html; charset=utf-8"),
        (f"/{EDITION}/manifest.json", "application/json"),
        (f"/{EDITION}/SHA256SUMS", "text/plain; charset=utf-8"),
        ("/demo/published/as_of=2026-01-31/segments.parquet", "application/vnd.apache.parquet"),
        ("/demo/published/as_of%3D2026-01-31/segments.parquet?download=1", "application/vnd.apache.parquet"),
        ("/demo/live.json", "application/json"),
    ],
)
def test_readers_get_published_files(port: int, store: Path, address: str, content_type: str) -> None:
    """Files come whole, with their content type and a policy, and browsers may neither guess nor cache."""
    response, body = request(port, address)
    assert response.status == 200
    assert body == (store / address.split("?")[0].replace("%3D", "=").removeprefix("/")).read_bytes()
    assert response.headers["Content-Type"] == content_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    head, head_body = request(port, address, "HEAD")
    assert (head.status, head_body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(body))


def test_the_policy_allows_only_the_scripts_of_the_page(port: int) -> None:
    """The header has the script hashes of the report's own policy and no others."""
    response, body = request(port, f"/{EDITION}/report.html")
    header = response.headers["Content-Security-Policy"]
    policy = dict(part.strip().split(" ", 1) for part in header.split(";"))
    scripts = policy["script-src"].split(" ")
    assert len(scripts) == 2 and all(script.startswith("'sha256-") for script in scripts)
    assert all(script.encode() in body for script in scripts)
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
        f"/{EDITION}/quarantine.parquet",
        f"/{EDITION}/quarantine%2Eparquet",
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
def test_nothing_else_is_served(port: int, address: str) -> None:
    """Staging files, locks, the ledger, links out of the store and climbing addresses are all not found."""
    response, body = request(port, address)
    assert response.status == 404
    assert body == b"not found\n"


def test_an_index_linked_from_outside_is_not_served(port: int) -> None:
    """demo/index.html links to a file outside the store, so the folder is listed instead."""
    response, body = request(port, "/demo/")
    assert response.status == 200 and SECRET not in body
    assert b'href="editions/"' in body and b'href="published/"' in body and b'href="live.json"' in body
    assert b"staging" not in body and b"ledger" not in body and b"index.html" not in body


def test_folders_are_listed_or_show_their_index(port: int, store: Path) -> None:
    """A folder is redirected to its address with a slash; its index.html is served if it has one."""
    (store / EDITION / "index.html").write_text("<a href='report.html'>report</a>")
    for folder in ("/demo/editions", f"/{EDITION}"):
        response, _ = request(port, folder)
        assert (response.status, response.headers["Location"]) == (301, f"{folder}/")
    assert request(port, f"/{EDITION}/")[1] == b"<a href='report.html'>report</a>"
    _, body = request(port, "/")
    assert b'<a href="demo/">demo/</a>' in body and b"linked" not in body
    (store / "index.html").write_text("<h1>all</h1>")
    _, body = request(port, "/")
    assert body == b"<h1>all</h1>"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "MOVE"])
def test_nothing_can_be_written(port: int, method: str) -> None:
    """Methods other than GET and HEAD are refused."""
    response, _ = request(port, "/demo/live.json", method)
    assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


def test_unknown_host_names_are_refused(port: int) -> None:
    """A name that somebody else pointed at this machine gets nothing; the server's names get files."""
    assert request(port, "/demo/live.json", host="evil.example")[0].status == 421
    assert request(port, "/demo/live.json", host="")[0].status == 421
    assert request(port, "/demo/live.json", host=f"localhost:{port}")[0].status == 200
    assert request(port, "/demo/live.json", host="reports.example")[0].status == 200


@pytest.mark.parametrize(("address", "host"), [("http://[/", None), ("/demo/", "[")])
def test_malformed_addresses_are_refused(port: int, address: str, host: str | None) -> None:
    """A malformed address or Host header gets status 400."""
    assert request(port, address, host=host)[0].status == 400


def test_it_listens_on_ipv6(store: Path) -> None:
    """`--host ::1` is an address of this machine too."""
    with ReportServer(store, ("::1", 0)) as server:
        assert server.server_address[0] == "::1"


def test_the_command_refuses_a_bucket(command: Command) -> None:
    """It serves folders only."""
    process = command("serve-reports", "--store", "s3://bucket")
    assert process.returncode == 2
    assert "a bucket's pages are served by its provider" in process.stderr
