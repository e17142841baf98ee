"""Choosing each feature's transform and fitting it to the customers' moments.

The transforms are in segmentation/features/transforms.py, the grid step is in grid_step.py. Rare events and
far values are handled afterwards, in outliers.py.
"""

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from config.clauses import Scaling
from config.definition import Definition
from schemas.numbers import ColumnScale, Encoding, Transform
from schemas.part import Part
from segmentation.errors import Refused
from segmentation.features.feature_moments import FeatureMoments
from segmentation.features.moments import round_significant
from segmentation.features.order_statistics import pass_over, select_ranks
from segmentation.features.transforms import TRANSFORMS, FeatureSummary, Quartiles
from segmentation.parts import read_part, to_matrix

# On simulated customers, agreement with the truth is 0.28 unscaled, 0.68 by standard scaling, and 0.82 with
# this rule and that of outliers.py.
SKEWED = 1.0
SMALLEST = 1e-304  # float64 keeps all of its digits down to 2.2e-308: room for a deviation within the range
CONSTANT = "the same value for all customers"
# Nothing else tells a number of days in a table of customers from other numbers.
_DAYS = re.compile(
    r"recency|days?[ _-]?since|days?[ _-]?inactive|inactive[ _-]?days|tage[ _-]?seit|jours[ _-]?depuis|"
    r"d[ií]as[ _-]?(desde|sin)|giorni[ _-]?da|dagen[ _-]?(sinds|sedan|siden)|dni[ _-]?od",
    re.IGNORECASE,
)


class EncodedCustomers(NamedTuple):
    """The encoded features of all customers: what each number is, and the parts with the numbers."""

    encodings: tuple[Encoding, ...]
    parts: tuple[Part, ...]

    @property
    def names(self) -> list[str]:
        """The numbers' names."""
        return [encoding.name for encoding in self.encodings]


class ChosenTransform(NamedTuple):
    """A transform, and the reason in words."""

    transform: Transform
    reason: str


def choose_transform(scaling: Scaling, raw_skew: float, log_skew: float, low: float) -> ChosenTransform:
    """The transform that the definition asks for. `auto`: log where that lowers a high skew."""
    if scaling != "auto":
        return ChosenTransform(scaling, "asked for by the definition")
    if low >= 0 and raw_skew > SKEWED and abs(log_skew) < raw_skew:
        return ChosenTransform("log-standard", f"skewness {raw_skew:.1f}, {log_skew:.1f} after log1p")
    return ChosenTransform("standard", f"skewness {raw_skew:.1f}")


def names_days(column: str) -> bool:
    """Does the name of a customer's column say that it counts the days since something?

    >>> names_days("recency_days"), names_days("Tage seit letzter Bestellung"), names_days("days_open")
    (True, True, False)
    """
    return _DAYS.match(column) is not None


def choose_number_transform(
    definition: Definition, encoding: Encoding, moments: FeatureMoments, j: int
) -> ChosenTransform:
    """The transform of number j. Levels and indicators are 0 or 1 and stay so."""
    if encoding.kind in ("level", "other"):
        return ChosenTransform("one-hot", f"one of {encoding.block} levels, which share the feature's weight")
    if encoding.kind == "missing":
        return ChosenTransform("one-hot", "says where the value is missing")
    raw_skew = float(moments.raw.skewness[j])
    log_skew = float(moments.under("log-standard").skewness[j])
    scaling, low = definition.scaling_of(encoding.column), float(moments.raw.low[j])
    is_days = definition.grows_daily(encoding.column) or names_days(encoding.column)
    if scaling == "auto" and is_days:
        # On a log scale, a day without an order moves a customer of yesterday as far as a month moves one of
        # a month ago: 2 to 3 % of customers changed segment each night, against 0.6 to 1 %.
        return ChosenTransform("standard", f"skewness {raw_skew:.1f}, but days that pass are never logged")
    return choose_transform(scaling, raw_skew, log_skew, low)


def compute_quartiles(parts: Sequence[Part], feature: str, rows: int) -> Quartiles:
    """Exact quartiles of one feature over all parts: of the two values next to a rank, the lower."""
    return Quartiles(*_select(parts, feature, [int(share * (rows - 1)) for share in (0.25, 0.5, 0.75)]))


def compute_range(feature: str, parts: Sequence[Part], rows: int, share: float) -> float:
    """The range of a feature's values, without that share of the rows at either end."""
    cut = int(share * (rows - 1))
    low, high = _select(parts, feature, [cut, rows - 1 - cut])
    return high - low


def _select(parts: Sequence[Part], feature: str, ranks: Sequence[int]) -> list[float]:
    """The values of a feature at these ranks (0 = smallest)."""
    values = pass_over(parts, partial(_read_one_group, feature=feature))
    return [float(select_ranks(values, np.array([[rank]]), 1)[0, 0]) for rank in ranks]


def _read_one_group(part: Part, feature: str) -> tuple[np.ndarray, np.ndarray]:
    matrix = to_matrix(read_part(part, [feature]))
    return matrix, np.zeros(matrix.shape[1], np.int32)


def fit_columns(
    definition: Definition, customers: EncodedCustomers, moments: FeatureMoments
) -> tuple[ColumnScale, ...]:
    """Each number's fitted transform. Refused where a transform does not accept a feature's values."""
    return tuple(fit_column(definition, customers, moments, j) for j in range(len(customers.encodings)))


def fit_column(
    definition: Definition, customers: EncodedCustomers, moments: FeatureMoments, j: int
) -> ColumnScale:
    """The fitted transform of number j. A constant number is excluded."""
    encoding, low, high = customers.encodings[j], float(moments.raw.low[j]), float(moments.raw.high[j])
    transform, reason = choose_number_transform(definition, encoding, moments, j)
    kind = TRANSFORMS[transform]
    if low < kind.lowest:
        raise Refused(
            "negative-log",
            f"feature {encoding.name} has values below {kind.lowest:g}, which {transform} does not accept",
        )
    if 0 < high - low < SMALLEST:
        raise Refused(
            "extreme-values", f"feature {encoding.name} varies by less than {SMALLEST:g}; change its unit"
        )
    # A sum of equal values may be off in its last bits, so a constant column's mean and range may be too.
    is_constant = high - low <= 1e-12 * max(abs(high), abs(low))
    is_excluded = is_constant or transform == "aside"
    shift, scale = low, 1.0
    if not is_excluded:
        used = moments.under(transform)
        quartiles = partial(compute_quartiles, customers.parts, encoding.name, moments.raw.n)
        summary = FeatureSummary(float(used.mean[j]), float(used.std[j]), encoding.block, quartiles)
        # Rounded: moments differ in their last bits between machines, and these numbers enter model.json.
        shift, scale = map(round_significant, kind.fit(summary))
    return ColumnScale(
        feature=encoding.name,
        transform="aside" if is_excluded else transform,
        shift=shift,
        scale=scale,
        # The definition's weight is a factor on the squared distance, hence the root.
        weight=round_significant(definition.weights.get(encoding.column, 1.0) ** 0.5),
        excluded=is_excluded,
        reason=CONSTANT if is_constant else reason,
    )
