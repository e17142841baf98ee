"""One word for one thing: docs/glossary.md against the other pages, the templates and the command."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GLOSSARY = ROOT / "docs" / "glossary.md"


def list_words() -> list[str]:
    """The words that the glossary explains."""
    definitions = GLOSSARY.read_text(encoding="utf-8").split("## Words to avoid")[0]
    return [
        word
        for word in re.findall(r"^\| ([^|]+) \|", definitions, re.MULTILINE)
        if word not in ("word", "---")
    ]


def list_words_to_avoid() -> list[str]:
    """The second column of the table under `Words to avoid`."""
    table = GLOSSARY.read_text(encoding="utf-8").split("## Words to avoid")[1]
    cells = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", table, re.MULTILINE)
    return [phrase for cell in cells if cell not in ("not", "---") for phrase in cell.split(", ")]


def get_line_with(phrase: str, text: str) -> str | None:
    """The line of a text that contains a phrase as whole words, in any case; None without one."""
    pattern = re.compile(rf"(?<!\w){re.escape(phrase)}(?!\w)".replace(r"\ ", r"\s+"), re.IGNORECASE)
    match = pattern.search(text)
    return text[match.start() :].splitlines()[0] if match else None


def list_pages() -> Iterator[Path]:
    """The README and every page of docs/ except the glossary."""
    yield ROOT / "README.md"
    yield from (page for page in sorted((ROOT / "docs").rglob("*.md")) if page != GLOSSARY)


def list_texts() -> Iterator[tuple[Path, str]]:
    """Whatever people read: pages, the report's templates without their code, texts of the command."""
    for page in list_pages():
        yield page, page.read_text(encoding="utf-8")
    for template in sorted((ROOT / "segmentation" / "report" / "templates").rglob("*.j2")):
        yield (
            template,
            re.sub(r"\{[{%#].*?[}%#]\}", "", template.read_text(encoding="utf-8"), flags=re.DOTALL),
        )
    for module in sorted((ROOT / "resegment").glob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        constants = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        yield module, "\n".join(value for value in constants if isinstance(value, str))


@pytest.mark.parametrize("word", list_words())
def test_every_word_of_the_glossary_is_used(word: str) -> None:
    """A word that no other page uses is not worth explaining."""
    assert any(get_line_with(word, page.read_text(encoding="utf-8")) for page in list_pages())


@pytest.mark.parametrize("phrase", list_words_to_avoid())
def test_words_to_avoid_appear_nowhere(phrase: str) -> None:
    """Pages, templates and command texts use the glossary's word, not its synonym."""
    hits = {str(path.relative_to(ROOT)): get_line_with(phrase, text) for path, text in list_texts()}
    assert not {path: line for path, line in hits.items() if line}


def test_a_planted_synonym_is_noticed() -> None:
    """Line breaks and capitals do not hide a phrase; longer words and column names are not it."""
    assert get_line_with("set aside", "The later ones are Set\naside by it.") == "Set"
    assert get_line_with("weigh", "`weights` and weighing") is None
    assert get_line_with("recall", "the column rule_recall") is None


def test_the_glossary_lists_words_and_words_to_avoid() -> None:
    """An empty list, from a table that was renamed, would let every check pass."""
    assert {"edition", "night", "as_of", "held", "excluded", "superseded"} <= set(list_words())
    assert {"set aside", "weigh"} <= set(list_words_to_avoid())
