"""Casting columns from text to the declared types. Nothing is guessed.

Values that cannot be read become null and are marked; values that are suspicious are marked as odd. Columns
with types in their file are cast in typed_columns.py, numbers and times are read in
numbers.py and times.py. Reading rows belongs in segmentation/rows/reading/file_batches.py, judging values in
schemas/contract.py.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from schemas.octets import may_contain
from segmentation.rows.casting.cast_column import ARROW_TYPES, CastColumn, Dialect, list_odd, to_mask
from segmentation.rows.casting.missing_words import detect_missing_words
from segmentation.rows.casting.number_estimates import detect_thousands, list_unread_kinds
from segmentation.rows.casting.numbers import read_numbers
from segmentation.rows.casting.spreadsheet_texts import detect_rewritten
from segmentation.rows.casting.times import list_unread_forms, parse_times
from segmentation.rows.casting.typed_columns import cast_typed, unpack_column

__all__ = ["ARROW_TYPES", "CastColumn", "Dialect", "cast_column", "cast_id"]

_TRUE = pa.array(["true", "t", "yes", "y", "1", "1.0"])
_FALSE = pa.array(["false", "f", "no", "n", "0", "0.0"])
_TEXT = Column(type="text")
_MISSING_WORDS = (
    "a word such as NULL, \\N or N/A, and counts as a value: if it means missing, declare "
    "source.csv.null_values"
)
_REWRITTEN = (
    "{} looks rewritten by a spreadsheet, such as 1.23E+05 or 7.0 for 7: different values may have become "
    "the same, and one value may count twice"
)
_THOUSANDS = (
    "{} has three digits after the decimal mark, and values without the mark are below 1000: if it separates "
    "thousands, as in 1.234 for 1234, declare source.csv.thousands and decimal"
)
# Excel writes ="007" to keep a text from becoming a number.
_FORMULA = r'(?s)^="(.*)"$'


def cast_column(name: str, values: pa.ChunkedArray, column: Column, dialect: Dialect) -> CastColumn:
    """Cast one column to its declared type.

    Refused if the file's type can never become the declared one, for example a list. Times become local
    times of the dialect's zone.
    """
    values, undecodable = unpack_column(values)
    if not pa.types.is_string(values.type):
        return cast_typed(name, values, column, dialect)
    cast = _cast_text(name, values, column, dialect)
    if undecodable is None:
        return cast
    return cast._replace(unreadable=undecodable if cast.unreadable is None else undecodable | cast.unreadable)


def cast_id(name: str, values: pa.ChunkedArray, dialect: Dialect) -> CastColumn:
    """Ids as text, whatever the contract says of the column, so that 007 stays 007.

    A text that means a missing value becomes blank text, which the contract refuses as "blank id". The null
    of a typed file stays null, and is refused as "missing".
    """
    cast = cast_column(name, values, _TEXT, dialect)
    is_marked = pc.and_(pc.is_null(cast.values), pc.is_valid(values))
    if cast.unreadable is not None:
        is_marked = pc.and_(is_marked, pa.array(~cast.unreadable))
    # NaN next to ids of pandas is a null, not a text that somebody wrote.
    if not pa.types.is_floating(values.type) and pc.any(is_marked).as_py():
        return cast._replace(values=pc.if_else(is_marked, "", cast.values))
    return cast


def _cast_text(name: str, values: pa.ChunkedArray, column: Column, dialect: Dialect) -> CastColumn:
    texts, is_formula = _unwrap_formulas(values)
    texts = _blank_out(texts, dialect.csv.null_values)
    odd = {f'{name} was a formula such as ="1", which was unwrapped': is_formula}
    # Columns of a fixed width are padded, so where empty text is missing, blanks are, too.
    blanks_are_missing = "" in dialect.csv.null_values
    if column.type in ("text", "category"):
        if blanks_are_missing and pc.any(is_blank := pc.utf8_is_space(texts)).as_py():
            texts = pc.if_else(is_blank, None, texts)
        if column is not _TEXT:  # ids are refused instead
            odd[_REWRITTEN.format(name)] = detect_rewritten(texts)
        if column.nullable:
            odd[f"{name} is {_MISSING_WORDS}"] = detect_missing_words(texts)
        return CastColumn(texts, None, list_odd(odd))
    if column.type == "timestamp":
        times = parse_times(texts, column.formats, dialect.timezone)
        numbers = times.to_arrow()
        odd[f"{name} has digits beyond microseconds, which were cut"] = times.is_cut
    elif column.type == "bool":
        numbers = _cast_bool(texts)
    else:
        reading = read_numbers(texts, ARROW_TYPES[column.type], dialect.csv)
        numbers = reading.values
        odd[f"{name} is a whole number written with a fraction, such as 3.0"] = reading.has_zero_fraction
        if column.type == "float" and dialect.csv.thousands is None:
            odd[_THOUSANDS.format(name)] = detect_thousands(texts, dialect.csv.decimal)
    unreadable = to_mask(pc.and_(pc.is_null(numbers), pc.is_valid(texts)))
    if unreadable is not None and blanks_are_missing:
        unreadable = to_mask(pc.and_(pa.array(unreadable), pc.invert(pc.utf8_is_space(texts))))
    if unreadable is not None:
        odd |= _list_hints(name, texts, unreadable, column, dialect)
    return CastColumn(numbers, unreadable, list_odd(odd))


def _unwrap_formulas(values: pa.ChunkedArray) -> tuple[pa.ChunkedArray, np.ndarray | None]:
    """Texts with ="x" replaced by x, and where that was, bool (n,), or None."""
    if not may_contain(values, b'="') or not pc.any(pc.starts_with(values, '="')).as_py():
        return values, None
    is_formula = pc.fill_null(pc.match_substring_regex(values, _FORMULA), False)
    content = pc.replace_substring(pc.replace_substring_regex(values, _FORMULA, r"\1"), '""', '"')
    return pc.if_else(is_formula, content, values), to_mask(is_formula)


def _blank_out(texts: pa.ChunkedArray, null_values: tuple[str, ...]) -> pa.ChunkedArray:
    """Texts with those that mean a missing value as nulls."""
    if null_values == ("",):
        missing = pc.equal(texts, "")
    else:
        missing = pc.is_in(texts, pa.array(null_values, pa.string()))
    return pc.if_else(missing, None, texts) if pc.any(missing).as_py() else texts


def _cast_bool(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    lower = pc.utf8_lower(texts)
    is_true, is_false = pc.is_in(lower, _TRUE), pc.is_in(lower, _FALSE)
    return pc.if_else(pc.or_(is_true, is_false), is_true, None)


def _list_hints(
    name: str, texts: pa.ChunkedArray, unreadable: np.ndarray, column: Column, dialect: Dialect
) -> dict[str, np.ndarray]:
    """Which unreadable texts look like values in another form, by a sentence that says what to declare."""
    unread = texts.filter(pa.array(unreadable))
    if column.type in ("int", "float"):
        kinds = list_unread_kinds(unread, dialect.csv.decimal)
        hints = {f"looks like a number with {kind}": mask for kind, mask in kinds.items()}
    elif column.type == "timestamp":
        forms = list_unread_forms(unread)
        advice = f"declare rows.columns.{name}.format"
        hints = {f"looks like {kind}; {advice}": mask for kind, mask in forms.items()}
    else:
        return {}
    masks = {}
    for hint, mask in hints.items():
        whole = np.zeros(len(texts), bool)
        whole[unreadable] = mask
        masks[f"{name} is unreadable but {hint}"] = whole
    return masks
