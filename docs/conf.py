"""Configuration of the documentation site that `make docs` builds.

The pages stay plain Markdown, so they read the same on a git host. Why Sphinx:
docs/decisions/0023-documentation-site.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).parent

project = "Resegment"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Resegment"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 4  # outputs.md#sweepparquet and the like, as git hosts name headings
nitpicky = True


def add_toctrees(markdown: str) -> str:
    """Add a hidden toctree after each `## shelf`, with the pages that its list links to.

    Git hosts would show a toctree directive as code, so no page contains one.

    >>> print(add_toctrees("# Docs\\n\\n## Start\\n\\n- [First run](start.md): ten minutes"))
    # Docs
    <BLANKLINE>
    ## Start
    <BLANKLINE>
    - [First run](start.md): ten minutes
    <BLANKLINE>
    ```{toctree}
    :hidden:
    :caption: Start
    start.md
    ```
    """
    introduction, *shelves = markdown.split("\n## ")
    sections = [introduction]
    for shelf in shelves:
        caption = shelf.splitlines()[0]
        pages = re.findall(r"^- \[[^]]*\]\(([\w./-]+\.md)\)", shelf, re.MULTILINE)
        toctree = ["```{toctree}", ":hidden:", f":caption: {caption}", *pages, "```"]
        sections.append(shelf.rstrip() + "\n\n" + "\n".join(toctree))
    return "\n## ".join(sections)


def mark_outside_pages(markdown: str, folder: Path) -> str:
    """Turn links to Markdown files outside docs/ into downloads; MyST takes them for missing pages.

    >>> mark_outside_pages("[bench](../bench/README.md#identity), [k](choosing-k.md)", DOCS)
    '[bench](path:../bench/README.md), [k](choosing-k.md)'
    """

    def mark(match: re.Match[str]) -> str:
        outside = not (folder / match["path"]).resolve().is_relative_to(DOCS)
        return f"](path:{match['path']})" if outside else match[0]

    return re.sub(r"\]\((?P<path>(?:\.\./)+[\w./-]+\.md)(?:#[\w-]+)?\)", mark, markdown)


def read_source(app: Sphinx, page: str, source: list[str]) -> None:
    """Handle Sphinx's `source-read` event: `source` holds the page's text and is changed in place."""
    text = mark_outside_pages(source[0], (DOCS / page).parent)
    source[0] = add_toctrees(text) if page in ("index", "decisions/index") else text


def setup(app: Sphinx) -> None:
    """Connect the event handler; Sphinx calls this."""
    app.connect("source-read", read_source)
