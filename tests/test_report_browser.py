"""The report in a real browser: every kind of night is drawn, accessible, and loads nothing."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.page import COUNT_WORK
from tests.browser import OpenPage, Scheme, open_page
from tests.reports import build_retail, make_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.timeout(600)
__all__ = ["make_report"]  # a fixture, used by its name
QUICK_KINDS = ("moved",)
SLOW_KINDS = ("article", "long", "held", "forty", "first", "one", "twelve", "mixed", "million")
KINDS = (*QUICK_KINDS, *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW_KINDS))
MAX_BYTES, MAX_BYTES_WITHOUT_PLOTLY = 6_000_000, 1_500_000
MAX_ELEMENTS, MAX_POINTS = 10_000, 6_000
every_kind = pytest.mark.parametrize("kind", KINDS)
# Each figure with its number of traces, drawn elements, and the largest drawn area.
FIGURES = """[...document.querySelectorAll('.plot')].map(plot => {
  const boxes = [...plot.querySelectorAll('svg.main-svg, canvas')].map(box => box.getBoundingClientRect());
  return {id: plot.id, traces: (plot.data || []).length, points: plot.querySelectorAll(
    'path, canvas, rect.sankey-node, .bars, .heatmaplayer image').length,
    area: Math.max(0, ...boxes.map(box => box.width * box.height))};
})"""


def open_report(browser: "Browser", path: Path, width: int = 1280, scheme: Scheme = "light") -> OpenPage:
    """Open a report and wait until every figure is drawn."""
    page = open_page(browser, path, width, scheme)
    page.tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
    return page


def check_drawn(page: OpenPage) -> None:
    """No error, no request, no overflow, and every figure drawn."""
    assert page.errors == []
    assert page.requests == []
    assert page.overflow() == 0
    figures: list[dict[str, Any]] = page.tab.evaluate(FIGURES)
    assert figures
    blank = [
        figure
        for figure in figures
        if not (figure["traces"] and figure["points"] and figure["area"] > 10_000)
    ]
    assert blank == []


def check_work(page: OpenPage) -> None:
    """With any number of customers there are at most 10,000 elements and 6,000 points in figures.

    How long that takes depends on the machine, so it is measured in bench/page.py.
    """
    work = page.tab.evaluate(COUNT_WORK)
    assert 1_000 < work["nodes"] <= MAX_ELEMENTS
    assert 100 < work["points"] <= MAX_POINTS


@every_kind
@pytest.mark.parametrize(
    ("width", "scheme"), [(1280, "light"), pytest.param(390, "dark", marks=pytest.mark.slow)]
)
def test_every_figure_is_drawn_and_accessible(
    browser: "Browser", make_report: Callable[[str], Path], kind: str, width: int, scheme: Scheme
) -> None:
    """On a desk and on a phone: no errors, requests, sideways scrolling or violations, little work."""
    page = open_report(browser, make_report(kind), width, scheme)
    check_drawn(page)
    check_work(page)
    page.tab.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert page.list_violations() == []
    assert page.overflow() == 0
    check_lines(page)
    page.close()


def check_lines(page: OpenPage) -> None:
    """No number or word is broken in two, nothing is wider than its card, and every axis has a title."""
    assert page.list_broken() == []
    assert page.list_protruding() == []
    assert page.list_untitled_axes() == []


@pytest.mark.slow
def test_numbers_and_words_stay_whole_on_a_phone(
    browser: "Browser", make_report: Callable[[str], Path]
) -> None:
    """At 390 pixels too; the measurement notices a box that is too narrow, and one that is too wide."""
    page = open_report(browser, make_report("moved"), 390)
    check_lines(page)
    page.tab.evaluate(
        "const heading = document.querySelector('.verdict');"
        "heading.style.width = '30px'; heading.style.overflowWrap = 'anywhere';"
        "document.querySelector('.card .big').style.width = '900px';"
        "document.querySelector('.axis-title').remove();"
        "Plotly.relayout('sizes', {'xaxis.title.text': ''})"
    )
    assert {"customers", "segments"} <= set(page.list_broken())
    assert len(page.list_protruding()) == 1
    assert len(page.list_untitled_axes()) == 2
    page.close()


def test_the_reader_chooses_the_feature_over_time(
    browser: "Browser", make_report: Callable[[str], Path]
) -> None:
    """The menu changes the lines and the title of the axis."""
    page = open_report(browser, make_report("moved"))
    title = "document.getElementById('averages')._fullLayout.yaxis.title.text"
    first = page.tab.evaluate(title)
    page.tab.select_option("select[data-figure=averages]", index=1)
    page.tab.wait_for_function(f"{title} !== {json.dumps(first)}")
    options = page.tab.locator("select[data-figure=averages] option").all_inner_texts()
    assert page.tab.evaluate(title).endswith(options[1])
    page.close()


@every_kind
def test_the_page_stays_small(make_report: Callable[[str], Path], kind: str) -> None:
    """With any number of customers the page is at most 6 MB, and 1.5 MB without plotly.js."""
    content = make_report(kind).read_bytes()
    plotly = max(re.findall(rb"<script>(.*?)</script>", content, re.DOTALL), key=len)
    assert len(content) <= MAX_BYTES
    assert len(content) - len(plotly) <= MAX_BYTES_WITHOUT_PLOTLY


@pytest.mark.slow
def test_the_page_works_with_a_keyboard(browser: "Browser", make_report: Callable[[str], Path]) -> None:
    """Tab reaches every link, button, menu and summary, and the focus is visible."""
    page = open_report(browser, make_report("moved"))
    count = page.tab.evaluate(
        "[...document.querySelectorAll('a[href], button, select, summary')]"
        ".filter(control => control.checkVisibility() && !control.disabled).length"
    )
    reached = set()
    for _ in range(count * 2 + 40):
        page.tab.keyboard.press("Tab")
        focused = page.tab.evaluate(
            "(() => { const control = document.activeElement;"
            " if (!control.matches('a[href], button, select, summary')) return null;"
            " const controls = [...document.querySelectorAll('a[href], button, select, summary')];"
            " return [controls.indexOf(control), getComputedStyle(control).outlineStyle] })()"
        )
        if focused:
            position, outline = focused
            reached.add(position)
            assert outline != "none"
    assert len(reached) == count
    page.close()


def test_the_page_is_readable_without_scripts(browser: "Browser", make_report: Callable[[str], Path]) -> None:
    """Without scripts, texts and tables are still there."""
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(make_report("moved").as_uri())
    assert "S01" in tab.inner_text("main")
    assert tab.locator("table").count() >= 5
    context.close()


@pytest.mark.slow
def test_a_month_of_a_real_shop(browser: "Browser", shared_data: Path, tmp_path: Path) -> None:
    """Online Retail with thirty earlier editions is drawn on a desk and on a phone."""
    path = Path(build_retail(tmp_path, shared_data).report_path)
    for width, scheme in ((1280, "light"), (390, "dark")):
        page = open_report(browser, path, width, scheme)  # type: ignore[arg-type]
        check_drawn(page)
        assert page.list_violations() == []
        page.close()
    figures = json.loads(re.findall(r'id="figures">(.*?)</script>', path.read_text(), re.DOTALL)[0])
    dates = {day for trace in figures["sizes"]["data"] for day in trace["x"]}
    assert len(dates) == 31
