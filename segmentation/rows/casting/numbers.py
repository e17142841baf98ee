"""Reading numbers from texts: plain ones, and those with the marks that a definition declares.

Nothing that is not declared is read. What an unreadable text would mean in another form is only estimated, in
number_estimates.py. The declarations are in config/sources.py, class Csv.
"""

import re
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.sources import Csv
from schemas.octets import may_contain

INT, FLOAT = pa.int64(), pa.float64()
_PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"
_PLAIN_COMMA = _PLAIN.replace(r"\.", ",")
# What Arrow reads as it is written.
_DIGITS, _FRACTION = r"^-?\d{1,18}$", r"^-?\d+(?:\.\d+)?$"
_WHOLE = r"^[+-]?\d+$"
_ZERO_FRACTION = r"^[+-]?\d+\.0*$"
_INFINITE = pa.array(["inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"])
# Marks that exports exchange for one another: non-breaking and narrow blanks, and the typographic apostrophe.
_BLANKS, _APOSTROPHES = " \u00a0\u2009\u202f", "'\u2019"
_MINUS = "\u2212-"
_SIGNS = ("open", "lead", "inner", "trail", "tail")
_MARKS = (*_SIGNS, "before", "after", "close")


class Numbers(NamedTuple):
    """Numbers of a column, null where missing or unreadable.

    `has_zero_fraction`, bool (n,), marks whole numbers that are written as 3.0; None without any.
    """

    values: pa.ChunkedArray
    has_zero_fraction: np.ndarray | None = None


def read_numbers(texts: pa.ChunkedArray, target: pa.DataType, csv: Csv) -> Numbers:
    """Read texts as int64 or float64. Digits are ASCII: 0x10 and ７ are not numbers."""
    plain = texts
    if target == FLOAT and csv.decimal == ",":
        has_points = pc.any(pc.match_substring(texts, ".")).as_py()
        plain = None if has_points else pc.replace_substring(texts, ",", ".")
    numbers = None if plain is None else _cast_plain(plain, target)
    if numbers is not None:
        return Numbers(numbers)
    # One odd value costs the column Arrow's reading, so only values that are odd are read closely.
    is_plain = pc.match_substring_regex(
        texts, _FRACTION if target == FLOAT and csv.decimal == "." else _DIGITS
    )
    is_odd = pc.invert(pc.fill_null(is_plain, True)).combine_chunks()
    closely = _read_closely(texts.filter(is_odd), target, csv)
    values = pc.cast(pc.if_else(is_plain, texts, None), target).combine_chunks()
    whole = pc.replace_with_mask(values, is_odd, closely.values.combine_chunks())
    if closely.has_zero_fraction is None:
        return Numbers(pa.chunked_array([whole]))
    has_zero_fraction = is_odd.to_numpy(zero_copy_only=False)
    has_zero_fraction[has_zero_fraction] = closely.has_zero_fraction
    return Numbers(pa.chunked_array([whole]), has_zero_fraction)


def _read_closely(texts: pa.ChunkedArray, target: pa.DataType, csv: Csv) -> Numbers:
    """Numbers with the marks that are declared, of any size."""
    digits = pa.chunked_array([_normalise(texts, csv)])
    if target == FLOAT:
        return Numbers(_cast_digits(digits, FLOAT))
    has_zero_fraction = pc.match_substring_regex(digits, _ZERO_FRACTION)
    digits = pc.if_else(has_zero_fraction, pc.replace_substring_regex(digits, r"\.0*$", ""), digits)
    numbers = _cast_digits(digits, INT)
    mask = pc.and_(pc.fill_null(has_zero_fraction, False), pc.is_valid(numbers)).to_numpy()
    return Numbers(numbers, mask if mask.any() else None)


def _cast_plain(texts: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray | None:
    """The texts read by Arrow, which is fast; None if any of them needs a closer look."""
    try:
        # Arrow reads 0x10 as a whole number, and "nan" as a float. Ignoring case would take twice as long.
        if target == INT and may_contain(texts, b"x", b"X"):
            return None
        numbers = pc.cast(texts, target)
        return None if target == FLOAT and pc.any(pc.is_nan(numbers)).as_py() else numbers
    except pa.ArrowInvalid:
        return None


def _cast_digits(digits: pa.ChunkedArray, target: pa.DataType) -> pa.ChunkedArray:
    """Texts of plain numbers as numbers; null for fractions and for whole numbers beyond int64."""
    if target == INT:
        is_whole = pc.match_substring_regex(digits, _WHOLE)
        # The size of a non-number is null. Without Kleene logic that null would count as readable.
        fits = pc.and_kleene(is_whole, _fits_int64(pc.if_else(is_whole, digits, None)))
        digits = pc.if_else(fits, digits, None)
    if pc.any(pc.starts_with(digits, "+")).as_py():
        digits = pc.replace_substring_regex(digits, r"^\+", "")
    return pc.cast(digits, target)


def _fits_int64(digits: pa.ChunkedArray) -> pa.ChunkedArray:
    """Do these whole numbers fit into int64?"""
    significant = pc.utf8_ltrim(digits, "+-0")
    limit = pc.if_else(pc.starts_with(digits, "-"), str(2**63), str(2**63 - 1))
    length = pc.utf8_length(significant)
    return pc.or_(pc.less(length, 19), pc.and_(pc.equal(length, 19), pc.less_equal(significant, limit)))


def _normalise(texts: pa.ChunkedArray, csv: Csv) -> pa.Array:
    """Texts as plain numbers with a decimal point; null for texts in no declared form."""
    # With a decimal comma, 1.234 may be 1234 or 1.234, so a point is read only where it is declared.
    plain = _PLAIN if csv.decimal == "." else _PLAIN_COMMA
    is_plain = pc.match_substring_regex(texts, plain)
    digits = pc.if_else(is_plain, texts, None)
    if csv.decimal != ".":
        digits = pc.replace_substring(digits, csv.decimal, ".")
    is_marked = pc.invert(pc.fill_null(is_plain, True))
    marked = pc.utf8_trim_whitespace(texts.filter(is_marked))
    is_infinite = pc.is_in(pc.utf8_lower(marked), _INFINITE)
    numbers = pc.if_else(is_infinite, marked, _read_marks(marked, csv))
    return pc.replace_with_mask(digits.combine_chunks(), is_marked.combine_chunks(), numbers.combine_chunks())


def _read_marks(texts: pa.ChunkedArray, csv: Csv) -> pa.ChunkedArray:
    """Numbers with declared marks as plain ones; null for a text in no declared form."""
    parts = pc.extract_regex(texts, _make_pattern(csv))
    part = {name: pc.struct_field(parts, name) for name in (*_MARKS, "digits")}
    # At most one sign of any kind, and one currency mark; parentheses come in pairs.
    signs = pc.binary_join_element_wise(*(part[name] for name in _SIGNS), "")
    is_valid = pc.less_equal(pc.utf8_length(signs), 1)
    is_valid = pc.and_(is_valid, pc.equal(pc.equal(part["open"], ""), pc.equal(part["close"], "")))
    is_valid = pc.and_(is_valid, pc.or_(pc.equal(part["before"], ""), pc.equal(part["after"], "")))
    digits = part["digits"]
    if thousands := _thousands_class(csv):
        digits = pc.replace_substring_regex(digits, thousands, "")
    digits = pc.replace_substring(digits, csv.decimal, ".")
    is_negative = pc.and_(pc.not_equal(signs, ""), pc.not_equal(signs, "+"))
    sign = pc.if_else(is_negative, "-", "")
    numbers = pc.binary_join_element_wise(sign, digits, "")
    return pc.if_else(pc.fill_null(is_valid, False), numbers, None)


def _thousands_class(csv: Csv) -> str | None:
    """The marks between thousands as a regex class: any blank means every blank."""
    if csv.thousands is None:
        return None
    alternatives = next((kind for kind in (_BLANKS, _APOSTROPHES) if csv.thousands in kind), csv.thousands)
    return f"[{re.escape(alternatives)}]"


def _make_pattern(csv: Csv) -> str:
    """The regex of a number with the declared marks, for RE2."""
    decimal, whole = re.escape(csv.decimal), r"\d+"
    if mark := _thousands_class(csv):
        # Groups of three digits, or of two before the last three, as in India. 0,123 is not a grouped number.
        whole = rf"[1-9]\d{{0,2}}(?:{mark}\d{{3}})+|[1-9]\d?(?:{mark}\d{{2}})+{mark}\d{{3}}|\d+"
    digits = rf"(?P<digits>(?:(?:{whole})(?:{decimal}\d*)?|{decimal}\d+)(?:[eE][+-]?\d+)?)"
    currency = "|".join(re.escape(mark) for mark in sorted(csv.currency_marks, key=len, reverse=True))
    currency = f"(?:{currency})?" if currency else ""
    has_pairs, has_trailing = "parentheses" in csv.negative, "trailing" in csv.negative
    order = {
        "open": r"\(?" if has_pairs else "",
        "lead": f"[+{_MINUS}]?",
        "before": currency,
        "inner": f"[+{_MINUS}]?",
        "digits": "",
        "trail": f"[{_MINUS}]?" if has_trailing else "",
        "after": currency,
        "tail": f"[{_MINUS}]?" if has_trailing else "",
        "close": r"\)?" if has_pairs else "",
    }
    groups = [digits if name == "digits" else f"(?P<{name}>{regex})" for name, regex in order.items()]
    return f"^{f'[{_BLANKS}]*'.join(groups)}$"
