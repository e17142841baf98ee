"""Markdown for the Prefect UI: cells and tables in which data cannot act as markup.

What is shown is decided in artifacts.py and flows/.
"""

from collections.abc import Iterable, Sequence
from html import escape


def escape_cell(text: object) -> str:
    """Text that is neither HTML nor Markdown when the UI renders it."""
    escaped = escape(str(text), quote=False)
    return "".join("\\" + mark if mark in "\\`*_[]()|#!~" else mark for mark in escaped).replace("\n", " ")


def format_table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str) -> list[str]:
    """The lines of a Markdown table; cells are taken as they are. align: l or r for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return [f"| {' | '.join(map(str, row))} |" for row in (header, rule, *rows)]
