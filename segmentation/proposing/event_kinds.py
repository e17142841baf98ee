"""Which rows of events are purchases, by a column that says what happened; and orders that came to nothing.

Only words listed here are recognised. The rules of a proposal are put together in
segmentation/proposing/event_roles.py.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pyarrow as pa

from segmentation.keys import hash_texts
from segmentation.proposing.column_names import split_words
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import quote_names
from segmentation.proposing.money import Money

_PURCHASES = frozenset([
    *("purchase", "purchases", "purchased", "buy", "bought", "order", "ordered", "order completed"),
    *("order placed", "placed order", "checkout completed", "transaction", "sale", "in app purchase"),
])  # fmt: skip
_VISITS = frozenset([
    *("view", "views", "viewed", "page view", "pageview", "view item", "view cart", "product view"),
    *("product viewed", "cart", "add to cart", "addtocart", "remove from cart", "begin checkout", "checkout"),
    *("click", "search", "session start", "visit", "impression", "login", "wishlist", "favorite"),
])  # fmt: skip
_FAILURES = frozenset([
    *("cancelled", "canceled", "cancellation", "cancel", "refunded", "partially refunded", "refund"),
    *("returned", "return", "failed", "failure", "declined", "rejected", "voided", "void", "chargeback"),
    *("disputed", "expired", "unpaid", "pending", "on hold", "draft", "trash", "unavailable"),
    *("storniert", "erstattet", "annulé", "annulée", "remboursé", "remboursée", "cancelado", "devuelto"),
])  # fmt: skip
_PREFIX = "wc "  # as in wc-completed, which is how one shop program writes it


class PurchaseKind(NamedTuple):
    """The column that says what happened, and its level that means a purchase."""

    column: str
    level: str


def infer_purchases(profiles: Mapping[str, ColumnProfile], money: Money) -> PurchaseKind | None:
    """The purchases among visits, if the rows of visits have money too, which would be added up."""
    for name, levels in _list_kinds(profiles):
        counts = count_rows_of_levels(profiles[name])
        purchases = [level for level, words in levels.items() if words in _PURCHASES]
        if money.columns and purchases and any(words in _VISITS for words in levels.values()):
            level = max(sorted(purchases), key=lambda level: counts[level])
            has_more = profiles[money.columns[-1]].present > counts[level] > 0
            return PurchaseKind(name, level) if has_more else None
    return None


def doubt_kinds(profiles: Mapping[str, ColumnProfile], purchases: PurchaseKind | None) -> str:
    """What to say about rows that are not purchases, or orders that were cancelled or sent back."""
    if purchases is not None:
        condition = f"whose {quote_names([purchases.column])} is {purchases.level}"
        return f"whether to count only rows {condition}, because others have money too"
    for name, levels in _list_kinds(profiles):
        if failures := sorted(level for level, words in levels.items() if words in _FAILURES):
            words = " or ".join(failures[:3])
            return f"what to do with rows whose {quote_names([name])} is {words}: they count"
    return ""


def _list_kinds(profiles: Mapping[str, ColumnProfile]) -> Iterator[tuple[str, dict[str, str]]]:
    """Columns with a few texts, and the words of each text."""
    for name, profile in profiles.items():
        if profile.levels and not profile.numbers and not profile.emails:
            yield name, {level: _normalise(level) for level in profile.levels}


def _normalise(level: str) -> str:
    return " ".join(split_words(level)).removeprefix(_PREFIX)


def count_rows_of_levels(profile: ColumnProfile) -> dict[str, int]:
    """The number of rows of each level of a column that has few."""
    counts = dict(zip(profile.distinct.keys.tolist(), profile.distinct.counts.tolist(), strict=True))
    levels = sorted(profile.levels or ())
    return {level: counts.get(int(hash_texts(pa.array([level]))[0]), 0) for level in levels}
