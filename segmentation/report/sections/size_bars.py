"""Bars of segment sizes as a small SVG, for artifacts in the Prefect UI, which run no scripts.

The same input gives the same bytes. Figures of the report are drawn by plotly.js.
"""

import base64
from collections.abc import Sequence

from segmentation.report.palette import segment_colour

_BAR_HEIGHT, _ROW_HEIGHT, _BAR_START, _WIDTH = 16, 24, 46, 520
_LABEL_WIDTH = 130
_TEXT_COLOUR = "#7a7a7a"  # readable on white and on black: the UI has a light and a dark theme


def draw_size_bars(sizes: Sequence[tuple[str, int]]) -> str:
    """An SVG with a bar for each (segment id, customers), in the colours of the segments.

    >>> draw_size_bars([("S01", 30), ("S02", 10)]).count("<rect")
    2
    """
    total, largest = sum(size for _, size in sizes), max((size for _, size in sizes), default=0)
    max_length = _WIDTH - _BAR_START - _LABEL_WIDTH
    bars = []
    for row, (segment_id, size) in enumerate(sizes):
        top = row * _ROW_HEIGHT + 4
        length = max(1, round(max_length * size / largest)) if largest else 1
        bars.append(
            f'<text x="0" y="{top + 13}">{segment_id}</text>'
            f'<rect x="{_BAR_START}" y="{top}" width="{length}" height="{_BAR_HEIGHT}" rx="2" '
            f'fill="{segment_colour(segment_id)}"/>'
            f'<text x="{_BAR_START + length + 8}" y="{top + 13}">{size:,} ({size / max(total, 1):.1%})</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{len(sizes) * _ROW_HEIGHT + 4}" '
        f'font-family="sans-serif" font-size="13" fill="{_TEXT_COLOUR}">{"".join(bars)}</svg>'
    )


def to_data_uri(svg: str) -> str:
    """An SVG as a data URI."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"
