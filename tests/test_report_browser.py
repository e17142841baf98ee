"""The report in a real browser: every kind of night is drawn, can be read, and asks nothing of anybody."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import Page, Scheme, open_page
from tests.reports import build_retail, make_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]
__all__ = ["make_report"]  # a fixture, used by its name
KINDS = (
    "article", "first", "moved", "held", "one", "twelve", "forty", "mixed",
    pytest.param("million", marks=pytest.mark.slow),
)  # fmt: skip
MOST_BYTES, MOST_BYTES_BUT_PLOTLY = 6_000_000, 1_500_000
SOONEST_MS = 3000
every_kind = pytest.mark.parametrize("kind", KINDS)
# Says when the page is ready for the reader, in milliseconds since it was asked for.
WATCH = """new MutationObserver((_, seen) => {
  if (document.documentElement?.dataset.ready) { window.readyAt ??= performance.now(); seen.disconnect(); }
}).observe(document, {attributes: true, subtree: true, childList: true})"""
# Each figure: its data's traces, and the size of what was drawn of it.
FIGURES = """[...document.querySelectorAll('.plot')].map(plot => {
  const drawn = [...plot.querySelectorAll('svg.main-svg, canvas')].map(one => one.getBoundingClientRect());
  return {id: plot.id, traces: (plot.data || []).length, points: plot.querySelectorAll(
    'path, canvas, rect.sankey-node, .bars, .heatmaplayer image').length,
    area: Math.max(0, ...drawn.map(box => box.width * box.height))};
})"""


def open_report(browser: "Browser", path: Path, width: int = 1280, scheme: Scheme = "light") -> Page:
    """Open a report and wait until every figure is drawn."""
    page = open_page(browser, path, width, scheme)
    page.tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
    return page


def check_looks(page: Page) -> None:
    """Nothing went wrong, nothing was asked for, nothing is too wide, every figure is drawn."""
    assert page.errors == []
    assert page.requests == []
    assert page.overflow() == 0
    figures: list[dict[str, Any]] = page.tab.evaluate(FIGURES)
    assert figures
    blank = [one for one in figures if not (one["traces"] and one["points"] and one["area"] > 10_000)]
    assert blank == []


@every_kind
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_figure_is_drawn_and_can_be_read(
    browser: "Browser", make_report: Callable[[str], Path], kind: str, width: int, scheme: Scheme
) -> None:
    """On a desk and on a phone: no complaint, no request, no sideways scrolling, nothing serious for axe."""
    page = open_report(browser, make_report(kind), width, scheme)
    check_looks(page)
    page.tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.find_flaws() == []
    assert page.overflow() == 0
    page.close()


@every_kind
def test_the_page_is_light(make_report: Callable[[str], Path], kind: str) -> None:
    """At any number of customers 6 MB at most, and without plotly.js 1.5 MB."""
    content = make_report(kind).read_bytes()
    plotly = max(re.findall(rb"<script>(.*?)</script>", content, re.DOTALL), key=len)
    assert len(content) <= MOST_BYTES
    assert len(content) - len(plotly) <= MOST_BYTES_BUT_PLOTLY


@pytest.mark.parametrize("kind", ["article", "twelve", "forty"])
def test_the_page_is_soon_ready(browser: "Browser", make_report: Callable[[str], Path], kind: str) -> None:
    """Every figure is drawn within 3 s; the best of three, for machines that do other work meanwhile."""
    taken = []
    for _ in range(3):
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        context.add_init_script(WATCH)
        tab = context.new_page()
        tab.goto(make_report(kind).as_uri())
        tab.wait_for_function("window.readyAt", timeout=60_000)
        taken.append(tab.evaluate("window.readyAt"))
        context.close()
        if taken[-1] <= SOONEST_MS:
            return
    raise AssertionError(f"ready after {taken} ms")


def test_the_page_is_used_by_keyboard(browser: "Browser", make_report: Callable[[str], Path]) -> None:
    """Tab reaches every link, button, selection and summary, in the page's order, and focus can be seen."""
    page = open_report(browser, make_report("moved"))
    wanted = page.tab.evaluate(
        "[...document.querySelectorAll('a[href], button, select, summary')]"
        ".filter(one => one.checkVisibility() && !one.disabled).length"
    )
    reached = set()
    for _ in range(wanted * 2 + 40):
        page.tab.keyboard.press("Tab")
        found = page.tab.evaluate(
            "(() => { const one = document.activeElement;"
            " if (!one.matches('a[href], button, select, summary')) return null;"
            " const all = [...document.querySelectorAll('a[href], button, select, summary')];"
            " return [all.indexOf(one), getComputedStyle(one).outlineStyle] })()"
        )
        if found:
            reached.add(found[0])
            assert found[1] != "none"
    assert len(reached) == wanted
    page.close()


def test_numbers_are_there_without_scripts(browser: "Browser", make_report: Callable[[str], Path]) -> None:
    """With scripts off the words and tables are still to be read."""
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(make_report("moved").as_uri())
    assert "S01" in tab.inner_text("main")
    assert tab.locator("table").count() >= 5
    context.close()


@pytest.mark.slow
def test_a_month_of_a_real_shop(browser: "Browser", shared_data: Path, tmp_path: Path) -> None:
    """Online Retail with thirty editions behind it: drawn on a desk and on a phone."""
    path = Path(build_retail(tmp_path, shared_data).report_path)
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = open_report(browser, path, width, scheme)  # type: ignore[arg-type]
        check_looks(page)
        assert page.find_flaws() == []
        page.close()
    told = json.loads(re.findall(r'id="figures">(.*?)</script>', path.read_text(), re.DOTALL)[0])
    dates = {day for trace in told["sizes"]["data"] for day in trace["x"]}
    assert len(dates) == 31
