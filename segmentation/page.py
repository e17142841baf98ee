"""The report as one HTML page: escaped, offline, the same bytes for the same input.

What is told belongs in tasks/report.py; here texts, tables and figures become a page. Scripts run
only if their hash is in the page's content security policy, and nothing is fetched.
"""

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, NamedTuple

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
       background: Canvas; color: CanvasText; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid #8886; text-align: right; }
th:first-child, td:first-child, .words th, .words td { text-align: left; }
.figure { background: #fff; border-radius: 6px; overflow: hidden; margin: .5rem 0; }
.lead { font-size: 1.1rem; } .held { color: #b3261e; font-weight: 600; }
"""


class Figure(NamedTuple):
    """A figure for plotly.js under a fixed id, which keeps the page's bytes the same."""

    id: str
    content: dict[str, Any]
    height: int


def table(header: Sequence[str], rows: Iterable[Sequence[object]], words: bool = False) -> str:
    """An HTML table; every cell is escaped. `words`: cells are text rather than numbers."""
    head = "".join(f'<th scope="col">{escape(str(cell))}</th>' for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    kind = ' class="words"' if words else ""
    top = f"<thead><tr>{head}</tr></thead>\n<tbody>\n"
    return f'<div class="wide"><table{kind}>{top}{body}</tbody></table></div>'


def paragraph(text: str, kind: str = "") -> str:
    """An escaped paragraph."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def label(text: object) -> str:
    """Text for a plotly label, which would otherwise take links and styles as markup."""
    return escape(str(text), quote=False)


def number(value: float) -> str:
    """A number for people: at most five significant digits, thousands separated by commas.

    >>> number(1234567.8), number(103.75), number(0.00012345)
    ('1,234,568', '103.75', '0.00012345')
    """
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.5g}" if abs(value) >= 0.001 or value == 0 else f"{value:.5g}"


def render(title: str, sections: Sequence[str | Figure]) -> bytes:
    """The page: sections in order, each figure drawn by its own hashed script, after plotly.js itself."""
    from plotly.io import to_json
    from plotly.offline import get_plotlyjs

    scripts = [get_plotlyjs()] if any(isinstance(one, Figure) for one in sections) else []
    body = []
    for section in sections:
        if isinstance(section, str):
            body.append(section)
            continue
        body.append(f'<div class="figure" id="{section.id}" style="height:{section.height}px"></div>')
        drawing = to_json(section.content, validate=False).replace("</", "<\\/")
        scripts.append(
            f'{{const f={drawing};Plotly.newPlot("{section.id}",f.data,f.layout,'
            "{responsive:true,displaylogo:false});}"
        )
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts) or "'none'"
    policy = (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    tags = "\n".join(f"<script>{script}</script>" for script in scripts)
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
        *body,
        tags,
        "</body>\n</html>\n",
    ]
    return "\n".join(parts).encode()


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
