"""Hashes of ids and rows, against the published algorithms in Python's integers."""

import numpy as np
import pyarrow as pa
import pytest

from segmentation.keys import hash_rows, hash_texts, mix, to_uniform

MASK = (1 << 64) - 1
TEXTS = ["", "a", "007", "7", "Łódź", "客户", "a" * 300, "b", "a"]


def mix_oracle(key: int) -> int:
    """splitmix64's finaliser in Python's integers."""
    z = (key + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def fnv_oracle(text: str) -> int:
    """FNV-1a over UTF-8, in Python's integers, then mixed."""
    key = 0xCBF29CE484222325
    for octet in text.encode():
        key = ((key ^ octet) * 0x100000001B3) & MASK
    return mix_oracle(key)


def test_mix_is_splitmix64() -> None:
    """mix gives splitmix64's published first output for seed 0, and agrees at the ends of uint64."""
    keys = [0, 1, 2**63, MASK]
    assert mix(np.array(keys, np.uint64)).tolist() == [mix_oracle(key) for key in keys]
    assert int(mix(np.zeros(1, np.uint64))[0]) == 0xE220A8397B1DCDAF


def test_text_hashes_are_fnv1a_mixed() -> None:
    """Each text's hash is FNV-1a of its bytes, mixed; equal texts have equal hashes."""
    assert hash_texts(pa.array(TEXTS)).tolist() == [fnv_oracle(text) for text in TEXTS]


def test_text_hashes_of_slices() -> None:
    """A slice of an array hashes like its texts, whatever comes before and after it."""
    whole = pa.array(TEXTS)
    for start in range(len(TEXTS)):
        assert hash_texts(whole.slice(start, 2)).tolist() == hash_texts(whole).tolist()[start : start + 2]


def test_text_hashes_of_empty_texts() -> None:
    """An empty array has no hashes, and empty texts hash alike."""
    assert hash_texts(pa.array([], pa.string())).tolist() == []
    assert hash_texts(pa.array(["", ""])).tolist() == [fnv_oracle("")] * 2


def test_text_hashes_refuse_numbers_of_other_kinds() -> None:
    """Values that are not texts, such as lists, are refused by Arrow."""
    with pytest.raises(pa.ArrowException):
        hash_texts(pa.array([[1], [2]]))


def test_row_hashes_follow_values_not_signs_of_zero() -> None:
    """Equal rows hash alike, -0.0 as 0.0; other rows, also with features swapped, do not."""
    rows = np.array([[0.0, -0.0, 1.0, 2.0], [1.0, 1.0, 2.0, 1.0]])
    a, b, c, d = hash_rows(rows).tolist()
    assert a == b
    assert len({a, c, d}) == 3
    assert hash_rows(np.empty((3, 0))).shape == (0,)


def test_row_hashes_rarely_collide() -> None:
    """100,000 distinct rows have 100,000 hashes."""
    rows = np.stack([np.repeat(np.arange(1000.0), 100), np.tile(np.arange(100.0), 1000)])
    assert np.unique(hash_rows(rows)).size == 100_000


def test_unit_numbers_are_uniform_and_seeded() -> None:
    """Numbers are in [0, 1), even over tenths, and change only with the seed."""
    keys = hash_texts(pa.array([f"C{i:06d}" for i in range(50_000)]))
    units = to_uniform(keys, 42)
    assert units.min() >= 0
    assert units.max() < 1
    assert np.abs(np.histogram(units, 10, (0, 1))[0] - 5000).max() < 350
    assert np.array_equal(units, to_uniform(keys, 42))
    assert abs(np.corrcoef(units, to_uniform(keys, 43))[0, 1]) < 0.02


def test_unit_number_needs_a_seed_that_fits() -> None:
    """A negative seed raises OverflowError."""
    with pytest.raises(OverflowError):
        to_uniform(np.zeros(1, np.uint64), -1)
