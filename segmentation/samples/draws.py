"""Random numbers without a sequence: each is a hash of the seed and of what it is drawn for.

So any of them can be had without those before it, one day of a sample without the days before.
What is drawn with them is decided where they are used; hashes of ids are in segmentation/keys.py.
"""

import numpy as np

from segmentation.keys import mix

_ODD = np.uint64(0x9FB21C651E98DF25)


def make_key(seed: int, purpose: str) -> np.ndarray:
    """A key for one purpose: uint64 (1,). Other purposes of the same seed are independent of it."""
    key = np.array([seed], np.uint64)
    for octet in purpose.encode():
        key = mix(key ^ np.uint64(octet))
    return key


def draw(keys: np.ndarray, numbers: np.ndarray | int) -> np.ndarray:
    """64 random bits for each key and number, by broadcasting: uint64 (n,). Numbers may be negative."""
    with np.errstate(over="ignore"):
        return mix(keys ^ (np.asarray(numbers, np.int64).view(np.uint64) * _ODD))


def take_share(bits: np.ndarray, field: int) -> np.ndarray:
    """Bits 16 * field and the 15 above as a number within (0, 1): float64 (n,), field being 0 to 3.

    >>> take_share(np.array([0, 2**64 - 1], np.uint64), 3).tolist() == [2.0**-17, 1 - 2.0**-17]
    True
    """
    piece = (bits >> np.uint64(16 * field)) & np.uint64(0xFFFF)
    return (piece.astype(np.float64) + 0.5) * 2.0**-16


def take_spread(bits: np.ndarray, field: int, width: float) -> np.ndarray:
    """exp(width * (u + v - 1)), u and v being fields field and field + 1: float64 (n,).

    Bell-shaped in its logarithm, around 1, within exp(-width) and exp(width).
    """
    spread: np.ndarray = np.exp(width * (take_share(bits, field) + take_share(bits, field + 1) - 1.0))
    return spread
