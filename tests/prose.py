"""What people read in the project's files: docstrings, comments, messages, pages and templates.

Which words are banned in it is in vocabulary.py.
"""

import ast
import functools
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from tests.source_tree import ROOT, SourceFile, is_sentence, list_all, list_strings

_CODE_IN_TEXT = re.compile(r"```.*?```|`[^`\n]*`|^\s*>>>.*?(?=\n\s*\n|\Z)", re.DOTALL | re.MULTILINE)
_LINK_TARGET = re.compile(r"\]\([^)\s]*\)|https?://\S+")
_TAG = re.compile(r"\{[{%#].*?[}%#]\}|<(?:style|script)\b.*?</(?:style|script)>|<[^<>]*>", re.DOTALL)
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")


@dataclass(frozen=True)
class Passage:
    """A piece of prose, and where it starts."""

    path: str
    line: int
    text: str

    def count_words(self) -> int:
        """Words of the passage."""
        return len(_WORD.findall(self.text))

    def list_matches(self, pattern: str) -> Iterator[str]:
        """Places of a pattern, whole words only, in upper or lower case, also across a line's end."""
        spaced = pattern.replace(" ", r"\s+")
        for match in re.finditer(rf"(?<![\w-])(?:{spaced})(?![\w-])", self.text, re.IGNORECASE):
            line = self.line + self.text.count("\n", 0, match.start())
            yield f"{self.path}:{line} {' '.join(match[0].split())}"


def blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with what matches the pattern blanked out, so that its line numbers stay."""
    return pattern.sub(lambda match: "\n" * match[0].count("\n") or " ", text)


def list_passages_of_code(file: SourceFile) -> Iterator[Passage]:
    """Docstrings, sentences in strings, and blocks of comments. Code in backticks or doctests is left out."""
    docstrings = {
        id(node.body[0].value)
        for node in file.nodes
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node, text in list_strings(file):
        if id(node) in docstrings or is_sentence(text):
            yield Passage(file.path, node.lineno, blank(_CODE_IN_TEXT, text))
    for line, text in list_comments(file):
        yield Passage(file.path, line, blank(_CODE_IN_TEXT, text))


def list_comments(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Line and text of each comment; comments on lines that follow one another are one."""
    lines: list[str] = []
    start = 0
    for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
        if token.type == tokenize.COMMENT:
            if lines and token.start[0] != start + len(lines):
                yield start, "\n".join(lines)
                lines = []
            start = start if lines else token.start[0]
            lines.append(token.string.lstrip("# "))
    if lines:
        yield start, "\n".join(lines)


def read_page(path: str, text: str) -> Passage:
    """A Markdown page or a template without its code, links and tags."""
    for pattern in (_CODE_IN_TEXT, _LINK_TARGET, _TAG):
        text = blank(pattern, text)
    return Passage(path, 1, text)


@functools.cache
def list_passages() -> tuple[Passage, ...]:
    """All prose of the project: code, tests, benchmarks, pages, templates, configuration comments."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "bench").glob("*.md")]
    paths += [path for folder in ("segmentation", "deployments") for path in (ROOT / folder).rglob("*.j2")]
    passages = [passage for file in list_all() for passage in list_passages_of_code(file)]
    for path in sorted(paths):
        passages.append(read_page(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
    return tuple(passages)
