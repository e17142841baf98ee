"""A page: what is escaped, what its policy allows, and the same bytes each time."""

import base64
import hashlib
import json
import re

import pytest
from jinja2 import UndefinedError
from markupsafe import escape

from segmentation.report.figure import Figure, Table, escape_label
from segmentation.report.formatting import format_number
from segmentation.report.line_breaks import mark_breaks
from segmentation.report.page import read_plotly, render_page
from segmentation.report.templating import get_environment

FRAME = "page.html.j2"
PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><style>*{background:url(http://evil.example)}</style>',
    "<a href='javascript:alert(1)'>x</a>",
    "&lt;b&gt;",
]
POINTS = Figure(
    "points", {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4]}], "layout": {}}, "two points"
)


def render_macro(call: str, **values: object) -> str:
    """A macro's markup: `data_table(table)`."""
    name = call.split("(")[0]
    source = f'{{% from "macros.html.j2" import {name} %}}{{{{ {call} }}}}'
    return get_environment().from_string(source).render(**values)


def read_policy(page: str) -> str:
    """The page's content security policy."""
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    return policy[1]


def hash_block(block: str) -> str:
    """An inline block as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(block.encode()).digest()).decode()}'"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_tables_escape(payload: str) -> None:
    """No cell, header or name brings markup of its own into the page."""
    html = render_macro("data_table(table)", table=Table(payload, [payload], [[payload]], is_text=True))
    content = re.sub(r"</?(div|table|thead|tbody|tr|th|td|span|wbr)( [a-z-]+=\"[^\"<>]*\")*>", "", html)
    assert "<" not in content
    assert ">" not in content


@pytest.mark.parametrize("payload", PAYLOADS)
def test_marks_of_breaks_change_no_text(payload: str) -> None:
    """Without its marks, a text is the one that would be there without them, escaped."""
    text = f"{payload} 2026-01-31 a_b_c_d_e_f_g_h_i {'x' * 40}"
    marks = r'<wbr>|<span class="(?:n|long)">|</span>'
    assert re.sub(marks, "", str(mark_breaks(text))) == str(escape(text))


@pytest.mark.parametrize(
    "number", ["2,077", "28.3%", "2026-01-31", "1.6e-06", "\N{MINUS SIGN}1,234.5", "10/20"]
)
def test_numbers_have_no_mark_inside(number: str) -> None:
    """No break is offered inside a number, and one with a hyphen is kept together."""
    html = str(mark_breaks(f"total_revenue_of_customers {number}"))
    assert number in html.replace("&#43;", "+")
    assert ('<span class="n">' in html) == bool(re.search(r"\d[-/]|e-", number))


def test_direction_controls_are_visible() -> None:
    """An override that would reverse the rest of a line shows as a replacement character."""
    html = render_macro("data_table(table)", table=Table("t", ["a\u202eb"], [["\u2066c"]]))
    assert "a\N{REPLACEMENT CHARACTER}b" in html
    assert "\N{REPLACEMENT CHARACTER}c" in html
    assert escape_label("a\u202eb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_labels_escape_markup_but_not_quotes(payload: str) -> None:
    """Labels of figures hold no tag that plotly.js would take as a link or a style."""
    assert not set("<>") & set(escape_label(payload))
    assert escape_label('O\'Neil "A"') == 'O\'Neil "A"'


@pytest.mark.parametrize("payload", PAYLOADS)
def test_only_the_pages_scripts_run(payload: str) -> None:
    """The policy names every script of the page, and a payload in a title or a figure is not a script."""
    trace = {"type": "scatter", "x": [1], "y": [2], "name": escape_label(payload), "text": [payload]}
    figure = Figure("points", {"data": [trace], "layout": {}}, payload, None, payload)
    page = render_page(FRAME, payload, [figure]).decode()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    assert len(re.findall(r"<script\b", page)) - sum(script.count("<script") for script in scripts) == 3
    directive = next(part for part in read_policy(page).split("; ") if part.startswith("script-src"))
    assert directive == "script-src " + " ".join(map(hash_block, scripts))
    assert "default-src 'none'" in read_policy(page)
    assert payload not in page.split("<body>")[0] or payload == "&lt;b&gt;"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_figures_escape(payload: str) -> None:
    """A figure's title and alternative text are text."""
    html = render_macro("plot(figure)", figure=Figure("points", {}, payload, None, payload))
    content = re.sub(r"</?(figure|figcaption|div|span|wbr)( [a-z-]+=\"[^\"<>]*\")*>", "", html)
    assert not set("<>") & set(content)


def test_page_loads_nothing() -> None:
    """Outside of its scripts the page has no source, stylesheet or import."""
    page = re.sub(r"<script>.*?</script>", "", render_page(FRAME, "t", [POINTS]).decode(), flags=re.DOTALL)
    assert not re.search(r"https?://|@import|<link|src=", page)


def test_page_is_byte_stable() -> None:
    """Rendering twice gives the same bytes, figures included."""
    assert render_page(FRAME, "t", [POINTS]) == render_page(FRAME, "t", [POINTS])


def test_page_without_body_is_complete() -> None:
    """A page without content has a title and an end, and no script."""
    page = render_page(FRAME, "only <a> title").decode()
    assert "<title>only &lt;a&gt; title</title>" in page
    assert page.endswith("</html>\n")
    assert "script-src 'none'" in read_policy(page)
    assert "<script" not in page


def test_unknown_names_are_errors() -> None:
    """A template that names a value it was not given fails instead of leaving a gap."""
    with pytest.raises(UndefinedError, match="nobody"):
        get_environment().from_string("{{ nobody }}").render()


def test_table_without_rows_has_a_header() -> None:
    """A table of no rows keeps its header; cells of any type are shown as text."""
    assert '<th scope="col">A</th>' in render_macro("data_table(table)", table=Table("t", ["A"], []))
    table = Table("t", ["A", "B"], [[3, None]])
    assert '<th scope="row">3</th><td>None</td>' in render_macro("data_table(table)", table=table)


def test_styles_are_allowed_by_hash_only() -> None:
    """The policy names the page's style sheet by its hash, and no element has a style attribute."""
    page = render_page(FRAME, "t", [POINTS]).decode()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert f"style-src {hash_block(style[1])}" in read_policy(page)
    assert "unsafe" not in read_policy(page)
    assert " style=" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("payload", [*PAYLOADS, "<!-- <script>", "\u2028"])
def test_data_cannot_end_their_script(payload: str) -> None:
    """Figures' data are JSON that reads back unchanged, without a character that means something to HTML."""
    page = render_page(FRAME, "t", [Figure("points", {"a": payload}, "")]).decode()
    data = page.split('<script type="application/json" id="figures">')[1].split("</script>")[0]
    assert not set("<>&") & set(data)
    assert json.loads(data) == {"points": {"a": payload}}


def test_plotly_is_the_packages() -> None:
    """The script in the page is the one that plotly itself would put there."""
    from plotly.offline import get_plotlyjs

    assert read_plotly() == get_plotlyjs()


def test_not_a_number_is_refused() -> None:
    """NaN, which JSON cannot express, raises ValueError instead of breaking the page."""
    with pytest.raises(ValueError, match="JSON"):
        render_page(FRAME, "t", [Figure("points", {"y": [float("nan")]}, "")])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"),
        (1234567.8, "1,234,568"),
        (9999.94, "9,999.9"),
        (103.75, "103.75"),
        (-1234.5678, "-1,234.6"),
        (0.00012345, "0.00012345"),
        (1e-12, "1e-12"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_numbers_have_five_digits(value: float, expected: str) -> None:
    """Numbers have at most five significant digits, or all before the point, with thousands separated."""
    assert format_number(value) == expected


def test_text_is_not_a_number() -> None:
    """Text instead of a number raises TypeError."""
    with pytest.raises(TypeError):
        format_number("7")  # type: ignore[arg-type]
