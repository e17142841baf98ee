"""Counts and lists in sentences for people: `1 file`, `1,200 files`, `a.csv, b.csv and 3 more`.

How a report rounds numbers is in segmentation/report/formatting.py.
"""

from collections.abc import Sequence


def format_count(count: int, noun: str) -> str:
    """A count and its noun, in the plural with s or es.

    >>> format_count(1, "file"), format_count(1200, "file"), format_count(3, "pass")
    ('1 file', '1,200 files', '3 passes')
    """
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}" + ("es" if noun.endswith("s") else "s")


def choose_verb(count: int, singular: str, plural: str) -> str:
    """The form of a verb that goes with a count.

    >>> choose_verb(1, "has", "have"), choose_verb(0, "has", "have")
    ('has', 'have')
    """
    return singular if count == 1 else plural


def format_edition_size(customers: int, k: int) -> str:
    """How many customers are in how many segments.

    >>> format_edition_size(4264, 4), format_edition_size(1200, 1)
    ('4,264 customers in 4 segments', '1,200 customers in 1 segment')
    """
    return f"{format_count(customers, 'customer')} in {format_count(k, 'segment')}"


def list_names(names: Sequence[str], most: int = 3, noun: str = "", separator: str = ", ") -> str:
    """The first names, and how many more there are.

    >>> list_names(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    >>> list_names(["a and b", "a and c"], 1, "pair", "; ")
    'a and b and 1 more pair'
    """
    listed, more = separator.join(names[:most]), len(names) - most
    if more <= 0:
        return listed
    return f"{listed} and {format_count(more, f'more {noun}') if noun else f'{more:,} more'}"
