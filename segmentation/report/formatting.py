"""Numbers, dates and lists for readers: sensible digits, units, shares and signs.

Published tables keep every digit. Rounding is for reading only.
"""

import math
from collections.abc import Sequence
from datetime import date

from schemas.wording import format_count

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
MONTHS = (  # not from the locale: the page must be the same on every machine
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def format_amount(value: float, unit: str = "", like: float | None = None) -> str:
    """A number with three significant digits, or all digits before the point, and its unit.

    like: use as many decimals as this number would have, so that numbers in a column match.

    >>> format_amount(1234567.8, "GBP"), format_amount(34.56), format_amount(-2.0, "days")
    ('1,234,568 GBP', '34.6', '−2 days')
    >>> format_amount(0.01234), format_amount(0.01234, like=45.6), format_amount(3.456, like=45.6)
    ('0.0123', '0', '3.5')
    """
    if not math.isfinite(value):
        return "none"
    size = abs(value)
    scale = abs(like) if like and math.isfinite(like) else size
    if size >= 1e15:
        digits = f"{size:.3g}"
    elif scale >= 0.001 or size == 0:
        decimals = 2 - math.floor(math.log10(scale)) if scale else 0
        digits = f"{size:,.{max(0, decimals)}f}"
        digits = digits.rstrip("0").rstrip(".") if "." in digits else digits
    else:
        digits = f"{size:.3g}"
    sign = MINUS if value < 0 and digits.strip("0.") else ""
    return f"{sign}{digits} {unit}".rstrip()


def format_share(share: float) -> str:
    """A share as a percentage, with a second decimal close to 0 and 1.

    >>> format_share(0.2834), format_share(0.00042), format_share(0.9996)
    ('28.3%', '0.04%', '99.96%')
    >>> format_share(0.0), format_share(1.0), format_share(0.00001)
    ('0%', '100%', 'below 0.01%')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    if 0 < share < 0.00005:
        return "below 0.01%"
    return f"{share:.2%}" if share < 0.01 or share > 0.995 else f"{share:.1%}"


def format_change(change: int) -> str:
    """A difference of two counts.

    >>> format_change(1200), format_change(-3), format_change(0)
    ('+1,200', '−3', 'No change')
    """
    return f"{'+' if change > 0 else MINUS}{abs(change):,}" if change else "No change"


def format_lift(lift: float) -> str:
    """A multiple of the average.

    >>> format_lift(3.21), format_lift(0.2), format_lift(12.7)
    ('3.2 × the average', '0.2 × the average', '13 × the average')
    """
    return f"{lift:.0f} {TIMES} the average" if lift >= 10 else f"{lift:.2g} {TIMES} the average"


def format_customers(count: int) -> str:
    """A count of customers.

    >>> format_customers(1), format_customers(1200)
    ('1 customer', '1,200 customers')
    """
    return format_count(count, "customer")


def format_number(value: float) -> str:
    """A number with at most five significant digits, or all digits before the point.

    >>> format_number(1234567.8), format_number(103.75), format_number(0.00012345)
    ('1,234,568', '103.75', '0.00012345')
    """
    if abs(value) >= 10_000:
        return f"{value:,.0f}"
    return f"{value:,.5g}" if abs(value) >= 0.001 or value == 0 else f"{value:.5g}"


def format_scored_rule(rule: object, precision: float, recall: float) -> str:
    """A segment's rule with its precision and recall; empty without a rule.

    >>> format_scored_rule("spend > 100", 1.0, 0.987), format_scored_rule(None, math.nan, math.nan)
    ('spend > 100 (100%, 99%)', '')
    """
    if not isinstance(rule, str):
        return ""
    return rule if math.isnan(precision) else f"{rule} ({precision:.0%}, {recall:.0%})"


def format_date(day: date) -> str:
    """A date in words.

    >>> format_date(date(2011, 10, 1))
    '1 October 2011'
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def join_words(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> join_words(["a", "b", "c"]), join_words(["a"])
    ('a, b and c', 'a')
    """
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
