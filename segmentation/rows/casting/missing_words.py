"""Words that usually mean a missing value, such as NULL: counted for warnings, never replaced.

What a definition declares as null_values is missing already, see text_columns.py.
"""

from collections.abc import Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# In lower case. NA is not among them: it is Namibia, and the id of many.
_WORDS = pa.array(
    [
        "null",
        "(null)",
        "<null>",
        "\\n",
        "nan",
        "nat",
        "n/a",
        "#n/a",
        "none",
        "nil",
        "undefined",
        "-",
        "--",
        "?",
    ]
)
# Ids of nobody. A 0 is an id where a 1 is one, too.
_NOBODY = pa.array(["0", "-1", "unknown", "anonymous", "guest", "00000000-0000-0000-0000-000000000000"])
_IDS = pa.array([*_WORDS.to_pylist(), *_NOBODY.to_pylist(), "1"])
_FIRST_ROWS = 1 << 13


def detect_missing_words(texts: pa.ChunkedArray) -> np.ndarray | None:
    """Which texts are words for a missing value: bool (n,); None if the first few thousand are not."""
    if not pc.any(_is_in(texts.slice(0, _FIRST_ROWS), _WORDS)).as_py():
        return None
    mask: np.ndarray = _is_in(texts, _WORDS).to_numpy()
    return mask


def warn_of_missing_ids(missing_ids: Set[str]) -> list[str]:
    """A warning about customers whose id means that the customer is unknown. It shows no id.

    missing_ids: of all customers, see list_missing_ids.
    """
    missing_ids = missing_ids - ({"1", "0"} if "1" in missing_ids else {"1"})
    if not missing_ids:
        return []
    if len(missing_ids) == 1:
        ids, count, them = "1 id means", "counts as a customer", "it"
    else:
        ids, count, them = f"{len(missing_ids)} ids mean", "count as customers", "them"
    return [
        f"{ids} that the customer is unknown, like NULL, \\N, 0 or N/A, yet {count}: declare {them} in "
        f"source.csv.null_values, or leave {them} out by a rule in rows.where"
    ]


def list_missing_ids(ids: pa.ChunkedArray) -> list[str]:
    """The ids, in lower case, that may mean nobody; and 1, which says that 0 does not."""
    texts: list[str] = ids.filter(pc.is_in(ids, _IDS)).to_pylist()
    return texts


def _is_in(texts: pa.ChunkedArray, words: pa.Array) -> pa.ChunkedArray:
    return pc.is_in(pc.utf8_lower(texts), words)
