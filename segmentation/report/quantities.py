"""Numbers in the reader's words: sensible digits, units, shares, signs. How they are laid out is page.py's.

Published tables keep every digit; rounding is for reading only.
"""

import math

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"


def amount(value: float, unit: str = "", like: float | None = None) -> str:
    """A number with three significant digits, or all before the point, and its unit.

    `like`: a number whose decimals it shall have, so that numbers side by side are as fine as one another.

    >>> amount(1234567.8, "GBP"), amount(34.56), amount(0.01234), amount(-2.0, "days")
    ('1,234,568 GBP', '34.6', '0.0123', '−2 days')
    >>> amount(0.01234, like=45.6), amount(3.456, like=45.6)
    ('0', '3.5')
    """
    if not math.isfinite(value):
        return "none"
    size = abs(value)
    scale = abs(like) if like and math.isfinite(like) else size
    if size >= 1e15:
        text = f"{size:.3g}"
    elif scale >= 0.001 or size == 0:
        digits = 2 - math.floor(math.log10(scale)) if scale else 0
        text = f"{size:,.{max(0, digits)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{size:.3g}"
    sign = MINUS if value < 0 and text.strip("0.") else ""
    return f"{sign}{text} {unit}".rstrip()


def share(value: float) -> str:
    """A share of a whole, with the digits that it can bear.

    >>> share(0.2834), share(0.00042), share(0.0), share(1.0), share(0.9996)
    ('28.3%', '0.04%', '0%', '100%', '99.96%')
    """
    if value in (0.0, 1.0):
        return f"{value:.0%}"
    if 0 < value < 0.00005:
        return "below 0.01%"
    return f"{value:.2%}" if value < 0.01 or value > 0.995 else f"{value:.1%}"


def change(count: int) -> str:
    """A difference of two counts.

    >>> change(1200), change(-3), change(0)
    ('+1,200', '−3', 'No change')
    """
    return f"{'+' if count > 0 else MINUS}{abs(count):,}" if count else "No change"


def times(lift: float) -> str:
    """How many times the average.

    >>> times(3.21), times(0.2), times(12.7)
    ('3.2 × the average', '0.2 × the average', '13 × the average')
    """
    return f"{lift:.0f} {TIMES} the average" if lift >= 10 else f"{lift:.2g} {TIMES} the average"


def customers(count: int) -> str:
    """So many customers.

    >>> customers(1), customers(1200)
    ('1 customer', '1,200 customers')
    """
    return f"{count:,} customer" + ("" if count == 1 else "s")
