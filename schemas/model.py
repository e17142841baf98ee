"""model.json: feature order, transforms, centres, segment ids and their words; numbers and names only.

Scaling and assigning customers with a model is in segmentation/model.py.
"""

import re
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from schemas.numbers import ColumnScale, Encoding, Finite, Training
from schemas.record import Record
from schemas.words import Words

_ID = re.compile(r"S\d+")


class Model(Record):
    """A fitted segmentation. Centres (k, d') are in scaled units, on the grid of `quantum`."""

    name: str
    version: str
    encodings: tuple[Encoding, ...]
    columns: tuple[ColumnScale, ...]
    quantum: Finite
    trained: Training
    segment_ids: tuple[str, ...]
    centres: tuple[tuple[Finite, ...], ...]
    # Models of earlier versions have no words: the next night that uses such a model learns them.
    words: Words | None = Field(None, exclude_if=lambda words: words is None)

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        # Checked on reading too: a model.json edited by hand must not score customers with shifted columns.
        if [encoding.name for encoding in self.encodings] != [column.feature for column in self.columns]:
            raise ValueError("encodings and columns do not match")
        width = sum(not column.excluded for column in self.columns)
        if len(self.segment_ids) != len(self.centres) or {len(centre) for centre in self.centres} != {width}:
            raise ValueError("segment_ids, centres and columns do not match")
        ids = set(self.segment_ids)
        if len(ids) != len(self.segment_ids) or not all(map(_ID.fullmatch, ids)):
            raise ValueError("segment_ids are not ids")
        if not self.quantum > 0:
            raise ValueError("the quantum must be above 0")
        if self.words and tuple(words.segment_id for words in self.words.segments) != self.segment_ids:
            raise ValueError("the words are not those of the segments")
        return self

    def centre_matrix(self) -> np.ndarray:
        """Centres as float64 (k, d')."""
        return np.array(self.centres, np.float64).reshape(len(self.segment_ids), -1)

    @property
    def features(self) -> frozenset[str]:
        """The columns of the customer table that the model needs."""
        return frozenset(encoding.column for encoding in self.encodings)
