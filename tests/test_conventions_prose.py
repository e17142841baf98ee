"""The English of docstrings, comments, messages and pages. Phrases to avoid are listed in vocabulary.py."""

from collections.abc import Iterable

import pytest

from tests.prose import Passage, list_passages, list_passages_of_code, read_page
from tests.source_tree import expect_none, parse_snippet
from tests.vocabulary import BANNED_PHRASES, RARE_PHRASES

MOST_RARE = 5  # per 10,000 words; sqlite-utils, structlog, skrub and pudl-archiver have 0.2 to 2.3


def list_phrases(passages: Iterable[Passage], phrases: dict[str, str]) -> list[str]:
    """Where phrases occur, with what to write instead."""
    return [
        f"{match}: {instead}"
        for passage in passages
        for pattern, instead in phrases.items()
        for match in passage.list_matches(pattern)
    ]


def is_own_list(passage: Passage) -> bool:
    """Whether the passage is part of these guards, which have to name what they look for."""
    return passage.path in ("tests/vocabulary.py", "tests/test_conventions_prose.py")


def test_no_banned_phrase() -> None:
    """Words of a translated text, such as `whom`, do not occur in what people read."""
    passages = [passage for passage in list_passages() if not is_own_list(passage)]
    expect_none(list_phrases(passages, BANNED_PHRASES))


def test_rare_phrases_stay_rare() -> None:
    """Phrases that are seldom plain English occur at most five times in 10,000 words."""
    passages = [passage for passage in list_passages() if not is_own_list(passage)]
    rare = list_phrases(passages, RARE_PHRASES)
    words = sum(passage.count_words() for passage in passages)
    rate = 10_000 * len(rare) / words
    assert rate <= MOST_RARE, f"{rate:.1f} per 10,000 of {words} words:\n" + "\n".join(rare)


@pytest.mark.parametrize(
    "code",
    [
        '"""Customers whom it finds."""',
        'def f():\n    """Customers\n    whom it finds."""',
        "x = 1  # whom it finds",
        'raise Refused(f"bad-id: those {n} customers whom the file names")',
        'raise Refused("bad-id: customers whom the file" " names, in two pieces")',
    ],
)
def test_phrases_are_seen_in_code(code: str) -> None:
    """A phrase is seen in docstrings, comments and messages, f-strings included."""
    (file,) = parse_snippet(code)
    (match,) = list_phrases(list_passages_of_code(file), {"whom": "who"})
    assert match.endswith(" whom: who")


@pytest.mark.parametrize(
    "code", ['x = "whom"', "whom = 1", '"""Run `whom` here."""', '"""A.\n\n>>> whom\n"""']
)
def test_code_is_no_prose(code: str) -> None:
    """Identifiers, short strings, code in backticks and doctests are not read as prose."""
    (file,) = parse_snippet(code)
    assert list_phrases(list_passages_of_code(file), {"whom": "who"}) == []


def test_phrases_are_seen_across_lines() -> None:
    """A phrase that a line's end cuts is seen, on the line where it starts."""
    page = read_page(
        "docs/x.md", "# A\n\n```\nis no code\n```\nA line that is\nno row, see [is no](is/no.md).\n"
    )
    assert list_phrases([page], {"is no": "is not"}) == [
        "docs/x.md:6 is no: is not",
        "docs/x.md:7 is no: is not",
    ]
    (comment,) = list_passages_of_code(parse_snippet("# A line that is\n# no row\nx = 1\n")[0])
    assert list_phrases([comment], {"is no": "is not"}) == ["tasks/snippet.py:1 is no: is not"]


def test_tags_are_no_prose() -> None:
    """Tags and expressions of a template are not prose, the text between them is."""
    page = read_page(
        "a.j2", '<p class="whom">{{ whom }}\n{% if whom %}Customers whom it finds{% endif %}</p>'
    )
    assert list_phrases([page], {"whom": "who"}) == ["a.j2:2 whom: who"]
