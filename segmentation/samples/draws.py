"""Random numbers without a sequence: each is a hash of the seed and the purpose it is drawn for.

So one day of a sample can be generated without the days before it. Hashes of ids are in
segmentation/keys.py.
"""

import numpy as np

from segmentation.keys import mix

_ODD = np.uint64(0x9FB21C651E98DF25)


def make_draw_key(seed: int, purpose: str) -> np.ndarray:
    """A key for one purpose: uint64 (1,). Keys for different purposes are independent."""
    key = np.array([seed], np.uint64)
    for octet in purpose.encode():
        key = mix(key ^ np.uint64(octet))
    return key


def draw_bits(keys: np.ndarray, numbers: np.ndarray | int) -> np.ndarray:
    """64 random bits per key and number, with broadcasting: uint64 (n,). Numbers may be negative."""
    with np.errstate(over="ignore"):
        # Multiplied by an odd constant first: neighbouring numbers then differ in many bits
        # before they are mixed.
        return mix(keys ^ (np.asarray(numbers, np.int64).view(np.uint64) * _ODD))


def take_share(bits: np.ndarray, field: int) -> np.ndarray:
    """16 of the bits, from bit 16 * field on, as a number in (0, 1): float64 (n,). Fields are 0 to 3.

    >>> take_share(np.array([0, 2**64 - 1], np.uint64), 3).tolist() == [2.0**-17, 1 - 2.0**-17]
    True
    """
    chunk = (bits >> np.uint64(16 * field)) & np.uint64(0xFFFF)
    # Plus a half: never 0 or 1, so logarithms of a share are finite.
    return (chunk.astype(np.float64) + 0.5) * 2.0**-16


def take_spread(bits: np.ndarray, field: int, width: float) -> np.ndarray:
    """exp(width * (u + v - 1)), where u and v are the shares of `field` and `field + 1`: float64 (n,).

    Its logarithm has a triangular distribution around 0, from -width to width.
    """
    spread: np.ndarray = np.exp(width * (take_share(bits, field) + take_share(bits, field + 1) - 1.0))
    return spread
