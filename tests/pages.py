"""A report's page taken apart: its texts by element, its ids, and the data of its figures."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from schemas.records import Published


class Page(HTMLParser):
    """Texts of a page's elements by tag, and all ids."""

    def __init__(self, published: Published) -> None:
        super().__init__()
        self.bytes = Path(published.report_path).read_bytes()
        self.html = re.sub(r"<script>.*?</script>", "", self.bytes.decode(), flags=re.DOTALL)
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element."""
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]

    def handle_endtag(self, tag: str) -> None:
        """Close an element, and those in it that close by themselves."""
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        """Remember a text with the element it is in."""
        if self.open:
            self.texts.append((self.open[-1], data))

    def find(self, tag: str) -> list[str]:
        """The texts directly within this kind of element."""
        return [text.strip() for of, text in self.texts if of == tag and text.strip()]

    @property
    def words(self) -> str:
        """All texts but styles and data, in one line."""
        return " ".join(" ".join(text for of, text in self.texts if of not in ("style", "script")).split())

    @property
    def data(self) -> dict[str, Any]:
        """The figures' data."""
        found = re.search(
            r'<script type="application/json" id="figures">(.*?)</script>', self.html, re.DOTALL
        )
        content: dict[str, Any] = json.loads(found[1]) if found else {}
        return content
