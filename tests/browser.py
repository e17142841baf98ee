"""A real browser for tests: Debian's Chromium, driven by Playwright, and what a page did in it.

Which page is opened and what it must show is each test's own. Nothing here downloads a browser.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from segmentation.report.picture import NAMES, find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog
    from playwright.sync_api import Page as Tab

ABSENT = "a browser is not here"  # .ci/run looks for these words
# What axe-core judges: WCAG 2 at A and AA, which includes the contrast of colours, and its best practices.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
# The browser's advice on speed where it draws without a graphics card; no fault of a page.
HINTS = ("GL Driver Message (OpenGL, Performance", "willReadFrequently")
# What an axe finding says of itself, and where on the page it is.
Finding = tuple[str, str, list[str]]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A headless Chromium for a module's tests; they are skipped where there is none.

    Not for the whole session: while Playwright's synchronous interface is open, its event loop counts
    as running in this thread, and asyncio.run, which Prefect uses in other modules, is refused.
    """
    named = os.environ.get("RESEGMENT_BROWSER")
    executable = find_browser(named)
    if executable is None:
        pytest.skip(f"{ABSENT}: no {named or ', '.join(NAMES)} on PATH; apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=executable, timeout=60_000)
        yield opened
        opened.close()


class Page(NamedTuple):
    """An open page, what went wrong on it, and every request but the one for the page itself."""

    tab: "Tab"
    errors: list[str]
    requests: list[str]

    def close(self) -> None:
        """Close its window; else that happens at the module's end."""
        self.tab.context.close()

    def full_shot(self, path: Path) -> Path:
        """A picture of the whole page."""
        self.tab.screenshot(path=path, full_page=True)
        return path

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window; 0 if it is not."""
        script = "document.scrollingElement.scrollWidth - window.innerWidth"
        return max(0, int(self.tab.evaluate(script)))

    def find_flaws(self, impacts: tuple[str, ...] = ("serious", "critical")) -> list[Finding]:
        """What axe-core finds of these impacts: rule, what it means, and the elements."""
        from axe_playwright_python.base import AXE_SCRIPT

        # Evaluated rather than put in as a script, which the page's own policy would refuse.
        self.tab.evaluate("() => { " + AXE_SCRIPT + " }")
        options: dict[str, Any] = {"runOnly": list(RULES), "resultTypes": ["violations"]}
        found = self.tab.evaluate("options => axe.run(document, options)", options)
        return [
            (one["id"], one["help"], [_tell(node) for node in one["nodes"]])
            for one in found["violations"]
            if one["impact"] in impacts
        ]


def _tell(node: dict[str, Any]) -> str:
    """An element that axe names, with what it found there."""
    why = " ".join(str(node.get("failureSummary", "")).split())
    return f"{node['target']}: {node['html'][:160]}: {why[:300]}"


def open_page(browser: "Browser", target: Path | str, width: int = 1280, scheme: Scheme = "light") -> Page:
    """Open a file or URL in a window of its own, as wide as asked, in the light or the dark.

    Console errors and warnings, uncaught exceptions, dialogs, refused loads and other windows are errors.
    """
    url = target.resolve().as_uri() if isinstance(target, Path) else target
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    page = Page(tab, [], [])
    tab.on("console", lambda said: _note_console(page, said.type, said.text))
    tab.on("pageerror", lambda error: page.errors.append(f"exception: {error}"))
    tab.on("dialog", lambda dialog: _dismiss(page, dialog))
    tab.on("popup", lambda other: page.errors.append(f"window: {other.url}"))
    context.on("request", lambda request: None if request.url == url else page.requests.append(request.url))
    tab.goto(url, wait_until="load")
    return page


def _dismiss(page: Page, dialog: "Dialog") -> None:
    page.errors.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _note_console(page: Page, kind: str, text: str) -> None:
    if kind in ("error", "warning") and not any(hint in text for hint in HINTS):
        page.errors.append(f"{kind}: {text}")
