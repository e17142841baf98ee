"""Tonight's labels under stable ids, and with refit.mode combine the customers that are contested.

A customer is contested whom a new model alone would move: last night's model, on tonight's data, leaves
them where they are. They keep their segment until the new models have agreed for enough nights.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.part import Part
from segmentation.parts import read_part, to_matrix, write_part


class LabelMapping(NamedTuple):
    """How clusters become segments: order (k,), each cluster's new position; kept (k0,), each old segment's.

    may_wait (k,) bool: the new positions that customers can be kept from; not a segment that would be empty
    without them, such as a new one.
    names: ids by new position; centres (k, d') by new position; nights: agreement that moves a contested
    customer, 0 to contest nothing; is_new: is it another model than last night's?
    """

    order: np.ndarray
    kept: np.ndarray
    may_wait: np.ndarray
    names: tuple[str, ...]
    centres: np.ndarray
    nights: int
    is_new: bool


class PartFiles(NamedTuple):
    """Parts of the same customers: themselves, scaled, their labels, where they were."""

    customers: Part
    scaled: Part
    labels: Part
    origins: Part | None


def relabel_part(piece: tuple[PartFiles, tuple[Path, Path]], cast: LabelMapping) -> tuple[Part, Part]:
    """Write one part's labels under new positions, and its contested customers, to the two paths."""
    parts, paths = piece
    found = read_part(parts.labels)
    label, runner_up = (found[name].to_numpy() for name in ("label", "runner_up"))
    label = cast.order[label]
    runner_up = np.where(runner_up >= 0, cast.order[runner_up], -1)
    distance, margin = found["distance"].to_numpy(), found["margin"].to_numpy()
    is_contested, asked, stays = np.zeros(len(label), bool), label, label
    if parts.origins is not None:
        is_contested, asked, stays = detect_contested(label, read_part(parts.origins), cast)
    if is_contested.any():
        x = to_matrix(read_part(parts.scaled))[:, is_contested]
        own = cast.centres[stays[is_contested]].T
        distance, margin, runner_up = distance.copy(), margin.copy(), runner_up.copy()
        distance[is_contested] = np.sqrt(np.square(x - own).sum(axis=0))
        margin[is_contested], runner_up[is_contested] = 0.0, label[is_contested]
    ids = read_part(parts.customers, ["customer_id"])["customer_id"].combine_chunks()
    names = pa.array(cast.names, pa.string())
    contested = pa.table(
        {
            "customer_id": ids.filter(pa.array(is_contested)),
            "wanted": names.take(pa.array(label[is_contested])),
            "nights": asked[is_contested],
        }
    )
    columns = {
        "label": np.where(is_contested, stays, label).astype(np.int32),
        "distance": distance.astype(np.float32),
        "margin": margin.astype(np.float32),
        "runner_up": runner_up.astype(np.int32),
    }
    return write_part(paths[0], pa.table(columns)), write_part(paths[1], contested)


def detect_contested(label: np.ndarray, origin: pa.Table, cast: LabelMapping) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Who is contested (n,) bool, for how many nights now (n,), and where they were (n,), -1 for nowhere."""
    previous, wanted, nights = (origin[name].to_numpy() for name in ("previous", "wanted", "nights"))
    stays = np.where(previous >= 0, cast.kept[np.maximum(previous, 0)], -1)
    listed = (nights > 0) & (wanted >= 0) & (cast.kept[np.maximum(wanted, 0)] == label)
    fresh = (nights == 0) & ~origin["is_behaviour"].to_numpy() & cast.is_new
    asked = np.where(listed, nights + 1, 1)
    waits = (listed | fresh) & (asked < cast.nights) & cast.may_wait[label]
    return (stays >= 0) & (label != stays) & waits, asked, stays
