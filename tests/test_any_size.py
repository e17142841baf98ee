"""Segments do not depend on the unit of the values, from 1e-300 to 1e300. The grid's tests: test_grid.py."""

from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.definition import Definition
from schemas.night import Published
from segmentation.errors import Refused
from segmentation.features.feature_moments import measure_part, merge_parts
from segmentation.features.scaled_parts import read_scaled
from segmentation.features.scaling import EncodedCustomers
from tasks.scale import fit_scales
from tests.conftest import DEFINITION
from tests.nights import FOUR, Town, create_town, draw_customers, ids, manifest
from tests.test_scale import FEATURES, PLAIN, write_customers

NONE, STANDARD = {"scaling": {"default": "none"}}, {"scaling": {"default": "standard"}}
UNSCALED = Definition.model_validate({**DEFINITION, **NONE})
# Without a wide search for k, so that a night takes less than a second.
QUICK: dict[str, Any] = {"k": {"min": 2, "max": 5}, "fit": {"starts": 2}}
slow = partial(pytest.param, marks=pytest.mark.slow)
POWERS = [-990, 17, 985, *map(slow, (-300, -100, -20, -1, 3, 10, 14, 30, 60, 200))]


def make_town(folder: Path, **changes: Any) -> Town:
    """A town whose nights are quick."""
    folder.mkdir(parents=True, exist_ok=True)
    return create_town(folder, **{**QUICK, **changes})


def run(folder: Path, customers: pd.DataFrame, **changes: Any) -> Published:
    """One night of these customers."""
    return make_town(folder, **changes).night(1, customers)


def multiply(customers: pd.DataFrame, **factors: float) -> pd.DataFrame:
    """The customers with some columns times a factor."""
    return customers.assign(**{column: customers[column] * factor for column, factor in factors.items()})


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    """Four groups of customers in two features."""
    return draw_customers(FOUR)


@pytest.fixture(scope="module")
def plain(customers: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.Series]:
    """Segments by customer, under each scaling, of the values as they are."""
    folder = tmp_path_factory.mktemp("plain")
    return {
        name: ids(run(folder / name, customers, **changes))
        for name, changes in (("none", NONE), ("standard", STANDARD))
    }


@pytest.mark.parametrize("power", POWERS)
def test_all_columns_times_a_power_of_two_give_the_same_segments(
    tmp_path: Path, customers: pd.DataFrame, plain: dict[str, pd.Series], power: int
) -> None:
    """Under scaling none, segments are those of the values in any unit."""
    published = run(tmp_path, multiply(customers, spend=2.0**power, visits=2.0**power), **NONE)
    assert ids(published).equals(plain["none"])


@pytest.mark.parametrize("power", POWERS)
def test_one_column_times_a_power_of_two_gives_the_same_segments(
    tmp_path: Path, customers: pd.DataFrame, plain: dict[str, pd.Series], power: int
) -> None:
    """Under scaling standard, each column may have a unit of its own."""
    published = run(tmp_path, multiply(customers, spend=2.0**power), **STANDARD)
    assert ids(published).equals(plain["standard"])


@pytest.mark.parametrize("power", [3, *map(slow, (297, -297, -12, -2, 6, 9, 12))])
def test_powers_of_ten_give_the_same_segments(
    tmp_path: Path, customers: pd.DataFrame, plain: dict[str, pd.Series], power: int
) -> None:
    """Cents, thousands or millions: away from ties, factors that round the values change no segment."""
    factor = 10.0**power
    unscaled = run(tmp_path / "none", multiply(customers, spend=factor, visits=factor), **NONE)
    assert ids(unscaled).equals(plain["none"])
    standardised = run(tmp_path / "standard", multiply(customers, visits=factor), **STANDARD)
    assert ids(standardised).equals(plain["standard"])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    spend=st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 9)), min_size=3, max_size=20),
    orders=st.integers(1, 9),
    power=st.integers(-950, 950),
)
def test_scaled_values_keep_every_digit(spend: list[float], orders: int, power: int) -> None:
    """Under scaling none, values times a power of two are on the same grid, times a power of two."""
    matrix = np.array([[*spend, 0.0, 1.0], np.arange(len(spend) + 2) % (orders + 1)])
    with TemporaryDirectory() as folder:
        plain = scale_matrix(Path(folder) / "plain", matrix)
        multiplied = scale_matrix(Path(folder) / "multiplied", np.ldexp(matrix, power))
    ratio = np.abs(multiplied).max() / np.abs(plain).max()
    assert np.frexp(ratio)[0] == 0.5
    assert np.array_equal(multiplied, plain * ratio)


def scale_matrix(folder: Path, matrix: np.ndarray) -> np.ndarray:
    """Scaled values (d', n) of spend and orders, a row of the matrix (2, n) each."""
    folder.mkdir()
    parts = write_customers(folder, matrix[0], matrix[1], cuts=7)
    moments = merge_parts(measure_part(part, FEATURES) for part in parts)
    scales = fit_scales(UNSCALED, EncodedCustomers(PLAIN, tuple(parts)), moments)
    return np.concatenate([read_scaled(part, scales) for part in parts], axis=1)


@pytest.mark.parametrize("scaling", ["none", *map(slow, ("auto", "standard", "robust", "log-standard"))])
@pytest.mark.parametrize("factor", [1e-300, slow(1e297)])
def test_no_column_is_refused_for_its_size(
    tmp_path: Path, customers: pd.DataFrame, scaling: str, factor: float
) -> None:
    """Under each scaling, a night fits a model of the largest and smallest values, and the next keeps it."""
    town = make_town(tmp_path, scaling={"default": scaling})
    columns = multiply(customers, spend=factor, visits=factor)
    assert town.night(1, columns).outcome == "published"
    second = town.night(2, columns)
    assert (second.outcome, manifest(second)["how"]) == ("published", "scored")


def test_money_counts_more_than_what_varies_less(tmp_path: Path, customers: pd.DataFrame) -> None:
    """Money in a small currency decides the segments, and the run says which feature hardly counts."""
    published = run(tmp_path, multiply(customers, spend=1e7), **NONE)
    alone = run(tmp_path / "alone", customers, features=["spend"], **NONE)
    assert ids(published).equals(ids(alone))
    assert published.warnings == (
        "input: feature visits hardly counts next to features that vary far more; scale those by standard or "
        "log-standard",
    )


@pytest.mark.parametrize("size", [1.0, 1e290])
def test_an_outlier_is_still_refused(tmp_path: Path, customers: pd.DataFrame, size: float) -> None:
    """What is refused is one value far from the others, in any unit, and not a large column."""
    columns = multiply(customers, spend=size, visits=size)
    columns.loc[3, "spend"] = 1e9 * size
    with pytest.raises(Refused, match="feature spend has values so far out that differences in visits"):
        run(tmp_path, columns, **NONE)
    columns.loc[3, "spend"] = 1e5 * size
    assert run(tmp_path, columns, **NONE).k >= 2
