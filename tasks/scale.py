"""Stage scale: fit each feature's transform, write scaled parts on the grid, draw the samples.

How a transform is fitted is in segmentation/features/scaling.py, how it is applied in
segmentation/features/scaled_parts.py, how samples are drawn in segmentation/features/sampling.py.
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from config.definition import Definition
from schemas.clustering import Scaled
from schemas.identity import PreviousEdition
from schemas.night import Night
from schemas.numbers import ColumnScale, Encoding
from schemas.part import Part
from schemas.rows import Customers
from segmentation.errors import Refused
from segmentation.features.encoding import encode_parts, fit_encodings
from segmentation.features.feature_moments import FeatureMoments, measure_part, merge_parts
from segmentation.features.grid_step import (
    bring_into_range,
    choose_grid_step,
    list_outweighed,
    mean_variance,
)
from segmentation.features.inflated_scales import refit_inflated
from segmentation.features.moments import Moments
from segmentation.features.outliers import LEAST_CLIPPED, clip_outliers
from segmentation.features.sampling import (
    DrawablePart,
    EvenDraw,
    draw_evenly,
    draw_keys,
    draw_sample,
    list_drawable,
)
from segmentation.features.scaled_parts import Scales, read_scaled
from segmentation.features.scaling import CONSTANT, EncodedCustomers, compute_range, fit_columns
from segmentation.features.transforms import TRANSFORMS
from segmentation.partitions import map_parts
from segmentation.parts import create_empty_folder, read_part, to_matrix, write_part
from tasks.runtime.stage import stage

COMMON = 0.5  # warn when a larger share of the customers has the same values in every feature


def is_automatic(encoding: Encoding, definition: Definition) -> bool:
    """Is the scaling of this number ours to choose? Levels and indicators have only one."""
    return encoding.kind in ("number", "rank") and definition.scaling_of(encoding.column) == "auto"


def warn_excluded(column: ColumnScale, varies: bool) -> str:
    """The warning about a feature that plays no part in distances. varies: does it, tonight?"""
    feature, is_constant = column.feature, column.reason == CONSTANT
    if is_constant and varies:
        return f"feature {feature} was constant when the scaling was fitted: excluded until the next rescale"
    if is_constant:
        return f"feature {feature} is constant and was excluded"
    return f"feature {feature} was excluded: {column.reason}"


def detect_twins(features: Sequence[str], raw: Moments, parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Pairs of features with equal values for every customer: equal moments first, then every value."""
    moments = [
        tuple(float(x[j]) for x in (raw.mean, raw.m2, raw.low, raw.high)) for j in range(len(features))
    ]
    varies = [raw.low[j] < raw.high[j] for j in range(len(features))]
    pairs = [
        (features[i], features[j])
        for i, j in combinations(range(len(features)), 2)
        if moments[i] == moments[j] and varies[i]
    ]
    return [
        pair
        for pair in pairs
        if all(np.array_equal(*to_matrix(read_part(part, list(pair)))) for part in parts)
    ]


class ScaledPart(NamedTuple):
    """A part's stage file of scaled features, None on a night without fits, and the rows drawn from it."""

    file: Part | None
    draw: EvenDraw


def scale_part(
    drawable: DrawablePart, path: Path | None, scales: Scales, total: int, seed: int
) -> ScaledPart:
    """Scale one part of `total` customers, write it if it has a path, and draw from it."""
    scaled = read_scaled(drawable.part, scales)
    draw = draw_evenly(scaled, draw_keys(drawable, seed), total)
    if path is None:
        return ScaledPart(None, draw)
    # Grid values have at most 24 bits, as many as a float32 holds.
    columns = dict(zip(list_scaled_features(scales), scaled.astype(np.float32), strict=True))
    return ScaledPart(write_part(path, pa.table(columns)), draw)


def list_scaled_features(scales: Scales) -> list[str]:
    """The features that take part in distances."""
    return [column.feature for column in scales.columns if not column.excluded]


def fit_scales(definition: Definition, numbers: EncodedCustomers, moments: FeatureMoments) -> Scales:
    """Each number's transform, and the grid."""
    columns = fit_columns(definition, numbers, moments)
    if all(column.excluded for column in columns):
        names = ", ".join(column.feature for column in columns)
        raise Refused("all-constant", f"every feature is constant for all customers, or excluded: {names}")
    automatic = [is_automatic(encoding, definition) for encoding in numbers.encodings]
    columns = clip_outliers(columns, numbers.parts, automatic, definition.k.smallest_share)
    limit = max(definition.k.smallest_share, LEAST_CLIPPED)
    columns = refit_inflated(columns, numbers.parts, moments.raw, limit)
    columns = bring_into_range(columns, moments.raw)
    # Fewer customers than a segment needs are outliers, as in clip_outliers.
    share = definition.k.smallest_share
    get_range = partial(compute_range, parts=numbers.parts, rows=moments.raw.n, share=share)
    return Scales(columns, choose_grid_step(columns, moments, get_range))


def list_ks(definition: Definition, distinct: int) -> tuple[int, ...]:
    """The values of k to try: no more than distinct customers. Refused if those are too few."""
    plan = definition.k
    key, fewest = ("fixed", plan.fixed) if plan.fixed else ("min", plan.min)
    largest = min(plan.max, distinct)
    if largest < fewest:
        raise Refused(
            "too-few-rows", f"{distinct} distinct customers cannot form k.{key} = {fewest} segments"
        )
    return tuple(range(plan.min, largest + 1))


def list_warnings(
    definition: Definition, scaled: Scaled, moments: FeatureMoments, is_kept: bool
) -> tuple[str, ...]:
    """What is odd about the features. is_kept: was the scaling fitted on an earlier night?"""
    raw = moments.raw
    by_choice = {
        encoding.name
        for encoding in scaled.encodings
        if definition.scaling_of(encoding.column) == "aside"  # the definition's word for excluded
    }
    warnings = [
        warn_excluded(column, is_kept and bool(low < high))
        for column, low, high in zip(scaled.columns, raw.low, raw.high, strict=True)
        if column.excluded and column.feature not in by_choice
    ]
    warnings += [
        f"feature {feature} hardly counts next to features that vary far more; scale those by standard or "
        "log-standard"
        for feature in list_outweighed(scaled.columns, moments, scaled.quantum)
    ]
    names = [encoding.name for encoding in scaled.encodings]
    twins = detect_twins(names, raw, scaled.numbers)
    warnings += [f"features {first} and {second} are equal: they count twice" for first, second in twins]
    if scaled.sample.commonest_share > COMMON:
        share = scaled.sample.commonest_share
        warnings.append(f"{share:.0%} of customers have the same values in every feature")
    if scaled.ks[-1] < definition.k.max:
        warnings.append(
            f"k.max lowered from {definition.k.max} to {scaled.ks[-1]}, the number of distinct rows"
        )
    return tuple(warnings)


def scale_parts(
    night: Night, numbers: Sequence[DrawablePart], scales: Scales, fits: bool
) -> list[ScaledPart]:
    """Scale and draw from all parts, in one pass. fits: are scaled features written, to fit a model to?"""
    total, folder = sum(drawable.part.rows for drawable in numbers), night.staging / "scale"
    paths = [folder / f"scaled-{i:05d}.parquet" if fits else None for i in range(len(numbers))]
    scale_one = partial(scale_part, scales=scales, total=total, seed=night.definition.seed)
    return list(map_parts(lambda pair: scale_one(*pair), zip(numbers, paths, strict=True)))


@stage("scale {night.as_of}")
def scale(night: Night, customers: Customers, previous: PreviousEdition) -> Scaled:
    """Scale as last night's model does, or fit transforms; draw the samples.

    A night that carries on an earlier look at k fits nothing, so it writes no scaled features.
    """
    definition, look = night.definition, previous.look
    folder = create_empty_folder(night.staging / "scale")
    # A new scaling changes every distance and moves customers who have not changed (decision 14).
    model = None if previous.needs_rescale else previous.model
    encodings = model.encodings if model else fit_encodings(definition, customers.parts)
    numbers = EncodedCustomers(encodings, encode_parts(customers.parts, encodings, folder))
    # Where transforms are chosen, the customers are measured after each of them.
    used = {column.transform for column in model.columns} if model else TRANSFORMS
    measure = partial(measure_part, features=numbers.names, transforms=used)
    moments = merge_parts(map_parts(measure, numbers.parts))
    scales = Scales(model.columns, model.quantum) if model else fit_scales(definition, numbers, moments)
    # By id, so that the same customers are drawn night after night.
    ids = customers.parts if definition.rows.id is not None else ()
    scaled_parts = scale_parts(night, list_drawable(numbers.parts, ids), scales, look is None)
    parts = [part.file for part in scaled_parts if part.file is not None]
    draws = [part.draw for part in scaled_parts]
    sample = draw_sample(
        draws, list_scaled_features(scales), list_drawable(parts, ids), definition.seed, folder
    )
    ks = tuple(candidate.k for candidate in look.candidates) if look else list_ks(definition, sample.distinct)
    scaled = Scaled(
        encodings=encodings,
        numbers=numbers.parts,
        columns=scales.columns,
        quantum=scales.quantum,
        variance=mean_variance(scales.columns, moments),
        parts=tuple(parts),
        sample=sample,
        ks=ks,
        warnings=(),
    )
    warnings = list_warnings(definition, scaled, moments, model is not None)
    return scaled.model_copy(update={"warnings": warnings})
