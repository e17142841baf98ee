"""Figures for plotly.js, and tables. Their markup is in templates/macros.html.j2."""

from collections.abc import Sequence
from html import escape
from typing import Any, NamedTuple

from segmentation.report.templating import replace_bidi_controls


class Table(NamedTuple):
    """Rows of cells, escaped by the template. `name` is read by screen readers.

    is_text: cells are words, so they are aligned left.
    """

    name: str
    header: Sequence[str]
    rows: Sequence[Sequence[object]]
    is_text: bool = False


class Figure(NamedTuple):
    """A figure for plotly.js. The id is fixed, which keeps the page byte-stable.

    alt: what the figure shows, in words. table: the same numbers, for screen readers and for printing.
    """

    id: str
    content: dict[str, Any]
    alt: str
    table: Table | None = None
    title: str = ""


def escape_label(label: object) -> str:
    """Text for a label of a figure: plotly.js would interpret tags in it.

    >>> escape_label("<b>A & B</b>")
    '&lt;b&gt;A &amp; B&lt;/b&gt;'
    """
    # plotly.js drops scripts from labels, but renders links and styles.
    return escape(replace_bidi_controls(str(label)), quote=False)
