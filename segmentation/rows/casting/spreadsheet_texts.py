"""Texts that a spreadsheet rewrote, such as 1.23E+05 for an order's number: counted for a warning.

Among ids such texts are refused, in schemas/contract.py; a sku of 1E5 may be one, so other texts are kept.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_SAMPLED = 1 << 12
_LEAST_SHARE, _LEAST = 0.005, 5
_ROUNDED = r"^\d(?:[.,]\d+)?E\+\d+$"
_WITH_POINT, _WHOLE = r"^\d+\.0$", r"^\d+$"


def detect_rewritten(texts: pa.ChunkedArray) -> np.ndarray | None:
    """Numbers that were rounded, and those that end in .0 where others do not: bool (n,); None without any.

    Only a sample of rows from everywhere is looked at, unless some of it was rewritten.
    """
    step = max(1, len(texts) // _SAMPLED)
    sample = texts.take(pa.array(np.arange(0, len(texts), step))) if step > 1 else texts
    pattern = _choose_pattern(sample)
    if pattern is None:
        return None
    mask: np.ndarray = _match(texts, pattern)
    return mask if mask.sum() >= max(_LEAST, _LEAST_SHARE * len(texts)) else None


def _choose_pattern(texts: pa.ChunkedArray) -> str | None:
    if _match(texts, _ROUNDED).any():
        return _ROUNDED
    return _WITH_POINT if _match(texts, _WITH_POINT).any() and _match(texts, _WHOLE).any() else None


def _match(texts: pa.ChunkedArray, pattern: str) -> np.ndarray:
    mask: np.ndarray = pc.fill_null(pc.match_substring_regex(texts, pattern), False).to_numpy()
    return mask
