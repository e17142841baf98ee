"""The customers of an edition next to their outcomes: all of them, or a sample of a large edition.

Both tables are sorted by customer id, so they are joined in one pass without holding either. Which measures
there are is in outcome_night.py, what is computed from the sample in judging.py.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.outcome import BOUGHT_AGAIN, Outcome
from schemas.part import Part
from segmentation.identity.join import join_tables
from segmentation.keys import hash_texts, to_uniform
from segmentation.outcomes.divisions import Divisions
from segmentation.parts import read_part

MOST_CUSTOMERS = 400_000  # beyond this many a sample is drawn, evenly and by id


class OutcomeSample(NamedTuple):
    """Customers of an edition in random order, which depends on their ids alone. n rows.

    segment_ids, previous_ids: object (n,), None for customers who joined. outcomes: float64 (n, m), NaN for
    customers without an outcome. features: float64 (n, d), of quintile cells. keys: uniform in [0, 1).
    divisions: int16 (n, a), labels in the edition's other divisions.
    """

    segment_ids: np.ndarray
    previous_ids: np.ndarray
    outcomes: np.ndarray
    features: np.ndarray
    keys: np.ndarray
    divisions: np.ndarray


class OutcomeTable(NamedTuple):
    """The parts with outcomes by customer, ascending by id, and how their columns become measures."""

    parts: Sequence[Part]
    measures: Sequence[str]
    outcome: Outcome

    def read(self) -> Iterator[pa.Table]:
        """The parts' tables; an empty one without parts."""
        if not self.parts:
            empty = pa.schema([pa.field(name, pa.float64()) for name in self.measures])
            yield pa.schema([pa.field("customer_id", pa.string()), *empty]).empty_table()
        for part in self.parts:
            yield read_part(part, ["customer_id", *self.measures])

    def to_numbers(self, rows: pa.Table, place: np.ndarray) -> np.ndarray:
        """Measures (n, m) of customers at these places of `rows`; -1: a customer who is not there.

        Events: such a customer did nothing, so it has 0. Of a column it has NaN.
        """
        is_there = place >= 0
        numbers = np.full((len(place), len(self.measures)), 0.0 if self.outcome.column is None else np.nan)
        for column, name in zip(numbers.T, self.measures, strict=True):
            values = rows[name]
            if self.outcome.positive is not None:
                values = pc.equal(values.cast(pa.string()), self.outcome.positive)
            if name == BOUGHT_AGAIN and self.outcome.column is None:
                values = pc.greater(values, 0)
            column[is_there] = values.cast(pa.float64()).to_numpy()[place[is_there]]
        return numbers


class EditionColumns(NamedTuple):
    """What is taken from segments.parquet, next to segments: features of quintile cells, and divisions."""

    features: Sequence[str]
    divisions: Divisions = Divisions()

    def list_names(self) -> list[str]:
        """The columns to read."""
        names = ["segment_id", "previous_segment_id", *self.features, *self.divisions.columns]
        return list(dict.fromkeys(names))


def join_outcomes(
    edition: Iterator[pa.Table], table: OutcomeTable, columns: EditionColumns, customers: int
) -> OutcomeSample:
    """The edition's customers with their outcomes. customers: how many the edition has."""
    limit = min(1.0, MOST_CUSTOMERS / max(customers, 1))
    batches = (rows for rows in edition if rows.num_rows)
    pieces = [
        _draw(rows, table.to_numbers(joined.earlier, joined.place), columns, limit)
        for rows, joined in join_tables(batches, table.read())
    ]
    sample = OutcomeSample(*(np.concatenate(arrays) for arrays in zip(*pieces, strict=True)))
    order = np.argsort(sample.keys, kind="stable")
    return OutcomeSample(*(array[order] for array in sample))


def _draw(rows: pa.Table, outcomes: np.ndarray, columns: EditionColumns, limit: float) -> OutcomeSample:
    """The drawn customers among these rows."""
    keys = hash_texts(rows["customer_id"].cast(pa.string()).combine_chunks())
    is_drawn = to_uniform(keys, 1) < limit
    features = columns.features
    numbers = [rows[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False) for name in features]
    return OutcomeSample(
        segment_ids=_to_objects(rows["segment_id"])[is_drawn],
        previous_ids=_to_objects(rows["previous_segment_id"])[is_drawn],
        outcomes=outcomes[is_drawn],
        features=np.array(numbers).reshape(len(numbers), rows.num_rows).T[is_drawn],
        # Another seed than the draw's, or a sample would have the lowest keys only.
        keys=to_uniform(keys, 2)[is_drawn],
        divisions=columns.divisions.label(rows.filter(pa.array(is_drawn))),
    )


def _to_objects(column: pa.ChunkedArray) -> np.ndarray:
    return np.array(column.cast(pa.string()).to_pylist(), object)
