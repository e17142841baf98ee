"""A report parsed for tests: texts by element, ids, and the data of its figures."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from schemas.night import Published


class ReportPage(HTMLParser):
    """The report of an edition. texts: with the tag of the element around each.

    html: without scripts, and without the marks of where lines may break (line_breaks.py).
    """

    def __init__(self, published: Published) -> None:
        super().__init__()
        self.bytes = Path(published.report_path).read_bytes()
        html = re.sub(r"<script>.*?</script>", "", self.bytes.decode(), flags=re.DOTALL)
        self.html = re.sub(r'<wbr>|<span class="(?:n|long)">([^<]*)</span>', r"\1", html)
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element."""
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        """Close an element and the void elements in it."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Record a text with the tag around it."""
        if self.open:
            self.texts.append((self.open[-1], data))

    def list_texts(self, tag: str) -> list[str]:
        """The texts directly inside elements of a tag."""
        return [text.strip() for parent, text in self.texts if parent == tag and text.strip()]

    @property
    def words(self) -> str:
        """All visible texts, in one line."""
        visible = (text for parent, text in self.texts if parent not in ("style", "script"))
        return " ".join(" ".join(visible).split())

    @property
    def data(self) -> dict[str, Any]:
        """The figures' data by id."""
        element = re.search(
            r'<script type="application/json" id="figures">(.*?)</script>', self.html, re.DOTALL
        )
        content: dict[str, Any] = json.loads(element[1]) if element else {}
        return content
