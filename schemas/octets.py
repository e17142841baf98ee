"""Searching the bytes of whole text columns, which is far cheaper than looking at text after text.

What a column's texts must look like is in row_masks.py.
"""

import numpy as np
import pyarrow as pa


def may_contain(texts: pa.ChunkedArray, *parts: bytes) -> bool:
    """Might any of the texts contain any of these parts? If not, none does.

    Bytes between texts, and in the slots of nulls, are searched too.

    >>> texts = pa.chunked_array([["a", "b\\n"], ["c"]])
    >>> may_contain(texts, b"\\n"), may_contain(texts, b"d")
    (True, False)
    """
    buffers = (chunk.buffers()[2] for chunk in texts.chunks)
    contents = (buffer.to_pybytes() for buffer in buffers if buffer is not None)
    return any(part in content for content in contents for part in parts)


def get_first_octets(texts: pa.StringArray) -> np.ndarray:
    """The first byte of each text's UTF-8, uint8 (n,). Any byte for an empty text or a null.

    >>> get_first_octets(pa.array(["a", "b1"])).tolist()
    [97, 98]
    """
    _, ends, data = texts.buffers()
    starts = np.frombuffer(ends, np.int32, len(texts), texts.offset * 4)
    if data is None or not data.size:
        return np.zeros(len(texts), np.uint8)
    octets: np.ndarray = np.frombuffer(data, np.uint8)[np.minimum(starts, data.size - 1)]
    return octets
