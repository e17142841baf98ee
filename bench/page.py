"""What the report's page costs a browser: elements, points, bytes, and script time next to an empty page.

    python -m bench.page [PAGE.html ...] [--repeats 5]

The empty page holds plotly.js and one figure without data, and is opened in the same run: on a machine half
as fast both take twice as long, so their ratio says more than seconds do. Without pages, the article's night
and a large night of the simulated shop are run first. Needs Chromium and Playwright.
"""

import argparse
import statistics
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.nights import run_night
from bench.tables import format_head, format_row, format_setting
from config.definition import BUILT_IN, Definition
from config.definition_files import read_definition
from schemas.night import Night
from segmentation.report.serving.screenshots import look_up_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# Work that does not depend on the machine. A figure's points are its data, not what is drawn of them.
COUNT_WORK = """(() => {
  const count = value => Array.isArray(value) || ArrayBuffer.isView(value)
    ? [...value].reduce((sum, item) => sum + count(item), 0) : 1;
  const sizes = [...document.querySelectorAll('.plot')].flatMap(plot => (plot.data || []).map(trace =>
    Math.max(0, ...[trace.x, trace.y, trace.z, trace.values].filter(Boolean).map(count))));
  return {nodes: document.querySelectorAll('*').length, points: sizes.reduce((sum, size) => sum + size, 0)};
})()"""
EMPTY = """<!doctype html><html><head><title>Empty</title></head>
<body><div id="plot"></div><script>{plotly}</script>
<script>Plotly.newPlot('plot', []).then(() => document.documentElement.dataset.ready = 'yes')</script>
"""


class PageWork(NamedTuple):
    """What one page costs."""

    size: int
    nodes: int
    points: int
    script_s: float


def measure_page(browser: "Browser", path: Path, repeats: int) -> PageWork:
    """Open a page several times: its counted work, and the median CPU seconds of its thread."""
    seconds = []
    work: dict[str, int] = {}
    for _ in range(repeats):
        tab = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        open_ready(tab, path)
        metrics = session.send("Performance.getMetrics")["metrics"]
        seconds.append(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))
        work = tab.evaluate(COUNT_WORK)
        tab.context.close()
    return PageWork(path.stat().st_size, work["nodes"], work["points"], statistics.median(seconds))


def open_ready(tab: "Page", path: Path) -> None:
    """Open a page and wait until its figures are drawn."""
    tab.goto(path.resolve().as_uri())
    tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)


def write_empty(folder: Path) -> Path:
    """A page with plotly.js and a figure without data."""
    from plotly.offline import get_plotlyjs

    path = folder / "empty.html"
    path.write_text(EMPTY.format(plotly=get_plotlyjs()), encoding="utf-8")
    return path


def make_pages(folder: Path, customers: int) -> dict[str, Path]:
    """Run the nights whose reports are measured."""
    pages = {}
    sources: dict[str, dict[str, Any]] = {"article": {}, "shop": {"customers": customers}}
    for name, changes in sources.items():
        content = read_definition(BUILT_IN / f"{name}.yaml").model_dump(mode="json")
        content["source"] |= changes
        night = Night(
            run_id=name,
            definition=Definition.model_validate(content),
            as_of=date(2026, 1, 31),
            source=None,
            store=folder / "store",
            force=False,
        )
        pages[name] = Path(run_night(night).report_path)
    return pages


def main() -> None:
    """Print a line for each page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("pages", type=Path, nargs="*")
    parser.add_argument("--customers", type=int, default=1_000_000, help="of the simulated shop")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    from playwright.sync_api import sync_playwright

    print(format_setting())
    print(format_head("page", "bytes", "elements", "points", "script, CPU s", "of an empty page"), flush=True)
    with tempfile.TemporaryDirectory(prefix="resegment-page-") as folder, sync_playwright() as playwright:
        pages = {path.stem: path for path in options.pages} or make_pages(Path(folder), options.customers)
        browser = playwright.chromium.launch(executable_path=look_up_browser(None))
        empty = measure_page(browser, write_empty(Path(folder)), options.repeats)
        for name, path in pages.items():
            work = measure_page(browser, path, options.repeats)
            counts = (f"{work.size:,}", f"{work.nodes:,}", f"{work.points:,}")
            ratio = f"{work.script_s / empty.script_s:.2f} times"
            print(format_row(name, *counts, f"{work.script_s:.2f}", ratio), flush=True)
        browser.close()


if __name__ == "__main__":
    main()
