"""Where a line may break: never inside a number or a short word, but in long names at sensible points.

The browser breaks at spaces and after hyphens. It would also break 2026-01-31, and could not break a column
name of sixty characters at all. The templates' filter `breaks` is here; numbers take shape in formatting.py.
"""

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

MAX_WORD = 14  # characters of a word that is never broken
MAX_RUN = 24  # characters without a sensible point, after which a word breaks anywhere
_STEP = 12  # characters between the breaks of such a run, such as a digest
_NUMBER = re.compile(r"[^\w+\-\N{MINUS SIGN}]*[+\-\N{MINUS SIGN}]?\d[\d.,:/\-\N{EN DASH}]*%?\W*")
_HYPHENATED = re.compile(r"([+-]?\d[\d.,:]*(?:e?[/\-\N{EN DASH}]\d[\d.,:]*)+%?)")
_POINTS = re.compile(
    r"(?<=[_./=,;|\\])(?=\w)(?<!\d[.,/])"  # after punctuation, but not after that of a number
    r"|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"  # before a camel's hump
)


def mark_breaks(text: object) -> Markup:
    """Escaped text with `<wbr>` where a long word may break, and numbers with hyphens in one piece.

    >>> str(mark_breaks("total_revenue_per_month on 2026-01-31"))
    'total_<wbr>revenue_<wbr>per_<wbr>month on <span class="n">2026-01-31</span>'
    >>> str(mark_breaks("CustomerLifetimeValue < 1,200"))
    'Customer<wbr>Lifetime<wbr>Value &lt; 1,200'
    """
    if isinstance(text, Markup):
        return text
    return Markup("").join(_mark_token(token) for token in re.split(r"( +)", str(text)))


def wrap_label(text: str, width: int = 34) -> list[str]:
    """Lines of at most about `width` characters, for labels that a figure would cut.

    >>> wrap_label("revenue (GBP)"), wrap_label("total_revenue_of_the_last_twelve_months (EUR)")
    (['revenue (GBP)'], ['total_revenue_of_the_last_twelve_', 'months (EUR)'])
    """
    lines = [""]
    for word in re.split(r"(?<= )", text):
        for piece in split_word(word):
            if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > width:
                lines.append("")
            lines[-1] += piece
    return [line.rstrip() for line in lines]


def cut_middle(text: str, width: int) -> str:
    """Text of at most `width` characters: of a longer one the beginning and the end, which has the unit.

    >>> cut_middle("revenue (GBP)", 20), cut_middle("total_revenue_of_the_last_year (EUR)", 20)
    ('revenue (GBP)', 'total_reve…ear (EUR)')
    """
    if len(text) <= width:
        return text
    tail = (width - 1) // 2
    return f"{text[: width - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{text[-tail:]}"


def split_word(word: str) -> Iterator[str]:
    """The pieces between which a word may break; the word itself if it is short or a number.

    >>> list(split_word("days_since_last")), list(split_word("2011-12-09")), list(split_word("visits"))
    (['days_', 'since_', 'last'], ['2011-12-09'], ['visits'])
    """
    for piece in _split_at_points(word):
        step = _STEP if len(piece) > MAX_RUN else len(piece) or 1
        yield from (piece[start : start + step] for start in range(0, len(piece), step))


def _split_at_points(word: str) -> list[str]:
    if len(word) <= MAX_WORD or (len(word) <= MAX_RUN and _NUMBER.fullmatch(word)):
        return [word]
    return _POINTS.split(word)


def _mark_token(token: str) -> Markup:
    return Markup("<wbr>").join(_mark_piece(piece) for piece in _split_at_points(token))


def _mark_piece(piece: str) -> Markup:
    """Spans around 2026-01-31 and 1e-12 only: other numbers do not break, and a page has thousands."""
    if len(piece) > MAX_RUN:
        return Markup('<span class="long">{}</span>').format(piece)
    parts = _HYPHENATED.split(piece)
    return Markup("").join(
        Markup('<span class="n">{}</span>').format(part) if i % 2 else escape(part)
        for i, part in enumerate(parts)
    )
