"""Stage 3, scale: fit each feature's transform, write scaled parts on the grid, take the sample.

How a fitted transform is applied and inverted is in segmentation/transforms.py, how the sample is
drawn in segmentation/sampling.py.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from config.parameters import Scaling, Segmentation
from schemas.numbers import ColumnScale, Encoding, Transform
from schemas.records import Customers, Night, Part, Scaled
from segmentation.encoding import encode_parts, fit_encodings
from segmentation.errors import Refused
from segmentation.grid import find_quantum, snap
from segmentation.moments import Moments, measure, merge_all, significant
from segmentation.order_statistics import select
from segmentation.partitions import over_parts
from segmentation.parts import read_part, start_folder, to_matrix, write_part
from segmentation.sampling import draw_sample
from segmentation.transforms import to_scaled
from tasks.options import stage

SKEWED = 1.0
MOSTLY = 0.5  # of all customers with the same values: worth a warning
LARGEST, SMALLEST = 1e90, 1e-90  # cubes and squares beyond these leave float64


def measure_part(part: Part, features: Sequence[str]) -> tuple[Moments, Moments]:
    """Moments of the features and of their log1p (of 0 where a feature goes below 0)."""
    matrix = to_matrix(read_part(part, features))
    for feature, values in zip(features, matrix, strict=True):
        if max(values.max(), -values.min()) > LARGEST:
            raise Refused(
                "extreme-values", f"feature {feature} has values beyond {LARGEST:g}; change its unit"
            )
    return measure(matrix), measure(np.log1p(np.maximum(matrix, 0.0)))


def find_quartiles(parts: Sequence[Part], feature: str, rows: int) -> tuple[float, float, float]:
    """Exact lower quartile, median and upper quartile of one feature (lower values at ties of rank)."""
    found = []
    for share in (0.25, 0.5, 0.75):

        def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            return over_parts(partial(_one_group, feature=feature), parts)

        rank = np.array([[int(share * (rows - 1))]])
        found.append(float(select(batches, rank, 1)[0, 0]))
    return found[0], found[1], found[2]


def _one_group(part: Part, feature: str) -> tuple[np.ndarray, np.ndarray]:
    matrix = to_matrix(read_part(part, [feature]))
    return matrix, np.zeros(matrix.shape[1], np.int32)


def choose_transform(asked: Scaling, raw_skew: float, log_skew: float, low: float) -> tuple[Transform, str]:
    """The transform for what the definition asks, and why. `auto`: log where that lowers a high skew."""
    if asked != "auto":
        return asked, "asked for by the definition"
    if low >= 0 and raw_skew > SKEWED and abs(log_skew) < raw_skew:
        return "log-standard", f"skewness {raw_skew:.1f}, {log_skew:.1f} after log1p"
    return "standard", f"skewness {raw_skew:.1f}"


class Numbers(NamedTuple):
    """The encoded features of all customers: what each number is, and the parts that hold them."""

    encodings: tuple[Encoding, ...]
    parts: tuple[Part, ...]

    @property
    def names(self) -> list[str]:
        """The numbers' names."""
        return [one.name for one in self.encodings]


def choose_for(
    one: Encoding, segmentation: Segmentation, skews: tuple[float, float], low: float
) -> tuple[Transform, str]:
    """The transform of one number, and why. Levels and indicators are 0 or 1 and stay so."""
    if one.kind in ("level", "other"):
        return "one-hot", f"one of {one.block} levels, which share the feature's weight"
    if one.kind == "missing":
        return "one-hot", "says where the value is missing"
    return choose_transform(segmentation.scaling_of(one.column), *skews, low)


def fit_columns(
    segmentation: Segmentation, numbers: Numbers, raw: Moments, log: Moments
) -> tuple[ColumnScale, ...]:
    """Each number's fitted transform. Refused where log-standard meets negative values."""
    columns = []
    for j, one in enumerate(numbers.encodings):
        feature = one.name
        skews = float(raw.skewness[j]), float(log.skewness[j])
        transform, why = choose_for(one, segmentation, skews, float(raw.low[j]))
        if transform == "log-standard" and raw.low[j] < 0:
            raise Refused("negative-log", f"feature {feature} has negative values; log-standard needs none")
        used = log if transform == "log-standard" else raw
        shift, scale = float(used.mean[j]), float(used.std[j])
        if transform in ("none", "one-hot"):
            # A block of 0/1 numbers weighs as one feature: 1 / sqrt(levels) each.
            shift, scale = 0.0, float(np.sqrt(one.block))
        elif transform == "robust":
            lower, median, upper = find_quartiles(numbers.parts, feature, raw.n)
            shift = median
            # Half of the rows may share one value; the standard deviation then measures the rest.
            scale = upper - lower if upper > lower else scale
        spread = float(raw.high[j] - raw.low[j])
        if 0 < spread < SMALLEST:
            raise Refused(
                "extreme-values", f"feature {feature} varies by less than {SMALLEST:g}; change its unit"
            )
        is_constant = spread <= 1e-12 * max(abs(float(raw.high[j])), abs(float(raw.low[j])))
        columns.append(
            ColumnScale(
                feature=feature,
                transform="none" if is_constant else transform,
                shift=float(raw.low[j]) if is_constant else significant(shift),
                scale=1.0 if is_constant else significant(scale),
                weight=significant(segmentation.weights.get(one.column, 1.0) ** 0.5),
                constant=is_constant,
                why="the same value for all customers" if is_constant else why,
            )
        )
    return tuple(columns)


def find_twins(features: Sequence[str], raw: Moments, parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Pairs of features with equal values for every customer: equal moments first, then every value."""
    of = [(*(float(x[j]) for x in (raw.mean, raw.m2, raw.low, raw.high)),) for j in range(len(features))]
    varies = [raw.low[j] < raw.high[j] for j in range(len(features))]
    pairs = [(i, j) for i, j in combinations(range(len(features)), 2) if of[i] == of[j] and varies[i]]
    return [
        (features[i], features[j])
        for i, j in pairs
        if all(np.array_equal(*to_matrix(read_part(part, [features[i], features[j]]))) for part in parts)
    ]


def mean_variance(columns: Sequence[ColumnScale], raw: Moments, log: Moments) -> float:
    """Mean over the features of the variance of their scaled values, before the grid."""
    variances = [
        float((log if one.transform == "log-standard" else raw).std[j] / one.scale * one.weight) ** 2
        for j, one in enumerate(columns)
        if not one.constant
    ]
    return significant(sum(variances) / len(variances))


def find_largest(columns: Sequence[ColumnScale], raw: Moments) -> float:
    """The largest absolute scaled value: transforms are monotone, so it is at a column's end."""
    ends = to_scaled(np.stack([raw.low, raw.high], axis=1), columns)
    return float(np.abs(ends).max(initial=0.0))


def scale_part(part: Part, columns: Sequence[ColumnScale], quantum: float) -> pa.Table:
    """One part's scaled features as float32, which holds every value on the grid exactly."""
    matrix = to_matrix(read_part(part, [column.feature for column in columns]))
    scaled = snap(to_scaled(matrix, columns), quantum)
    names = [column.feature for column in columns if not column.constant]
    return pa.table({name: row.astype(np.float32) for name, row in zip(names, scaled, strict=True)})


@stage("scale {night.as_of}")
def scale(night: Night, customers: Customers) -> Scaled:
    """Fit the transforms in one pass, write the scaled parts in a second, then draw the sample."""
    segmentation = night.segmentation
    folder = start_folder(night.staging / "scale")
    encodings = fit_encodings(segmentation, customers.parts)
    numbers = Numbers(encodings, encode_parts(customers.parts, encodings, folder))
    measured = list(over_parts(partial(measure_part, features=numbers.names), numbers.parts))
    raw, log = (merge_all(moments) for moments in zip(*measured, strict=True))

    columns = fit_columns(segmentation, numbers, raw, log)
    constant = [column.feature for column in columns if column.constant]
    if len(constant) == len(columns):
        raise Refused("all-constant", f"every feature has one value for all customers: {', '.join(constant)}")
    quantum = find_quantum(find_largest(columns, raw), len(columns) - len(constant))
    tables = over_parts(partial(scale_part, columns=columns, quantum=quantum), numbers.parts)
    parts = tuple(write_part(folder / f"scaled-{i:05d}.parquet", table) for i, table in enumerate(tables))

    ids = customers.parts if segmentation.rows.id is not None else ()
    sample = draw_sample(parts, ids, segmentation.seed, folder / "sample.parquet")
    top = min(segmentation.k.max, sample.distinct)
    if top < segmentation.k.min:
        raise Refused(
            "too-few-rows",
            f"{sample.distinct} distinct customers cannot form k.min = {segmentation.k.min} segments",
        )
    warnings = [f"feature {feature} is constant and was set aside" for feature in constant]
    twins = find_twins(numbers.names, raw, numbers.parts)
    warnings += [f"features {one} and {other} are equal: they count twice" for one, other in twins]
    if sample.common > MOSTLY:
        warnings.append(f"{sample.common:.0%} of customers have the same values in every feature")
    if top < segmentation.k.max:
        warnings.append(f"k.max lowered from {segmentation.k.max} to {top}, the number of distinct rows")
    return Scaled(
        encodings=encodings,
        numbers=numbers.parts,
        columns=columns,
        quantum=quantum,
        variance=mean_variance(columns, raw, log),
        parts=parts,
        sample=sample,
        ks=tuple(range(segmentation.k.min, top + 1)),
        warnings=tuple(warnings),
    )
