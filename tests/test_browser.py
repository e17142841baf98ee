"""The browser helper reports every kind of fault that other tests rely on."""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.browser import BROWSER_MISSING, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
DOCUMENT = (
    '<!DOCTYPE html><html lang="en"><head><title>t</title></head><body><main><h1>t</h1>%s</main></body>'
)


def write_page(folder: Path, body: str) -> Path:
    """Save a page with this body."""
    path = folder / "page.html"
    path.write_text(DOCUMENT % body)
    return path


def test_a_plain_page_has_no_faults(browser: "Browser", tmp_path: Path) -> None:
    """A heading and a paragraph give no error, request, overflow or violation, and a screenshot."""
    page = open_page(browser, write_page(tmp_path, "<p>all is well</p>"), width=390)
    assert (page.errors, page.requests, page.overflow()) == ([], [], 0)
    assert page.list_violations(("minor", "moderate", "serious", "critical")) == []
    assert page.take_screenshot(tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("console.error('broken')", "error: broken"),
        ("console.warn('odd')", "warning: odd"),
        ("null.x", "exception: "),
        ("alert('boo')", "dialog: boo"),
    ],
)
def test_errors_are_recorded(browser: "Browser", tmp_path: Path, script: str, expected: str) -> None:
    """Console errors and warnings, exceptions and dialogs are recorded."""
    page = open_page(browser, write_page(tmp_path, f"<script>{script}</script>"))
    assert [error.startswith(expected) for error in page.errors] == [True]


def test_requests_violations_and_overflow_are_reported(browser: "Browser", tmp_path: Path) -> None:
    """A remote image without alternative text, pale text and a box wider than a phone are reported."""
    wide = '<div style="width:600px">wide</div>'
    body = f'<p style="color:#bbb">pale</p><img src="http://127.0.0.1:9/pixel.png">{wide}'
    page = open_page(browser, write_page(tmp_path, body), width=390)
    assert page.requests == ["http://127.0.0.1:9/pixel.png"]
    assert any("ERR_" in error for error in page.errors)
    assert page.overflow() > 100
    assert {violation.rule for violation in page.list_violations()} == {"color-contrast", "image-alt"}


def test_the_colour_scheme_is_applied(browser: "Browser", tmp_path: Path) -> None:
    """The page sees the requested colour scheme."""
    path = write_page(tmp_path, "")
    for scheme, is_dark in (("light", False), ("dark", True)):
        page = open_page(browser, path, scheme=scheme)  # type: ignore[arg-type]
        assert page.tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is is_dark


def test_a_url_is_opened(browser: "Browser") -> None:
    """A URL is opened like a file, and a failed load is an error."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(
                (DOCUMENT % '<img alt="x" src="/gone.png">').encode() if self.path == "/" else b""
            )

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/"
    page = open_page(browser, url)
    server.shutdown()
    thread.join()
    server.server_close()
    assert page.requests == [f"{url}gone.png"]
    assert "404" in page.errors[0]


def run_pytest(folder: Path, **environment: str) -> str:
    """Pytest's output for the tests in a folder, which can use only the fixture `browser`."""
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.browser", "-p", "no:xdist", "-ra", str(folder)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout


def test_the_browser_leaves_no_event_loop_behind(browser: "Browser", tmp_path: Path) -> None:
    """After a module with a browser, another module can call asyncio.run, as Prefect does."""
    assert browser.is_connected()
    (tmp_path / "test_a.py").write_text("def test_a(browser): assert browser.is_connected()\n")
    (tmp_path / "test_b.py").write_text(
        "import asyncio\nasync def get(): return 1\ndef test_b(): assert asyncio.run(get()) == 1\n"
    )
    assert "2 passed" in (output := run_pytest(tmp_path)), output


def test_a_missing_browser_is_the_reason_of_the_skip(tmp_path: Path) -> None:
    """Without a browser a test is skipped for the reason that fails a run in CI."""
    (tmp_path / "test_it.py").write_text("def test_it(browser): pass\n")
    output = run_pytest(tmp_path, RESEGMENT_BROWSER="no-such-browser")
    skipped = next(line for line in output.splitlines() if line.startswith("SKIPPED"))
    assert f"{BROWSER_MISSING}: no no-such-browser on PATH" in skipped
    allowed = re.search(r"grep -vE '(.*)'", (ROOT / ".ci/run").read_text())
    assert allowed is not None and not re.search(allowed[1], skipped)
