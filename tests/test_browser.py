"""The browser that tests look through sees what it is there to see."""

import os
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.browser import ABSENT, open_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("browser")
ROOT = Path(__file__).parents[1]
FRAME = '<!DOCTYPE html><html lang="en"><head><title>t</title></head><body><main><h1>t</h1>%s</main></body>'


def write_page(folder: Path, body: str) -> Path:
    """A page of this body."""
    path = folder / "page.html"
    path.write_text(FRAME % body)
    return path


def test_a_plain_page_is_without_fault(browser: "Browser", tmp_path: Path) -> None:
    """A heading and a paragraph: no error, no request, nothing too wide, no finding; a picture."""
    page = open_page(browser, write_page(tmp_path, "<p>all is well</p>"), width=390)
    assert (page.errors, page.requests, page.overflow()) == ([], [], 0)
    assert page.find_flaws(("minor", "moderate", "serious", "critical")) == []
    assert page.full_shot(tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("console.error('broken')", "error: broken"),
        ("console.warn('odd')", "warning: odd"),
        ("null.x", "exception: "),
        ("alert('boo')", "dialog: boo"),
    ],
)
def test_what_goes_wrong_is_recorded(browser: "Browser", tmp_path: Path, script: str, wanted: str) -> None:
    """Console errors and warnings, exceptions and dialogs."""
    page = open_page(browser, write_page(tmp_path, f"<script>{script}</script>"))
    assert [said.startswith(wanted) for said in page.errors] == [True]


def test_requests_flaws_and_overflow_are_seen(browser: "Browser", tmp_path: Path) -> None:
    """An image from elsewhere, grey on white, a figure without words, a box wider than a phone."""
    wide = '<div style="width:600px">wide</div>'
    body = f'<p style="color:#bbb">pale</p><img src="http://127.0.0.1:9/pixel.png">{wide}'
    page = open_page(browser, write_page(tmp_path, body), width=390)
    assert page.requests == ["http://127.0.0.1:9/pixel.png"]
    assert any("ERR_" in said for said in page.errors)
    assert page.overflow() > 100
    assert {rule for rule, *_ in page.find_flaws()} == {"color-contrast", "image-alt"}


def test_the_colour_scheme_is_the_one_asked_for(browser: "Browser", tmp_path: Path) -> None:
    """Light and dark reach the page."""
    path = write_page(tmp_path, "")
    for scheme, dark in (("light", False), ("dark", True)):
        page = open_page(browser, path, scheme=scheme)  # type: ignore[arg-type]
        assert page.tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is dark


def test_a_served_page_is_opened_too(browser: "Browser") -> None:
    """A URL is opened like a file; a refused load is an error."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write((FRAME % '<img alt="x" src="/gone.png">').encode() if self.path == "/" else b"")

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


def run_inner(folder: Path, **environment: str) -> str:
    """What pytest says of the tests in a folder, which have the fixture `browser` and no other of ours."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.browser", "-p", "no:xdist", "-ra", str(folder)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_other_modules_have_the_event_loop_to_themselves(browser: "Browser", tmp_path: Path) -> None:
    """After a module with a browser another one may call asyncio.run, as Prefect does."""
    assert browser.is_connected()
    (tmp_path / "test_a.py").write_text("def test_a(browser): assert browser.is_connected()\n")
    (tmp_path / "test_b.py").write_text(
        "import asyncio\nasync def say(): return 1\ndef test_b(): assert asyncio.run(say()) == 1\n"
    )
    assert "2 passed" in (said := run_inner(tmp_path)), said


def test_without_a_browser_a_test_is_skipped_for_that_reason(tmp_path: Path) -> None:
    """The reason is the one that .ci/run does not let pass."""
    (tmp_path / "test_it.py").write_text("def test_it(browser): pass\n")
    said = run_inner(tmp_path, RESEGMENT_BROWSER="no-such-browser")
    skipped = next(line for line in said.splitlines() if line.startswith("SKIPPED"))
    assert f"{ABSENT}: no no-such-browser on PATH" in skipped
    allowed = re.search(r"grep -v '(.*)'", (ROOT / ".ci/run").read_text())
    assert allowed is not None and allowed[1] not in skipped
