"""Which of a table's features to propose: the most informative ones, and of twins only one.

Which columns can be features at all is decided in segmentation/proposing/roles.py.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from config.columns import Column, Rows
from config.sources import Csv
from config.value_names import rank_as_value
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.roles import Role
from segmentation.proposing.sketches import Distinct
from segmentation.rows.casting.text_columns import Dialect, cast_column
from segmentation.rows.reading.source_batches import read_files
from segmentation.sources.content import SourceFile

MOST_PROPOSED_FEATURES = 12
TWINS = 0.99  # two columns with this correlation, or more, say the same
ENOUGH_BITS = 5.0  # more entropy does not make a column more useful: amounts and counts compare as equals
_MOST_PRODUCTS = 2e10  # bounds the time that correlations take
_MOST_ROWS = 200_000


class FeatureSelection(NamedTuple):
    """The chosen features in the table's order, and of each twin that is left out the column it repeats."""

    features: list[str]
    twins: dict[str, str]


def select_features(
    files: Sequence[SourceFile], profiles: Mapping[str, ColumnProfile], roles: Mapping[str, Role], csv: Csv
) -> FeatureSelection:
    """Choose at most MOST_PROPOSED_FEATURES columns: much information, little of it in another of them."""
    names = [name for name, role in roles.items() if role.use == "feature"]
    numeric = [name for name in names if roles[name].contract["type"] in ("int", "float")]
    correlations = correlate(files, {name: profiles[name] for name in numeric}, csv)
    strength = np.zeros((len(names), len(names)))
    places = [names.index(name) for name in numeric]
    strength[np.ix_(places, places)] = np.abs(correlations)
    bits = np.array([min(ENOUGH_BITS, compute_entropy(profiles[name].distinct)) for name in names])
    values = np.array([rank_as_value(name, str(roles[name].contract.get("unit", ""))) for name in names])
    twins = list_twins(names, strength, bits, values)
    places_left = [place for place, name in enumerate(names) if name not in twins]
    selected = choose_greedily(strength[np.ix_(places_left, places_left)], bits[places_left])
    return FeatureSelection([names[places_left[place]] for place in sorted(selected)], twins)


def correlate(files: Sequence[SourceFile], profiles: Mapping[str, ColumnProfile], csv: Csv) -> np.ndarray:
    """Pearson correlations of columns of numbers, (p, p), over rows in which both have a value.

    Constant columns correlate with nothing: 0. At most 200,000 rows are read.
    """
    names = list(profiles)
    count = len(names)
    if count < 2:
        return np.eye(count)
    columns = {name: Column(type="float", nullable=True) for name in names}
    rows = Rows(id=None, columns=columns)
    most_rows = min(_MOST_ROWS, max(1_000, int(_MOST_PRODUCTS / count**2)))
    sums = np.zeros((4, count, count))
    rows_read = 0
    for batch in read_files(files, rows, csv):
        table = batch.raw.table.slice(0, most_rows - rows_read)
        cast = [cast_column(name, table[name], columns[name], Dialect(csv)).values for name in names]
        values = np.column_stack([column.cast("double").to_numpy() for column in cast])
        sums += _add_products(values, profiles)
        rows_read += table.num_rows
        if rows_read >= most_rows:
            break
    return _compute_correlations(sums)


def _add_products(values: np.ndarray, profiles: Mapping[str, ColumnProfile]) -> np.ndarray:
    """Counts, sums, sums of squares and products of each pair of columns, (4, p, p)."""
    # Centred by the middle of the range, so that large values do not cancel.
    middle = np.array([(profile.low + profile.high) / 2 for profile in profiles.values()])
    width = np.array([max(profile.high - profile.low, 1e-300) for profile in profiles.values()])
    scaled = (values - middle) / width
    valid = np.isfinite(scaled)
    scaled = np.where(valid, scaled, 0.0)
    mask = valid.astype(float)
    return np.stack([mask.T @ mask, scaled.T @ mask, (scaled**2).T @ mask, scaled.T @ scaled])


def _compute_correlations(sums: np.ndarray) -> np.ndarray:
    counts, totals, squares, products = sums
    covariance = counts * products - totals * totals.T
    variance = np.maximum(counts * squares - totals**2, 0.0)
    deviation = np.sqrt(variance * variance.T)
    is_varying = deviation > 1e-12 * np.maximum(counts, 1) ** 2
    return np.where(is_varying, covariance / np.where(is_varying, deviation, 1.0), 0.0)


def compute_entropy(distinct: Distinct) -> float:
    """Bits that a value of the column tells; of many values, those of equally common ones."""
    if not len(distinct.counts):
        return 0.0
    shares = distinct.counts / distinct.counts.sum()
    entropy = float(-(shares * np.log2(shares)).sum())
    # The sketch holds a part of the values, each as common as the others on average.
    return entropy + float(np.log2(max(1.0, distinct.values / len(distinct.counts))))


def list_twins(
    names: Sequence[str], strength: np.ndarray, bits: np.ndarray, values: np.ndarray
) -> dict[str, str]:
    """The columns that repeat another one, each with the one that stays.

    It says what customers are worth, or it has more different values.
    """
    twins: dict[str, str] = {}
    # Seats and what they cost are twins, and only the cost adds up to a share of value.
    order = sorted(range(len(names)), key=lambda place: (-values[place], -bits[place], place))
    for position, place in enumerate(order):
        for stronger in order[:position]:
            if names[stronger] not in twins and strength[place, stronger] > TWINS:
                twins[names[place]] = names[stronger]
                break
    return twins


def choose_greedily(strength: np.ndarray, bits: np.ndarray) -> list[int]:
    """Places of the chosen columns: each adds the most bits that the chosen ones before do not explain."""
    selected: list[int] = []
    shared = np.zeros(len(bits))
    while len(selected) < min(MOST_PROPOSED_FEATURES, len(bits)):
        # Rounded, so that the order of rows, which changes last digits, does not decide.
        gain = np.round(bits * (1 - shared**2), 6)
        gain[selected] = -1.0
        best = int(np.argmax(gain))
        selected.append(best)
        shared = np.maximum(shared, strength[best])
    return selected
