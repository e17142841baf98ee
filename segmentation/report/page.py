"""One page as bytes: its frame, its content security policy, and the style sheets and scripts in it.

The same input gives the same bytes, and a page loads nothing. What the report shows is in report_page.py;
the frame's markup is templates/page.html.j2.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from segmentation.report.figure import Figure
from segmentation.report.palette import render_colour_rules
from segmentation.report.templating import get_environment


class PageFrame(NamedTuple):
    """What templates/page.html.j2 needs around the body of a page."""

    title: str
    policy: Markup
    style: Markup
    figures: dict[str, dict[str, Any]]
    scripts: Sequence[Markup]


def render_page(
    template: str, title: str, figures: Sequence[Figure] = (), stylesheet: str | None = None, **view: object
) -> bytes:
    """A template as a page that works offline: same input, same bytes.

    template: a file that extends page.html.j2. view: what it shows. figures: those that report.js draws.
    stylesheet: a file next to this module, for pages that need more than report.css.
    """
    scripts = [read_plotly(), _read_text("report.js")] if figures else []
    # One style block, because each needs a hash of its own in the policy.
    style = _read_text("report.css") + render_colour_rules() + (_read_text(stylesheet) if stylesheet else "")
    # Markup is made only here: of the project's own files, and of their hashes.
    frame = PageFrame(
        title=title,
        policy=Markup(_make_policy(style, scripts)),  # noqa: S704
        style=Markup(style),  # noqa: S704
        figures={figure.id: figure.content for figure in figures},
        scripts=[Markup(script) for script in scripts],  # noqa: S704
    )
    return get_environment().get_template(template).render(page=frame, **view).encode()


def _make_policy(style: str, scripts: Sequence[str]) -> str:
    """The content security policy: only these inline blocks, and nothing from elsewhere."""
    # plotly.js sets empty style elements and its map styles when it starts.
    plotly_styles = ["", *_list_plotly_styles()] if scripts else [""]
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_list_hashes(scripts)}",
            f"style-src {_list_hashes([style, *plotly_styles])}",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _list_hashes(blocks: Sequence[str]) -> str:
    """The hashes that allow inline blocks in a policy."""
    digests = (base64.b64encode(hashlib.sha256(block.encode()).digest()).decode() for block in blocks)
    return " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"


@cache
def _list_plotly_styles() -> list[str]:
    """Style sheets for maps that plotly.js adds on start. Without their hashes the console shows errors."""
    # Read from plotly.js itself, so the hashes follow its version.
    return re.findall(r"\.textContent='([^'\\]*maplibregl[^'\\]*)'", read_plotly())


@cache
def read_plotly() -> str:
    """plotly.js as shipped in its package.

    `plotly.offline.get_plotlyjs` reads the same file, but importing it takes longer than rendering the page.
    """
    return files("plotly").joinpath("package_data", "plotly.min.js").read_text(encoding="utf-8")


@cache
def _read_text(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
