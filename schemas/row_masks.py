"""The checks of the rows' contract compiled to masks over Arrow columns.

pandera's schema, from schemas/contract.py, says what is checked, in which order and for what reason. Running
pandera itself costs 125 µs for each refused row, nearly all of it frames of failures. It remains the oracle
of tests/test_row_masks.py. Schemas that people write are judged by pandera, in schemas/schema_judging.py.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

import numpy as np
import pandera.pandas as pa
import pyarrow as arrow
import pyarrow.compute as pc

from schemas.octets import get_first_octets, may_contain


class RowCheck(NamedTuple):
    """A compiled check: `detect` has the values of a column that break it, bool (n,). A null breaks none."""

    reason: str
    detect: Callable[[arrow.ChunkedArray], np.ndarray]


def compile_column(column: pa.Column) -> Iterator[RowCheck]:
    """The checks of one column in pandera's order, nullability first. TypeError if one cannot be compiled."""
    if not column.nullable:
        yield RowCheck("missing", _detect_missing)
    for check in column.checks:
        name = check._check_fn.__name__
        if name not in _DETECTORS:
            raise TypeError(f"the contract's check {check.name} has no mask")
        yield RowCheck(str(check.name), partial(_DETECTORS[name], **check.statistics))


def keeps_contract(table: arrow.Table, contract: pa.DataFrameSchema) -> bool:
    """Does a table in its published types surely keep its contract? If not, pandera says what is wrong.

    RE2 has narrower classes than Python's patterns, so a text that only the latter accept is a doubt too.
    """
    if table.column_names != [*contract.columns] or contract.checks:
        return False
    for name, column in contract.columns.items():
        values = table[name]
        if arrow.types.is_dictionary(values.type):
            # The checks of a text are the same for every row that has it.
            if values.null_count and not column.nullable:
                return False
            texts = [piece.dictionary for piece in values.chunks]
            values = arrow.chunked_array(texts, values.type.value_type)
        if arrow.types.is_floating(values.type) and not column.nullable and pc.any(pc.is_nan(values)).as_py():
            return False
        if any(check.detect(values).any() for check in compile_column(column)):
            return False
    return True


def _to_flags(mask: arrow.ChunkedArray) -> np.ndarray:
    flags: np.ndarray = pc.fill_null(mask, False).to_numpy()
    return flags


def _to_floats(values: arrow.ChunkedArray) -> np.ndarray:
    """Numbers as pandera compares them, in float64: NaN for null, which no comparison finds."""
    floats: np.ndarray = pc.fill_null(values.cast(arrow.float64(), safe=False), np.nan).to_numpy()
    return floats


def _detect_missing(values: arrow.ChunkedArray) -> np.ndarray:
    if not values.null_count:
        return np.zeros(len(values), bool)
    mask: np.ndarray = pc.is_null(values).to_numpy()
    return mask


def _detect_foreign(values: arrow.ChunkedArray, allowed_values: Sequence[object]) -> np.ndarray:
    """Values that equal none of those allowed. 1, 1.0 and true are equal, and no text equals a number."""
    kind = values.type
    if arrow.types.is_string(kind):
        texts = [value for value in allowed_values if isinstance(value, str)]
        is_allowed = pc.is_in(values, arrow.array(texts, kind)).to_numpy()
    elif arrow.types.is_timestamp(kind):
        is_allowed = np.zeros(len(values), bool)  # a definition's values are no times
    else:
        numbers = [value for value in allowed_values if isinstance(value, int | float)]
        if not arrow.types.is_floating(kind):
            # Exactly: as floats, large whole numbers that differ would be equal.
            integers = pc.fill_null(values.cast(arrow.int64()), 0).to_numpy()
            whole = [int(value) for value in numbers if np.isfinite(value) and value == int(value)]
            is_allowed = np.isin(integers, [n for n in whole if -(2**63) <= n < 2**63])
        else:
            is_allowed = np.isin(_to_floats(values), np.array(numbers, np.float64))
    flags: np.ndarray = ~is_allowed & pc.is_valid(values).to_numpy()
    return flags


def _detect_incredible(stamps: arrow.ChunkedArray, first: int, last: int) -> np.ndarray:
    start, end = (arrow.scalar(datetime(year, 1, 1), stamps.type) for year in (first, last + 1))
    return _to_flags(pc.or_(pc.less(stamps, start), pc.greater_equal(stamps, end)))


def _detect_outside(
    values: arrow.ChunkedArray, min_value: float, max_value: float, **is_included: bool
) -> np.ndarray:
    if not all(is_included.values()):
        raise TypeError("the contract's check in_range has a mask with both ends only")
    floats = _to_floats(values)
    return (floats < min_value) | (floats > max_value)


def _detect_unlike(texts: arrow.ChunkedArray, pattern: str) -> np.ndarray:
    return _to_flags(pc.invert(pc.match_substring_regex(texts, rf"\A(?:{pattern})")))


def _detect_mismatch(texts: arrow.ChunkedArray, pattern: str) -> np.ndarray:
    return _to_flags(pc.invert(pc.match_substring_regex(texts, rf"\A(?:{pattern})\z")))


def _detect_mangled(ids: arrow.ChunkedArray, mangled: str) -> np.ndarray:
    # What RE2 writes so for Python's regular expressions: any digit, and the end before a last line break.
    pattern = mangled.replace(r"\d", r"\p{Nd}").replace("$", r"\n?$")
    flags: np.ndarray = np.zeros(len(ids), bool)
    # A mangled id begins with a digit; one of another script begins with a byte above ASCII. Most ids do not.
    first = np.concatenate([np.empty(0, np.uint8), *map(get_first_octets, ids.chunks)])
    doubtful = np.flatnonzero((first - np.uint8(ord("0")) < 10) | (first > 127))
    if len(doubtful) and may_contain(ids, b".", b"e", b"E", b"-"):
        flags[doubtful] = _to_flags(pc.match_substring_regex(ids.take(arrow.array(doubtful)), pattern))
    return flags


def _detect_part(texts: arrow.ChunkedArray, part: str) -> np.ndarray:
    if not may_contain(texts, part.encode()):
        return np.zeros(len(texts), bool)
    return _to_flags(pc.match_substring(texts, part))


def _detect_line_break(texts: arrow.ChunkedArray) -> np.ndarray:
    flags: np.ndarray = _detect_part(texts, "\n") | _detect_part(texts, "\r")
    return flags


# By the names of pandera's functions, and of those in schemas/contract.py.
_DETECTORS: dict[str, Callable[..., np.ndarray]] = {
    "greater_than_or_equal_to": lambda values, min_value: _to_floats(values) < min_value,
    "greater_than": lambda values, min_value: _to_floats(values) <= min_value,
    "less_than_or_equal_to": lambda values, max_value: _to_floats(values) > max_value,
    "less_than": lambda values, max_value: _to_floats(values) >= max_value,
    "in_range": _detect_outside,
    "isin": _detect_foreign,
    "str_matches": _detect_unlike,
    "_is_finite": lambda values: np.isinf(_to_floats(values)),
    "_is_credible": _detect_incredible,
    "_matches": _detect_mismatch,
    "_is_not_blank": lambda ids: _to_flags(pc.equal(pc.utf8_trim_whitespace(ids), "")),
    "_is_short": lambda ids, length: _to_flags(pc.greater(pc.utf8_length(ids), length)),
    "_is_not_mangled": _detect_mangled,
    "_is_one_line": _detect_line_break,
    "_is_no_total": lambda ids, totals: _to_flags(pc.is_in(ids, arrow.array(totals))),
    "_has_no_nul": lambda texts: _detect_part(texts, "\0"),
}
