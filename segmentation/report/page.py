"""The report as one HTML page: escaped, offline, the same bytes for the same input.

What is told belongs in tasks/report.py; here texts, tables and figures become a page. Its look is report.css,
what moves in it report.js, both beside this file. Scripts run only if their hash is in the page's content
security policy, and nothing is fetched.
"""

import base64
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from segmentation.report.palette import style_colours

# Embeddings, overrides and isolates; letters of either direction need none of them.
_TURNING = dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\N{REPLACEMENT CHARACTER}")


class Markup(str):
    """HTML whose texts are escaped already."""

    __slots__ = ()


class Figure(NamedTuple):
    """A figure for plotly.js under a fixed id, which keeps the page's bytes the same.

    alt: what it shows, for who cannot see it. table: the same numbers, as HTML.
    """

    id: str
    content: dict[str, Any]
    alt: str
    table: str = ""
    title: str = ""


def plain(content: object) -> str:
    """Text in which nothing turns the direction of what follows it: such characters show as replaced."""
    return str(content).translate(_TURNING)


def text(content: object) -> Markup:
    """Escaped text."""
    return content if isinstance(content, Markup) else Markup(escape(plain(content)))


def table(
    header: Sequence[str], rows: Iterable[Sequence[object]], words: bool = False, name: str = ""
) -> str:
    """An HTML table in a box of its own that scrolls; every cell but Markup is escaped.

    `words`: cells are text rather than numbers. `name`: what the table is, for screen readers. The first
    cell of a row is its heading.
    """
    head = "".join(f'<th scope="col">{text(cell)}</th>' for cell in header)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td>{text(cell)}</td>" if i else f'<th scope="row">{text(cell)}</th>'
            for i, cell in enumerate(row)
        )
        + "</tr>\n"
        for row in rows
    )
    kind = ' class="words"' if words else ""
    top = f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
    said = text(name or ", ".join(map(str, header[:3])))
    region = f'<div class="wide" role="region" tabindex="0" aria-label="{said}">'
    return f"{region}<table{kind}>{top}{body}</tbody></table></div>"


def paragraph(content: str, kind: str = "") -> str:
    """An escaped paragraph."""
    return f'<p class="{kind}">{text(content)}</p>' if kind else f"<p>{text(content)}</p>"


def details(summary: str, content: str) -> str:
    """Something to unfold; printed unfolded."""
    return f"<details><summary>{text(summary)}</summary>{content}</details>"


def label(content: object) -> str:
    """Text for a plotly label, which would otherwise take links and styles as markup."""
    return escape(plain(content), quote=False)


def number(value: float) -> str:
    """A number for people: at most five significant digits, thousands separated by commas.

    >>> number(1234567.8), number(103.75), number(0.00012345)
    ('1,234,568', '103.75', '0.00012345')
    """
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.5g}" if abs(value) >= 0.001 or value == 0 else f"{value:.5g}"


def draw_frame(figure: Figure) -> str:
    """The place of a figure: its title, itself, and its table to unfold."""
    title = f'<figcaption id="{figure.id}-title">{text(figure.title)}</figcaption>' if figure.title else ""
    drawn = f'<div class="plot" id="{figure.id}" role="img" aria-label="{text(figure.alt)}"></div>'
    numbers = details("The same as a table", figure.table) if figure.table else ""
    return f'<figure class="chart">{title}{drawn}{numbers}</figure>'


def to_script(content: object) -> str:
    """JSON for a script element that is never run: nothing in it can end that element."""
    compact = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return compact.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def render(title: str, sections: Sequence[str | Figure], sheet: str | None = None) -> bytes:
    """The page: sections in order, each figure's data as JSON, drawn by the one script of report.js.

    sheet: a style sheet beside this file, for a page that needs more than report.css.
    """
    figures = [one for one in sections if isinstance(one, Figure)]
    scripts = [read_plotly(), _read("report.js").encode()] if figures else []
    style = (_read("report.css") + style_colours() + (_read(sheet) if sheet else "")).encode()
    data = {one.id: one.content for one in figures}
    hold = f'<script type="application/json" id="figures">{to_script(data)}</script>' if figures else ""
    policy = "; ".join(
        (
            "default-src 'none'",
            f"script-src {_sources(scripts)}",
            f"style-src {_sources([style, b'', *(_inner_styles() if figures else ())])}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    parts: list[str | bytes] = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="referrer" content="no-referrer">',
        f"<title>{escape(title)}</title>",
        b"<style>" + style + b"</style>\n</head>\n<body>",
        *(draw_frame(one) if isinstance(one, Figure) else one for one in sections),
        hold,
        *(b"<script>" + script + b"</script>" for script in scripts),
        "</body>\n</html>\n",
    ]
    return b"\n".join(one if isinstance(one, bytes) else one.encode() for one in parts)


def _sources(blocks: Sequence[bytes]) -> str:
    """The hashes by which a policy allows these inline blocks."""
    return " ".join(f"'sha256-{_digest(block)}'" for block in blocks) or "'none'"


def _digest(block: bytes) -> str:
    return base64.b64encode(hashlib.sha256(block).digest()).decode()


@cache
def read_plotly() -> bytes:
    """plotly.js as its package brings it along: the file that its own get_plotlyjs reads.

    Importing what defines that function takes longer than the rest of the page.
    """
    return files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()


@cache
def _inner_styles() -> list[bytes]:
    """Style sheets that plotly.js brings along and adds as it starts, for maps: allowed, so that a reader of
    the console sees no complaint. What else it styles, it does by rules that need no leave."""
    return re.findall(rb"\.textContent='([^'\\\\]*maplibregl[^'\\\\]*)'", read_plotly())


@cache
def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
