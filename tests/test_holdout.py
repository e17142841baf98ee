"""The holdout of a campaign: who is in it is what SQL computes, and how many is what was asked for."""

import duckdb
import pandas as pd
import pytest
from scipy.stats import binom

from segmentation.errors import Refused
from segmentation.exporting.hashing import Holdout, make_holdout


def test_the_holdout_is_what_sql_computes() -> None:
    """A warehouse gets the same holdout from the formula in the documentation."""
    ids = [*(f"c{number}" for number in range(5000)), "Zoë", "", "客户"]
    query = (
        "SELECT ('0x' || left(sha256('spring:' || id), 8))::BIGINT < 0.1 * 4294967296 FROM ids ORDER BY place"
    )
    people = pd.DataFrame({"id": ids, "place": range(len(ids))})
    with duckdb.connect() as connection:
        connection.register("ids", people)
        expected = [row[0] for row in connection.execute(query).fetchall()]
    assert Holdout(0.1, "spring").detect(ids).tolist() == expected


def test_a_holdouts_share_is_what_was_asked_for() -> None:
    """The share is within its 99.9 % interval for any salt; two salts are independent; shares are nested."""
    ids = [str(number) for number in range(20_000)]
    masks = {salt: Holdout(0.1, salt).detect(ids) for salt in ("a", "b", "c", "spring", "2026")}
    low, high = binom.interval(0.999, len(ids), 0.1)
    assert all(low <= mask.sum() <= high for mask in masks.values())
    overlap = int((masks["a"] & masks["b"]).sum())
    assert binom.interval(0.999, len(ids), 0.01)[0] <= overlap <= binom.interval(0.999, len(ids), 0.01)[1]
    assert not (masks["a"] & ~Holdout(0.2, "a").detect(ids)).any()


def test_a_share_outside_its_range_is_refused() -> None:
    """A holdout of nobody or of everybody measures nothing."""
    with pytest.raises(Refused, match="is not a share"):
        make_holdout(0.0, "spring")
