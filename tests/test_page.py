"""The report's page: what is escaped, what the policy allows, the same bytes each time."""

import base64
import hashlib
import json
import re

import pytest

from segmentation.report.page import (
    Figure,
    Markup,
    details,
    label,
    number,
    paragraph,
    read_plotly,
    render,
    table,
    to_script,
)

PAYLOADS = [
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    '"><style>*{background:url(http://evil.example)}</style>',
    "<a href='javascript:alert(1)'>x</a>",
    "&lt;b&gt;",
]

EMPTY = Figure("one", {"data": [{"type": "scatter", "x": [1, 2], "y": [3, 4]}], "layout": {}}, "two points")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_tables_and_paragraphs_escape(payload: str) -> None:
    """No cell, header or paragraph brings markup of its own into the page."""
    for html in (table([payload], [[payload]], words=True), paragraph(payload), paragraph(payload, "lead")):
        inner = re.sub(r"</?(div|table|thead|tbody|tr|th|td|p)( [a-z-]+=\"[^\"<>]*\")*>", "", html)
        assert "<" not in inner
        assert ">" not in inner


@pytest.mark.parametrize("payload", PAYLOADS)
def test_labels_escape_markup_but_not_quotes(payload: str) -> None:
    """Labels of figures hold no tag that plotly would take as a link or a style."""
    assert not set("<>") & set(label(payload))
    assert label('O\'Neil "A"') == 'O\'Neil "A"'


@pytest.mark.parametrize("payload", PAYLOADS)
def test_page_with_payloads_runs_only_its_own_scripts(payload: str) -> None:
    """Every script of the page is in its policy, and a payload in a title or figure is no script."""
    trace = {"type": "scatter", "x": [1], "y": [2], "name": label(payload), "text": [payload]}
    figure = Figure("one", {"data": [trace], "layout": {}}, payload, "", payload)
    page = render(payload, [paragraph(payload), figure]).decode()
    scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 2
    assert len(re.findall(r"<script\b", page)) - sum(one.count("<script") for one in scripts) == 3
    hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    directive = next(part for part in policy[1].split("; ") if part.startswith("script-src"))
    assert directive == "script-src " + " ".join(f"'sha256-{one}'" for one in hashes)
    assert "default-src 'none'" in policy[1]
    assert payload not in page.split("<body>")[0] or payload == "&lt;b&gt;"


def test_page_loads_nothing() -> None:
    """The page has no source, stylesheet or import from elsewhere outside of its own scripts."""
    page = render("t", [EMPTY]).decode()
    frame = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"https?://|@import|<link|src=", frame)


def test_page_has_the_same_bytes() -> None:
    """Rendering twice gives the same bytes, figures included."""
    pages = [render("t", [EMPTY, "<p>x</p>"]) for _ in range(2)]
    assert pages[0] == pages[1]


def test_page_without_sections_is_a_page() -> None:
    """A page of nothing has a title and an end."""
    page = render("only <a> title", []).decode()
    assert "<title>only &lt;a&gt; title</title>" in page
    assert page.endswith("</html>\n")


def test_table_without_rows_has_a_header() -> None:
    """No rows leave the header; cells that are no text are shown as text."""
    assert '<th scope="col">A</th>' in table(["A"], [])
    assert '<th scope="row">3</th><td>None</td>' in table(["A", "B"], [[3, None]])


def test_styles_are_allowed_by_hash_only() -> None:
    """The policy names the page's style sheet by its hash, and no element bears a style of its own."""
    page = render("t", [EMPTY]).decode()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert style is not None
    assert policy is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy[1]
    assert "unsafe" not in policy[1]
    assert " style=" not in re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("payload", [*PAYLOADS, "<!-- <script>", "\u2028"])
def test_data_cannot_end_their_script(payload: str) -> None:
    """Data are JSON that reads back as it was, without a character that HTML would take for its own."""
    written = to_script({"a": payload})
    assert not set("<>&") & set(written)
    assert json.loads(written) == {"a": payload}


def test_plotly_is_the_packages_own() -> None:
    """The script in the page is the one that plotly itself would put there."""
    from plotly.offline import get_plotlyjs

    assert read_plotly() == get_plotlyjs().encode()


def test_not_a_number_is_no_data() -> None:
    """NaN, which JSON has not, raises ValueError instead of breaking the page."""
    with pytest.raises(ValueError, match="JSON"):
        to_script([float("nan")])


def test_markup_is_left_as_it_is() -> None:
    """Only what is marked as HTML already is not escaped again."""
    assert "<td><b>x</b></td><td>&lt;b&gt;</td>" in table(["A"], [["r", Markup("<b>x</b>"), "<b>"]])
    assert details("<b>", "<p>x</p>") == "<details><summary>&lt;b&gt;</summary><p>x</p></details>"


@pytest.mark.parametrize(
    ("value", "wanted"),
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
def test_numbers_for_people(value: float, wanted: str) -> None:
    """Numbers have at most five significant digits, or all before the point, and thousands apart."""
    assert number(value) == wanted


def test_text_is_no_number() -> None:
    """Text instead of a number raises TypeError."""
    with pytest.raises(TypeError):
        number("7")  # type: ignore[arg-type]
