"""Tonight's labels as segment positions, and with refit.mode combine the contested customers.

A customer is contested if only the new model would move them: last night's model, on tonight's data, leaves
them where they are. They keep their segment until the new models have agreed for enough nights. Which cluster
is which segment is decided in segmentation/identity/matching.py.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas.part import Part
from segmentation.features.scaled_parts import Scales, read_scaled
from segmentation.parts import read_part, write_part

CONTESTED_CUSTOMERS = pa.schema({"customer_id": pa.string(), "wanted": pa.string(), "nights": pa.int64()})


class LabelMapping(NamedTuple):
    """How clusters become segments.

    order (k,): each cluster's new position. new_positions (k0,): each old segment's new position, -1 if it
    is gone. may_wait (k,) bool, by new position: can customers be kept from this segment? Not if it would
    be empty without them. names: ids by new position. centres (k, d') by new position. nights: after how
    many nights of agreement a contested customer moves, 0 to contest nobody. is_new: is it another model
    than last night's?
    """

    order: np.ndarray
    new_positions: np.ndarray
    may_wait: np.ndarray
    names: tuple[str, ...]
    centres: np.ndarray
    nights: int
    is_new: bool

    @property
    def is_identity(self) -> bool:
        """Is every cluster's position its own number?"""
        return bool((self.order == np.arange(len(self.order))).all())


class PartFiles(NamedTuple):
    """Stage files of the same customers, their part's number, and how their numbers are scaled.

    previous: see PreviousSegments.
    """

    number: int
    customers: Part
    numbers: Part
    labels: Part
    previous: Part | None
    scales: Scales


class RelabelledPart(NamedTuple):
    """A part's labels by segment position, and its contested customers."""

    labels: Part
    contested: Part


class ContestedCustomers(NamedTuple):
    """Per customer (n,): contested or not, nights of agreement so far, and the position to keep or -1."""

    is_contested: np.ndarray
    nights: np.ndarray
    position: np.ndarray


def relabel_part(files: PartFiles, mapping: LabelMapping, folder: Path) -> RelabelledPart:
    """One part's labels under new positions, and its contested customers, written to `folder`.

    Labels that stay what they are keep their file.
    """
    label = mapping.order[read_part(files.labels, ["label"])["label"].to_numpy()]
    contest = ContestedCustomers(np.zeros(len(label), bool), label, label)
    if files.previous is not None and mapping.nights:
        contest = detect_contested(label, read_part(files.previous), mapping)
    is_contested, labels = contest.is_contested, files.labels
    contested = CONTESTED_CUSTOMERS.empty_table()
    if is_contested.any():
        ids = read_part(files.customers, ["customer_id"])["customer_id"].combine_chunks()
        rows = pa.array(is_contested)
        wanted = pa.array(mapping.names, pa.string()).take(pa.array(label[is_contested]))
        columns = [ids.filter(rows), wanted, pa.array(contest.nights[is_contested])]
        contested = pa.table(columns, CONTESTED_CUSTOMERS)
    if is_contested.any() or not mapping.is_identity:
        table = _relabel(files, mapping, contest, label)
        labels = write_part(folder / f"labels-{files.number:05d}.parquet", table)
    return RelabelledPart(labels, write_part(folder / f"contested-{files.number:05d}.parquet", contested))


def _relabel(
    files: PartFiles, mapping: LabelMapping, contest: ContestedCustomers, label: np.ndarray
) -> pa.Table:
    """The columns of Assignment, as contested customers have them in the segment that they keep."""
    assignment, is_contested = read_part(files.labels), contest.is_contested
    distance, margin, runner_up = (
        assignment[name].to_numpy().copy() for name in ("distance", "margin", "runner_up")
    )
    runner_up = np.where(runner_up >= 0, mapping.order[runner_up], -1)
    if is_contested.any():
        x = read_scaled(files.numbers, files.scales)[:, is_contested]
        centres = mapping.centres[contest.position[is_contested]].T
        distance[is_contested] = np.sqrt(np.square(x - centres).sum(axis=0))
        margin[is_contested], runner_up[is_contested] = 0.0, label[is_contested]
    return pa.table(
        {
            "label": np.where(is_contested, contest.position, label).astype(np.int32),
            "distance": distance.astype(np.float32),
            "margin": margin.astype(np.float32),
            "runner_up": runner_up.astype(np.int32),
        }
    )


def detect_contested(label: np.ndarray, previous: pa.Table, mapping: LabelMapping) -> ContestedCustomers:
    """Which customers only the new model would move. label (n,): their new positions."""
    names = ("previous", "wanted", "nights")
    last, target, nights = (previous[name].to_numpy() for name in names)
    position = np.where(last >= 0, mapping.new_positions[np.maximum(last, 0)], -1)
    # Contested before and still wanted by the same segment, or moved by a new model for the first time.
    is_listed = (nights > 0) & (target >= 0) & (mapping.new_positions[np.maximum(target, 0)] == label)
    is_first = (nights == 0) & ~previous["is_behaviour"].to_numpy() & mapping.is_new
    agreed = np.where(is_listed, nights + 1, 1)
    waits = (is_listed | is_first) & (agreed < mapping.nights) & mapping.may_wait[label]
    return ContestedCustomers((position >= 0) & (label != position) & waits, agreed, position)
