"""The rows of alternatives.parquet: every k that was tried, with the names, sizes and values of its segments.

Everything comes from the sweep: its centres, and what its pass over all customers counted. The section of the
page is in alternatives.py.
"""

import json
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from schemas.alternatives import ALTERNATIVES
from schemas.clustering import Candidate, Segment
from schemas.evidence import Choice, CurvePoint
from schemas.numbers import ColumnScale
from schemas.words import TypicalFigure
from segmentation.features.transforms import to_original
from segmentation.report.words.factual_names import (
    NamingInputs,
    choose_names,
    measure_pairwise_distances,
)
from segmentation.report.words.name_text import format_factual_names
from segmentation.report.words.segment_order import order_segments
from segmentation.report.words.traits import Trait
from segmentation.report.words.typical_figures import Figures, compute_contrasts


class Naming(NamedTuple):
    """What names are made from, over all numbers (d,): scales, spreads of the figures, words and units."""

    columns: Sequence[ColumnScale]
    figures: Sequence[TypicalFigure]
    traits: dict[str, Trait]
    units: dict[str, str]


class PublishedDivision(NamedTuple):
    """The edition's own segments in order, with their names, and their sums of the value feature or None."""

    segments: Sequence[Segment]
    names: Sequence[str]
    values: Sequence[float | None]


def name_division(centres: np.ndarray, sizes: np.ndarray, naming: Naming) -> list[str]:
    """Names of segments from their centres (k, d') in scaled units and their sizes (k,)."""
    everyone = sizes @ centres / sizes.sum()
    original = to_original(np.vstack([centres, everyone]), naming.columns)
    contrasts = compute_contrasts(naming.figures, Figures(original[:-1], original[-1]), naming.columns)
    varying = [j for j, column in enumerate(naming.columns) if not column.excluded]
    inputs = NamingInputs(
        contrasts=contrasts[:, varying],
        figures=original[:-1, varying],
        distances=measure_pairwise_distances(centres),
        traits=[naming.traits[naming.columns[j].feature] for j in varying],
    )
    return format_factual_names(choose_names(inputs), naming.traits, naming.units)


def tabulate_alternatives(
    choice: Choice, candidates: Sequence[Candidate], naming: Naming, published: PublishedDivision
) -> pd.DataFrame:
    """One row per k and segment, the segments of a k in reading order."""
    stability = {measures.k: measures.stability for measures in choice.measures}
    rows = []
    for candidate, point in zip(candidates, choice.curve, strict=True):
        is_published = candidate.k == choice.k
        division = _list_published(published) if is_published else _list_candidate(candidate, point, naming)
        rows += [
            {"k": candidate.k, "is_published": is_published, "stability": stability.get(candidate.k), **row}
            for row in division
        ]
    return pd.DataFrame(rows)[list(ALTERNATIVES.columns)].astype(
        {"value_share": "float64", "stability": "float64"}
    )


def _list_candidate(candidate: Candidate, point: CurvePoint, naming: Naming) -> list[dict[str, object]]:
    """The segments of a fit that was not published. A centre without customers is left out."""
    sizes = np.array(point.sizes)
    used = np.flatnonzero(sizes)
    centres = np.array(candidate.centres)[used]
    names = name_division(centres, sizes[used], naming)
    values = [point.values[i] for i in used] if point.values else [None] * len(used)
    labels = [f"{i:03d}" for i in range(len(used))]
    rows = _list_rows(names, sizes[used].tolist(), values, centres, labels)
    return [{**row, "segment_id": None} for row in rows]


def _list_published(published: PublishedDivision) -> list[dict[str, object]]:
    segments = published.segments
    centres = np.array([segment.centre for segment in segments])
    labels = [segment.segment_id for segment in segments]
    sizes = [segment.size for segment in segments]
    return _list_rows(list(published.names), sizes, published.values, centres, labels)


def _list_rows(
    names: Sequence[str],
    sizes: Sequence[int],
    values: Sequence[float | None],
    centres: np.ndarray,
    labels: Sequence[str],
) -> list[dict[str, object]]:
    """The rows of one division in reading order."""
    sums = [value for value in values if value is not None]
    has_value, total = len(sums) == len(names), sum(sums)
    order = order_segments(labels, sums if has_value else None, sizes)
    return [
        {
            "position": position,
            "segment_id": labels[i],
            "name": names[i],
            "size": sizes[i],
            "share": sizes[i] / sum(sizes),
            "value_share": sums[i] / total if has_value and total > 0 else None,
            "centre": json.dumps(centres[i].tolist()),
        }
        for position, i in enumerate(order, start=1)
    ]
