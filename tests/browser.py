"""A real browser for tests: the system's Chromium, driven by Playwright. Nothing here downloads a browser."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pytest

from segmentation.report.serving.screenshots import BROWSER_NAMES, look_up_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog
    from playwright.sync_api import Page as Tab

BROWSER_MISSING = "a browser is not here"  # .ci/run fails on a test skipped for this reason
# axe-core's rule sets: WCAG 2 at A and AA, which includes the contrast of colours, and its best practices.
RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice")
# Chromium's advice on speed without a graphics card. Not the page's fault.
IGNORED_WARNINGS = ("GL Driver Message (OpenGL, Performance", "willReadFrequently")
# Words and numbers, dates included, of which parts are on different lines. Runs of letters that nothing can
# break sensibly (class long) and the definition's text (pre) may break anywhere.
BROKEN = r"""() => {
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const broken = [], range = new Range();
  while (texts.nextNode()) {
    const node = texts.currentNode, parent = node.parentElement;
    if (parent.closest('.long, pre, script, style, svg, option') || !parent.checkVisibility()) continue;
    for (const token of node.data.matchAll(/[+\-\u2212]?\d[\d.,:\/e\u2013-]*\d%?|\p{L}{2,}/gu)) {
      range.setStart(node, token.index);
      range.setEnd(node, token.index + token[0].length);
      const boxes = [...range.getClientRects()].filter(box => box.width);
      if (new Set(boxes.map(box => Math.round(box.bottom))).size > 1) broken.push(token[0]);
    }
  }
  return broken;
}"""
# Texts that reach over the edge of the box around them, and are not in a table that scrolls.
PROTRUDING = r"""() => [...document.querySelectorAll('.card, .panel, .chart')].flatMap(box =>
  [...box.querySelectorAll('*')].filter(element => !element.closest('.wide, svg, .plot')
    && element.checkVisibility()
    && element.getBoundingClientRect().right > box.getBoundingClientRect().right + 1)
    .map(element => element.outerHTML.slice(0, 120)))"""
# Axes without a title: those of plotly.js, flat and in space, and those of the drawings in SVG.
UNTITLED = r"""() => [...document.querySelectorAll('.plot')].flatMap(plot => {
  const layout = plot._fullLayout, subplots = layout._subplots;
  const names = subplots.cartesian.length ? [...subplots.xaxis, ...subplots.yaxis] : [];
  const axes = names.map(name => layout[name[0] + 'axis' + name.slice(1)]);
  for (const scene of subplots.gl3d)
    for (const letter of 'xyz') axes.push(layout[scene][letter + 'axis']);
  return axes.filter(axis => axis.visible && (!axis.title.text || axis.title.text.startsWith('Click')))
    .map(axis => plot.id + ' ' + axis._name);
}).concat([...document.querySelectorAll('svg.spread')].filter(drawing =>
  !drawing.querySelector('.axis-title')?.textContent.trim()).map(drawing => drawing.ariaLabel))"""
Scheme = Literal["light", "dark"]


class Violation(NamedTuple):
    """A rule of axe-core that the page breaks, what the rule demands, and the elements."""

    rule: str
    demand: str
    elements: list[str]


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A headless Chromium for the tests of a module. Without Chromium they are skipped.

    Not for the whole session: while Playwright's synchronous API is open, an event loop runs in this
    thread, and the asyncio.run of Prefect in other modules would fail.
    """
    requested = os.environ.get("RESEGMENT_BROWSER")
    executable = look_up_browser(requested)
    if executable is None:
        pytest.skip(
            f"{BROWSER_MISSING}: no {requested or ', '.join(BROWSER_NAMES)} on PATH; apt-get install chromium"
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, timeout=60_000)
        yield chromium
        chromium.close()


class OpenPage(NamedTuple):
    """An open page, its errors, and every request other than the one for the page itself."""

    tab: "Tab"
    errors: list[str]
    requests: list[str]

    def close(self) -> None:
        """Close the window now, instead of at the end of the module."""
        self.tab.context.close()

    def take_screenshot(self, path: Path) -> Path:
        """Save the whole page as a PNG."""
        self.tab.screenshot(path=path, full_page=True)
        return path

    def overflow(self) -> int:
        """Pixels by which the page is wider than its window, or 0."""
        script = "document.scrollingElement.scrollWidth - window.innerWidth"
        return max(0, int(self.tab.evaluate(script)))

    def list_broken(self) -> list[str]:
        """Words and numbers that are broken in two lines."""
        broken: list[str] = self.tab.evaluate(BROKEN)
        return broken

    def list_protruding(self) -> list[str]:
        """Elements that reach over the edge of their card or panel."""
        protruding: list[str] = self.tab.evaluate(PROTRUDING)
        return protruding

    def list_untitled_axes(self) -> list[str]:
        """Axes of figures without a title."""
        untitled: list[str] = self.tab.evaluate(UNTITLED)
        return untitled

    def list_violations(self, impacts: tuple[str, ...] = ("serious", "critical")) -> list[Violation]:
        """Violations of accessibility rules, as axe-core reports them."""
        from axe_playwright_python.base import AXE_SCRIPT

        # Evaluated, because the page's policy would block an added script element.
        self.tab.evaluate("() => { " + AXE_SCRIPT + " }")
        options: dict[str, Any] = {"runOnly": list(RULES), "resultTypes": ["violations"]}
        results = self.tab.evaluate("options => axe.run(document, options)", options)
        return [
            Violation(rule["id"], rule["help"], [_describe_element(node) for node in rule["nodes"]])
            for rule in results["violations"]
            if rule["impact"] in impacts
        ]


def _describe_element(node: dict[str, Any]) -> str:
    """An element that breaks a rule, and why."""
    summary = " ".join(str(node.get("failureSummary", "")).split())
    return f"{node['target']}: {node['html'][:160]}: {summary[:300]}"


def open_page(
    browser: "Browser", target: Path | str, width: int = 1280, scheme: Scheme = "light"
) -> OpenPage:
    """Open a file or URL in a new window.

    Errors are console errors and warnings, uncaught exceptions, dialogs, blocked loads and new windows.
    """
    url = target.resolve().as_uri() if isinstance(target, Path) else target
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    tab = context.new_page()
    page = OpenPage(tab, [], [])
    tab.on("console", lambda message: _record_message(page, message.type, message.text))
    tab.on("pageerror", lambda error: page.errors.append(f"exception: {error}"))
    tab.on("dialog", lambda dialog: _dismiss(page, dialog))
    tab.on("popup", lambda popup: page.errors.append(f"window: {popup.url}"))
    context.on("request", lambda request: None if request.url == url else page.requests.append(request.url))
    tab.goto(url, wait_until="load")
    return page


def _dismiss(page: OpenPage, dialog: "Dialog") -> None:
    page.errors.append(f"dialog: {dialog.message}")
    dialog.dismiss()


def _record_message(page: OpenPage, kind: str, text: str) -> None:
    if kind in ("error", "warning") and not any(hint in text for hint in IGNORED_WARNINGS):
        page.errors.append(f"{kind}: {text}")
