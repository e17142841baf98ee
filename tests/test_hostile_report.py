"""Hostile texts in the data: report and index show them as text, and nothing is run or fetched."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pytest

from config.definition import Definition
from segmentation.identity.given_names import name_segment
from segmentation.report.index.index_refresh import write_index
from tests.browser import OpenPage, open_page
from tests.nights import PLAN
from tests.reports import run_one_night

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.timeout(600)
COLUMN = "spend &copy (a,b) #1 %d"  # as odd as the name of a column may be
REASON = "sent &reg back, +1+1 is #2 %s"  # or a quarantine reason
RIGHT_TO_LEFT = "\u202e\u05e9\u05dc\u05d5\u05dd gnp.exe"
# What this project's pages never contain.
FORBIDDEN_ELEMENTS = (
    "main img, main iframe, object, embed, link, base, form, video, audio, a[href*='://'], "
    "a[href^='javascript'], main script, main style, [onload], [onerror], [onclick], [onmouseover], "
    "svg a, svg image[href*='://'], [style*='url(h']"
)


class Canary(NamedTuple):
    """A local server that no page may contact, and the paths that were requested."""

    url: str
    hits: list[str]


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    """The server, while this module's tests run."""
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield Canary(f"http://127.0.0.1:{server.server_port}", hits)
    server.shutdown()
    thread.join()
    server.server_close()


def list_payloads(url: str) -> list[str]:
    """Markup, scripts, styles, links, formulas, template syntax and reversed text."""
    return [
        f"<script>window.fired=1;fetch('{url}/script')</script>",
        f"</script><script src={url}/src></script><!--",
        f"<img src={url}/img onerror=window.fired=2>",
        f"\"><svg/onload=fetch('{url}/svg')>",
        f"<style>@import '{url}/css';*{{background:url({url}/bg)}}</style>",
        f"<a href='{url}/link'>here</a>",
        "<a href='javascript:window.fired=3'>there</a>",
        f"<span style='background:url({url}/span)'>x</span>",
        f'<iframe srcdoc="<img src={url}/frame>"></iframe>',
        f'=HYPERLINK("{url}/formula","x")',
        f"[x]({url}/markdown) ![x]({url}/picture)",
        "%{customdata} {{7*7}} ${7*7} <%= 7*7 %>",
        "&lt;b&gt; &amp;amp; &#x3C;i>",
        RIGHT_TO_LEFT,
    ]


class Hostile(NamedTuple):
    """A night with hostile texts: its report, the index of its editions, and the texts."""

    report: Path
    index_page: Path
    payloads: list[str]


@pytest.fixture(scope="module")
def hostile(canary: Canary, tmp_path_factory: pytest.TempPathFactory) -> Hostile:
    """The texts are levels, ids, units, descriptions and names, also in refused rows."""
    folder = tmp_path_factory.mktemp("hostile")
    payloads = list_payloads(canary.url)
    levels = payloads[:12]
    rows = [
        (f"{payloads[i % len(payloads)]}{i}", 100.0 + 300 * (i % 3) + i % 7, levels[i % len(levels)])
        for i in range(600)
    ]
    rows += [
        (payloads[0], -5.0, payloads[1]),
        ("far", 9000.0, payloads[1]),
        (payloads[4], 1.0, f"{payloads[2]} not a level"),
    ]
    source = folder / "customers.csv"
    pd.DataFrame(rows, columns=["id", COLUMN, "kind"]).to_csv(source, index=False)
    columns: dict[str, Any] = {
        COLUMN: {"type": "float", "ge": 0, "unit": payloads[2], "description": payloads[3]},
        "kind": {"type": "category", "isin": levels, "unit": payloads[5], "description": payloads[4]},
    }
    plan = {
        **PLAN,
        "description": " ".join((payloads[1], payloads[4], RIGHT_TO_LEFT))[:500],
        "rows": {
            "id": "id",
            "columns": columns,
            "where": [{"column": COLUMN, "lt": 5000, "reason": REASON}],
        },
        "features": [COLUMN, "kind"],
        "categories": {"rare_share": 0.0},
        "k": {"rule": "fixed", "fixed": 3, "max": 6},
    }
    published = run_one_night(Definition.model_validate(plan), folder, source)
    home = folder / "store" / "planted"
    for segment_id, text in zip(("S01", "S02", "S03"), (payloads[2], payloads[6], payloads[9]), strict=True):
        name_segment(home, segment_id, {"name": text, "owner": payloads[7], "note": payloads[0]}, "ana")
    index = write_index(home)
    assert isinstance(index, Path)
    return Hostile(Path(published.report_path), index, payloads)


def check_harmless(page: OpenPage, canary: Canary) -> None:
    """Unfolding everything and hovering over every figure runs nothing and requests nothing."""
    page.tab.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    for plot in page.tab.query_selector_all(".plot"):
        plot.scroll_into_view_if_needed()
        box = plot.bounding_box()
        for fraction in (0.2, 0.35, 0.5, 0.65, 0.8) if box else ():
            assert box is not None
            page.tab.mouse.move(box["x"] + box["width"] * fraction, box["y"] + box["height"] * fraction)
    page.tab.wait_for_timeout(300)
    assert page.errors == []
    assert page.requests == []
    assert canary.hits == []
    assert page.tab.evaluate("window.fired") is None
    assert (
        page.tab.evaluate(
            "s => [...document.querySelectorAll(s)].map(element => element.outerHTML)", FORBIDDEN_ELEMENTS
        )
        == []
    )


@pytest.mark.parametrize("width", [1280, pytest.param(390, marks=pytest.mark.slow)])
def test_the_report_shows_hostile_texts_as_text(
    browser: "Browser", hostile: Hostile, canary: Canary, width: int
) -> None:
    """Levels, units, descriptions and reasons are plain text on the page, in figures and in hover texts."""
    page = open_page(browser, hostile.report, width)
    page.tab.wait_for_selector("html[data-ready=yes]", state="attached", timeout=60_000)
    check_harmless(page, canary)
    assert page.overflow() == 0
    words = page.tab.inner_text("body")
    assert COLUMN in words and REASON in words
    for payload in (hostile.payloads[1], hostile.payloads[2], hostile.payloads[9]):
        assert payload in words
    page.close()


def test_the_report_has_no_id_and_no_refused_value(hostile: Hostile) -> None:
    """Customer ids and values of refused rows are in the edition's tables, but not on the page."""
    content = hostile.report.read_text()
    assert "not a level" not in content
    assert f"{RIGHT_TO_LEFT}13" not in content and "fired=1;fetch" not in content.split("<main")[0]


def test_the_index_shows_hostile_texts_as_text(browser: "Browser", hostile: Hostile, canary: Canary) -> None:
    """Given names, owners and descriptions are plain text in the index."""
    for path in (hostile.index_page, hostile.index_page.parents[1] / "index.html"):
        page = open_page(browser, path, 390)
        check_harmless(page, canary)
        assert page.overflow() == 0
        assert hostile.payloads[4] in page.tab.inner_text("body")
        page.close()
    words = open_page(browser, hostile.index_page).tab.inner_text("body")
    assert hostile.payloads[2] in words and hostile.payloads[7] in words


def test_the_payloads_are_dangerous(browser: "Browser", canary: Canary, tmp_path: Path) -> None:
    """Unescaped, the same texts run and fetch, and the checks above notice."""
    page_path = tmp_path / "page.html"
    page_path.write_text("<main>" + "\n".join(list_payloads(canary.url)[2:8]) + "</main>")
    page = open_page(browser, page_path)
    page.tab.wait_for_timeout(300)
    assert {"/img", "/svg", "/css"} <= set(canary.hits)
    assert page.requests
    assert page.tab.evaluate("s => document.querySelectorAll(s).length", FORBIDDEN_ELEMENTS) >= 4
    canary.hits.clear()
