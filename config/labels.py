"""What pages and names of segments call a feature: its label, else its column's name in plain words.

Labels are declared in config/column_contract.py and config/event_summary.py.
"""

import re
from collections import Counter
from collections.abc import Mapping

from config.definition import Definition

_LONGEST = 40
# A capital after a small letter begins a word. A run of capitals is one, up to the last before a small one.
_CAMEL = re.compile(r"(?<=[a-zß-ÿ0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# What is in brackets at the end is a unit or a range: Annual Income (k$), Spending Score (1-100).
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*\Z")


def humanise_name(name: str) -> str:
    """A column's name in plain words, without a unit in brackets; the name itself if nothing would be left.

    >>> humanise_name("MonthlyCharges"), humanise_name("recency_days"), humanise_name("Annual Income (k$)")
    ('monthly charges', 'recency days', 'annual income')
    >>> humanise_name("CLV"), humanise_name("Umsatz"), humanise_name("(1)")
    ('CLV', 'umsatz', '(1)')
    """
    bare = _BRACKETS.sub("", name) or name
    words = _CAMEL.sub(" ", re.sub(r"[_.\s]+", " ", bare)).split()
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words) or name


def build_labels(definition: Definition) -> dict[str, str]:
    """What every feature's column is called, each differently."""
    columns = {name: definition.customer_columns[name] for name in definition.features}
    labels = {
        name: column.label.strip() or shorten_label(humanise_name(name)) for name, column in columns.items()
    }
    return _keep_different(labels)


def shorten_label(label: str) -> str:
    """At most 40 characters, cut between words where there are any.

    >>> shorten_label("average number of articles per order in the last year")
    'average number of articles per order…'
    """
    if len(label) <= _LONGEST:
        return label
    start = label[: _LONGEST - 1]
    return (start.rsplit(" ", 1)[0] if " " in start[10:] else start).rstrip() + "…"


def _keep_different(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels, but the names themselves where two features would be called the same."""
    counts = Counter(label.casefold() for label in labels.values())
    return {name: label if counts[label.casefold()] == 1 else name for name, label in labels.items()}
