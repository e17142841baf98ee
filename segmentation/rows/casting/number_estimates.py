"""What unreadable texts would be as numbers in another form: for warnings and for the share of value refused.

These are estimates, never values of a customer. Reading numbers belongs in numbers.py.
"""

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BLANK = "[\\s\u00a0\u2009\u202f]"
CURRENCY_SIGNS = "$€£¥₹₽₩₺₪฿"
_CURRENCY = rf"(?:[A-Z]{{0,2}}[{CURRENCY_SIGNS}]|[A-Z]{{3}}|kr\.?|zł|Rs\.?)"
_GROUPED = (
    r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d*)?|\d{1,3}(?:\.\d{3})+(?:,\d*)?|\d{1,3}(?:['’]\d{3})+(?:[.,]\d*)?|"
    rf"\d{{1,3}}(?:{_BLANK}\d{{3}})+(?:[.,]\d*)?"
)
_NUMBER = (
    rf"^{_BLANK}*\(?[+−-]?{_BLANK}*{_CURRENCY}?{_BLANK}*[+−-]?(?:{_GROUPED}|\d+(?:[.,]\d*)?|[.,]\d+)"
    rf"{_BLANK}*[−-]?{_BLANK}*(?:{_CURRENCY}|%)?{_BLANK}*[−-]?\)?{_BLANK}*$"
)
# Each with the key of source.csv that would read it; a text counts for the first that it matches.
_KINDS = {
    r"%": "a percent sign; declare source.csv.currency_marks: ['%']",
    _CURRENCY: "a currency mark; declare source.csv.currency_marks",
    r"[(]": "parentheses for a minus; declare source.csv.negative",
    r"[−-]\s*$": "a trailing minus; declare source.csv.negative",
    r"^\D*\d{1,3}(,\d{2,3})*,\d{3}\b": "a comma between thousands; declare source.csv.thousands",
    r"^\D*\d{1,3}(\.\d{3})+\b": "a point between thousands; declare source.csv.thousands",
    r"['’]": "an apostrophe between thousands; declare source.csv.thousands",
    rf"\d{_BLANK}\d": "a blank between thousands; declare source.csv.thousands",
}
_DECIMALS = {
    ",": "a decimal comma; declare source.csv.decimal",
    ".": "a decimal point; declare source.csv.decimal",
}
_FRACTION = "a fraction; declare type: float"
_SAMPLE = 1 << 11
_LEAST_MARKED = 3  # values with the mark, and as many without it


def looks_like_number(texts: pa.ChunkedArray) -> np.ndarray:
    """Which texts are numbers in a common form, whatever is declared: bool (n,), False for null.

    >>> looks_like_number(pa.chunked_array([["3,204.00", "1.5-", "$5", "31.12.2024", "n/a"]])).tolist()
    [True, True, True, False, False]
    """
    mask: np.ndarray = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False).to_numpy()
    return mask


def lenient_number(texts: pa.ChunkedArray, decimal: str = ".") -> np.ndarray:
    """What texts most likely are as numbers, float64 (n,), NaN where they look like none.

    The last mark is the decimal mark if other marks precede it, or if it cannot be a thousands mark.

    >>> lenient_number(pa.chunked_array([["3,204.00", "1.234,5", "12,50", "(1,234)", "x"]])).tolist()
    [3204.0, 1234.5, 12.5, -1234.0, nan]
    """
    readable = pc.if_else(pa.array(looks_like_number(texts)), texts, None)
    marked = pc.replace_substring_regex(readable, r"[^\d.,]", "")
    parts = pc.extract_regex(marked, r"^(?P<whole>[\d.,]*?)(?P<mark>[.,]?)(?P<end>\d*)$")
    whole, mark, end = (pc.struct_field(parts, name) for name in ("whole", "mark", "end"))
    is_repeated = pc.or_(
        pc.and_(pc.equal(mark, ","), pc.match_substring(whole, ",")),
        pc.and_(pc.equal(mark, "."), pc.match_substring(whole, ".")),
    )
    follows_other = pc.match_substring_regex(whole, "[.,]")
    cannot_group = pc.or_(pc.not_equal(pc.utf8_length(end), 3), pc.match_substring_regex(whole, r"^0?$"))
    is_decimal = pc.or_(pc.or_(follows_other, cannot_group), pc.equal(mark, decimal))
    is_decimal = pc.and_(pc.and_(is_decimal, pc.invert(is_repeated)), pc.not_equal(mark, ""))
    point = pc.if_else(is_decimal, ".", "")
    digits = pc.binary_join_element_wise(pc.replace_substring_regex(whole, "[.,]", ""), point, end, "")
    numbers: np.ndarray = pc.fill_null(pc.cast(digits, pa.float64()), np.nan).to_numpy()
    is_negative = pc.fill_null(pc.match_substring_regex(readable, "[(−-]"), False).to_numpy()
    return np.where(is_negative, -numbers, numbers)


def list_unread_kinds(texts: pa.ChunkedArray, decimal: str) -> dict[str, np.ndarray]:
    """Which unreadable texts look like numbers, bool (n,), by the words that say in what form."""
    waiting, masks = looks_like_number(texts), {}
    kinds = dict(_KINDS)
    for mark, kind in _DECIMALS.items():
        kinds[re.escape(mark)] = _FRACTION if mark == decimal else kind
    for regex, kind in kinds.items():
        if not waiting.any():
            break
        mask = waiting & pc.fill_null(pc.match_substring_regex(texts, regex), False).to_numpy()
        waiting &= ~mask
        if mask.any():
            masks[kind] = mask
    return masks


def detect_thousands(texts: pa.ChunkedArray, decimal: str) -> np.ndarray | None:
    """Where the decimal mark may be one of thousands, bool (n,): 1.234 for 1234; None where it is not.

    It may be if all values with the mark have three digits after it, and those without it are below 1000.

    >>> detect_thousands(pa.chunked_array([["5", "1.234", "870", "2.500", "12", "7.000"]]), ".").tolist()
    [False, True, False, True, False, True]
    >>> detect_thousands(pa.chunked_array([["5", "1.234", "870", "2.5", "12", "7.000"]]), ".")
    """
    # Nearly always the first values say that it is not: only then is it worth a look at all.
    if pc.any(_contradicts_thousands(texts.slice(0, _SAMPLE), decimal)).as_py():
        return None
    is_marked = pc.fill_null(pc.match_substring(texts, decimal), False).to_numpy()
    count = int(is_marked.sum())
    if count < _LEAST_MARKED or len(texts) - texts.null_count - count < _LEAST_MARKED:
        return None
    return None if pc.any(_contradicts_thousands(texts, decimal)).as_py() else is_marked


def _contradicts_thousands(texts: pa.ChunkedArray, decimal: str) -> pa.ChunkedArray:
    thousand = rf"^\s*[+-]?[1-9]\d{{0,2}}{re.escape(decimal)}\d{{3}}\s*$|^\s*[+-]?\d{{1,3}}\s*$"
    return pc.invert(pc.match_substring_regex(texts, thousand))
