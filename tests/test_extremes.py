"""Extreme values, and more segments than distinct customers: refused, never silently adjusted."""

from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import Refused
from tests.test_scale import NightMaker, run, write_customers


@pytest.mark.parametrize("scaling", ["robust", "none"])
def test_an_outlier_that_would_hide_other_features_is_refused(
    tmp_path: Path, make_night: NightMaker, scaling: str
) -> None:
    """The grid spans the largest value; the refusal names its feature, and the feature that would be lost."""
    random = np.random.default_rng(3)
    spend, orders = random.normal(100, 1, 3000), random.choice([3.0, 20.0, 60.0], 3000)
    spend[7] = 5e9
    parts = write_customers(tmp_path, spend, orders)
    night = make_night(scaling={"columns": {"spend": scaling, "orders": "standard"}})
    with pytest.raises(Refused, match="feature spend has values so far out that differences in"):
        run(night, parts)
    mild = np.where(spend > 1e9, 5e4, spend)
    scaled = run(night, write_customers(tmp_path, mild, orders))
    assert scaled.quantum < 0.01


def test_a_fixed_k_is_used_or_refused(tmp_path: Path, make_night: NightMaker) -> None:
    """With fewer distinct customers than k the night is refused: no other k is published instead."""
    spend, orders = np.tile([1.0, 2.0, 3.0], 50), np.tile([1.0, 2.0, 2.0], 50)
    parts = write_customers(tmp_path, spend, orders)
    night = make_night(k={"min": 1, "max": 6, "rule": "fixed", "fixed": 4})
    with pytest.raises(Refused, match=r"3 distinct customers cannot form k\.fixed = 4 segments"):
        run(night, parts)
