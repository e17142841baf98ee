"""Random numbers by hashing: uniform, independent, and the same in any order."""

import numpy as np
import pytest

from segmentation.samples.draws import draw_bits, make_draw_key, take_share, take_spread


def test_a_draw_depends_on_its_key_and_number_alone() -> None:
    """A number is the same whether it is drawn alone, in a batch or in another order."""
    key = make_draw_key(7, "test")
    all_at_once = draw_bits(key, np.arange(-500, 500))
    assert all_at_once[::-1].tolist() == draw_bits(key, np.arange(499, -501, -1)).tolist()
    assert int(draw_bits(key, -3)[0]) == int(all_at_once[497])
    assert len(set(all_at_once.tolist())) == 1000


def test_purposes_and_seeds_are_independent() -> None:
    """Numbers for different purposes or seeds are uncorrelated."""
    numbers = np.arange(20_000)
    keys = (make_draw_key(7, "test"), make_draw_key(7, "tset"), make_draw_key(8, "test"))
    shares = np.array([take_share(draw_bits(key, numbers), 0) for key in keys])
    correlation = np.corrcoef(np.vstack([shares, shares[0, ::-1]]))
    assert np.abs(correlation - np.eye(4)).max() < 0.03


@pytest.mark.parametrize("field", range(4))
def test_shares_are_uniform(field: int) -> None:
    """Each field is uniform on (0, 1) and uncorrelated with the next field."""
    bits = draw_bits(make_draw_key(1, "even"), np.arange(100_000))
    shares = take_share(bits, field)
    assert np.histogram(shares, 10, (0, 1))[0] == pytest.approx(10_000, rel=0.04)
    assert shares.min() > 0 and shares.max() < 1
    assert abs(np.corrcoef(shares, take_share(bits, (field + 1) % 4))[0, 1]) < 0.02


def test_spreads_are_around_one() -> None:
    """The logarithm of a spread is symmetric and within its width."""
    logarithms = np.log(take_spread(draw_bits(make_draw_key(1, "spread"), np.arange(50_000)), 1, 0.4))
    assert abs(logarithms.mean()) < 0.005
    assert 0.35 < np.abs(logarithms).max() < 0.4
    # The sum of two uniform numbers has variance 1 / 6.
    assert logarithms.std() == pytest.approx(0.4 / np.sqrt(6), rel=0.02)


def test_negative_seeds_are_an_error() -> None:
    """A seed below 0 raises OverflowError."""
    with pytest.raises(OverflowError):
        make_draw_key(-1, "test")
