"""Stage scale: fit each feature's transform, write scaled parts on the grid, take the sample.

How a transform is fitted is in segmentation/features/scaling.py, how it is applied in
segmentation/features/transforms.py, how the sample is drawn in segmentation/features/sampling.py.
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations

import numpy as np
import pyarrow as pa

from config.parameters import Segmentation
from schemas.identity import Memory
from schemas.numbers import ColumnScale, Encoding
from schemas.records import Customers, Night, Part, Scaled
from segmentation.errors import Refused
from segmentation.features.encoding import encode_parts, fit_encodings
from segmentation.features.grid import snap
from segmentation.features.looks import look_again
from segmentation.features.moments import Moments, measure, merge_all
from segmentation.features.sampling import draw_sample
from segmentation.features.scaling import Numbers, fit_columns, mean_variance, settle_quantum
from segmentation.features.transforms import to_scaled
from segmentation.model import read_model
from segmentation.partitions import over_parts
from segmentation.parts import read_part, start_folder, to_matrix, write_part
from segmentation.store.objects import as_place
from tasks.runtime.stage import stage

MOSTLY = 0.5  # of all customers with the same values: worth a warning
LARGEST = 1e90  # cubes and squares of what is larger leave float64


def measure_part(part: Part, features: Sequence[str]) -> tuple[Moments, Moments]:
    """Moments of the features and of their log1p (of 0 where a feature goes below 0)."""
    matrix = to_matrix(read_part(part, features))
    for feature, values in zip(features, matrix, strict=True):
        if max(values.max(), -values.min()) > LARGEST:
            raise Refused(
                "extreme-values", f"feature {feature} has values beyond {LARGEST:g}; change its unit"
            )
    return measure(matrix), measure(np.log1p(np.maximum(matrix, 0.0)))


def is_automatic(one: Encoding, segmentation: Segmentation) -> bool:
    """Is the scaling of this number left to the project? Levels and indicators have one way only."""
    return one.kind in ("number", "rank") and segmentation.scaling_of(one.column) == "auto"


def tell_aside(one: ColumnScale, varies: bool) -> str:
    """The warning of a feature that plays no part in distances. varies: tonight, whatever it did once."""
    if one.why.startswith("the same value") and varies:
        return f"feature {one.feature} was constant when the scaling was fitted: set aside until it is again"
    if one.why.startswith("the same value"):
        return f"feature {one.feature} is constant and was set aside"
    return f"feature {one.feature} was set aside: {one.why}"


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


def scale_part(part: Part, columns: Sequence[ColumnScale], quantum: float) -> pa.Table:
    """One part's scaled features as float32, which holds every value on the grid exactly."""
    matrix = to_matrix(read_part(part, [column.feature for column in columns]))
    scaled = snap(to_scaled(matrix, columns), quantum)
    names = [column.feature for column in columns if not column.aside]
    return pa.table({name: row.astype(np.float32) for name, row in zip(names, scaled, strict=True)})


def fit_scales(
    segmentation: Segmentation, numbers: Numbers, moments: tuple[Moments, Moments]
) -> tuple[tuple[ColumnScale, ...], float]:
    """Each number's transform, and the grid. moments: of the numbers, and of their log1p."""
    raw, log = moments
    columns = fit_columns(segmentation, numbers, raw, log)
    if all(column.aside for column in columns):
        names = ", ".join(column.feature for column in columns)
        raise Refused("all-constant", f"every feature has one value for all customers, or is aside: {names}")
    is_auto = [is_automatic(one, segmentation) for one in numbers.encodings]
    columns = look_again(columns, numbers.parts, is_auto, segmentation.k.smallest_share)
    return columns, settle_quantum(columns, moments)


@stage("scale {night.as_of}")
def scale(night: Night, customers: Customers, memory: Memory) -> Scaled:
    """Scale as last night's model does, or fit transforms; write the scaled parts, draw the sample."""
    segmentation = night.segmentation
    folder = start_folder(night.staging / "scale")
    kept = None if memory.rescales else read_model(as_place(str(memory.folder)) / "model.json")
    encodings = kept.encodings if kept else fit_encodings(segmentation, customers.parts)
    numbers = Numbers(encodings, encode_parts(customers.parts, encodings, folder))
    measured = list(over_parts(partial(measure_part, features=numbers.names), numbers.parts))
    raw, log = (merge_all(moments) for moments in zip(*measured, strict=True))
    columns, quantum = (kept.columns, kept.quantum) if kept else fit_scales(segmentation, numbers, (raw, log))
    tables = over_parts(partial(scale_part, columns=columns, quantum=quantum), numbers.parts)
    parts = tuple(write_part(folder / f"scaled-{i:05d}.parquet", table) for i, table in enumerate(tables))

    asked_aside = [one.name for one in encodings if segmentation.scaling_of(one.column) == "aside"]
    ids = customers.parts if segmentation.rows.id is not None else ()
    sample = draw_sample(parts, ids, segmentation.seed, folder)
    top = min(segmentation.k.max, sample.distinct)
    fewest = ("fixed", segmentation.k.fixed) if segmentation.k.fixed else ("min", segmentation.k.min)
    if top < fewest[1]:
        raise Refused(
            "too-few-rows",
            f"{sample.distinct} distinct customers cannot form k.{fewest[0]} = {fewest[1]} segments",
        )
    warnings = [
        tell_aside(one, kept is not None and bool(low < high))
        for one, low, high in zip(columns, raw.low, raw.high, strict=True)
        if one.aside and one.feature not in asked_aside
    ]
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
