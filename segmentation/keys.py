"""Hashes of ids and rows: they decide which customers are sampled, and which bucket a row belongs to.

An id has the same hash every night and on every machine, so samples change no more than the customers
do. Not cryptographic. Digests of files are in parts.py.
"""

import numpy as np
import pyarrow as pa

# FNV-1a's constants for 64 bits.
_PRIME = np.uint64(0x100000001B3)
_BASIS = np.uint64(0xCBF29CE484222325)
_BLOCK = 8192  # texts whose keys stay in a processor's cache


def mix(keys: np.ndarray) -> np.ndarray:
    """splitmix64's finaliser (Steele, Lea, Flood 2014): spreads uint64 keys evenly. Same shape."""
    with np.errstate(over="ignore"):
        z = keys + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def hash_texts(texts: pa.Array) -> np.ndarray:
    """FNV-1a of each text's UTF-8 bytes, then mixed: uint64 (n,). No nulls.

    >>> hash_texts(pa.array(["a", "b", "a"])).tolist()[0] == hash_texts(pa.array(["a"])).tolist()[0]
    True
    """
    starts = range(0, max(1, len(texts)), _BLOCK)
    return np.concatenate([_hash_block(texts.slice(start, _BLOCK)) for start in starts])


def _hash_block(texts: pa.Array) -> np.ndarray:
    """The same for some texts. Works on Arrow's buffers: one byte position of all texts at a time."""
    array = texts.cast(pa.large_string())
    _, offsets_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(offsets_buffer, np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(data_buffer, np.uint8) if data_buffer else np.zeros(0, np.uint8)
    starts, lengths = offsets[:-1], np.diff(offsets)
    keys = np.full(len(array), _BASIS)
    longest = int(lengths.max(initial=0))
    shortest = int(lengths.min(initial=longest))
    # uint64 wraps around silently in arrays, which FNV relies on.
    for position in range(shortest):
        keys ^= data[starts + position]
        keys *= _PRIME
    for position in range(shortest, longest):
        longer = np.flatnonzero(lengths > position)
        keys[longer] = (keys[longer] ^ data[starts[longer] + position]) * _PRIME
    return mix(keys)


def hash_rows(matrix: np.ndarray) -> np.ndarray:
    """A hash of each column of a float64 matrix (d, n): uint64 (n,). -0.0 and 0.0 are the same."""
    keys = np.full(matrix.shape[1], _BASIS)
    for values in matrix:
        # Mixed after every column: with a plain xor, two columns that swap values would cancel out.
        keys = mix(keys ^ (values + 0.0).view(np.uint64))
    return keys


def to_uniform(keys: np.ndarray, seed: int) -> np.ndarray:
    """Uniform numbers in [0, 1) from keys and a seed: float64 (n,), the same for the same key."""
    spread = mix(keys ^ mix(np.full(1, seed, np.uint64)))
    # The 53 highest bits, as many as a float64 holds, so 1.0 never comes out.
    return (spread >> np.uint64(11)).astype(np.float64) * 2.0**-53
