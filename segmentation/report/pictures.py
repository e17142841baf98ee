"""Small pictures, drawn by hand as SVG: no library, no customer's value, the same bytes each time.

The report's figures are drawn by plotly.js.
"""

import base64
from collections.abc import Sequence

from segmentation.report.palette import colour_of

_BAR, _ROW, _LEFT, _WIDE = 16, 24, 46, 520
_INK = "#7a7a7a"  # readable on white and on black: the page around decides which


def draw_sizes(sizes: Sequence[tuple[str, int]]) -> str:
    """Bars of segments' sizes, in the segments' colours, as an SVG text. sizes: (segment id, customers).

    >>> draw_sizes([("S01", 30), ("S02", 10)]).count("<rect")
    2
    """
    total, most = sum(size for _, size in sizes), max((size for _, size in sizes), default=0)
    room = _WIDE - _LEFT - 130
    bars = []
    for place, (name, size) in enumerate(sizes):
        top, length = place * _ROW + 4, max(1, round(room * size / most)) if most else 1
        bars.append(
            f'<text x="0" y="{top + 13}">{name}</text>'
            f'<rect x="{_LEFT}" y="{top}" width="{length}" height="{_BAR}" rx="2" fill="{colour_of(name)}"/>'
            f'<text x="{_LEFT + length + 8}" y="{top + 13}">{size:,} ({size / max(total, 1):.1%})</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDE}" height="{len(sizes) * _ROW + 4}" '
        f'font-family="sans-serif" font-size="13" fill="{_INK}">{"".join(bars)}</svg>'
    )


def inline(svg: str) -> str:
    """The picture as a data URI."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
