"""Which rows of a file are those of erased customers.

Published tables have the id in customer_id. A refused row may have it in its record only, as the source wrote
it, so that is read as the definition reads ids. Leaving rows out of a night: rows/judging/erased_rows.py.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from config.sources import Csv
from segmentation.rows.casting.text_columns import Dialect, cast_id
from segmentation.rows.judging.erased_rows import list_words
from segmentation.store.layout import ATTRIBUTE_QUARANTINE, PRIVATE
from segmentation.store.tombstones import Tombstones

ID_COLUMN = "customer_id"
Detector = Callable[[pa.Table], np.ndarray]  # which rows of a table are erased, bool (n,)


class ErasedCustomers(NamedTuple):
    """Whose rows go. ids: as the command was given them; None: everyone with a tombstone, by hashes alone.

    seen: those of the ids that were found so far.
    """

    tombstones: Tombstones
    ids: pa.StringArray | None
    seen: set[str]

    def detect(self, ids: pa.Array | pa.ChunkedArray) -> np.ndarray:
        """Which of these ids are erased, bool (n,). A null is not an erased customer's."""
        ids = ids.cast(pa.string())
        erased = self.ids
        if erased is None:
            erased = pa.array(self.tombstones.list_erased(ids), pa.string())
        mask = pc.is_in(ids, value_set=erased, skip_nulls=True)
        flags: np.ndarray = mask.to_numpy(zero_copy_only=False)
        if self.ids is not None and flags.any():
            self.seen.update(pc.unique(ids.filter(pa.array(flags))).to_pylist())
        return flags


class IdReading(NamedTuple):
    """How a definition reads ids: the source's column, the suffix that it removes, and the dialect of texts.

    column: None where rows have no id, and customers are numbered.
    """

    column: str | None
    suffix: str | None = None
    dialect: Dialect = Dialect(Csv(), "UTC")
    of_attributes: "IdReading | None" = None  # how the second table's ids are read

    def read(self, texts: pa.Array) -> pa.Array:
        """Ids from texts of the source."""
        values = cast_id(self.column or "", pa.chunked_array([texts]), self.dialect).values.combine_chunks()
        if self.suffix is None:
            return values
        shortened = pc.utf8_slice_codeunits(values, 0, -len(self.suffix))
        return pc.if_else(pc.ends_with(values, self.suffix), shortened, values)


def get_id_reading(definition: Mapping[str, Any]) -> IdReading:
    """How the definition in a manifest reads ids, as far as this version understands it."""
    rows, attributes = definition.get("rows") or {}, definition.get("attributes") or {}
    suffix = rows.get("id_suffix")
    table = IdReading(attributes.get("id"), attributes.get("id_suffix") or suffix, _get_dialect(attributes))
    return IdReading(rows.get("id"), suffix, _get_dialect(definition), table)


def _get_dialect(definition: Mapping[str, Any]) -> Dialect:
    try:
        csv = Csv.model_validate((definition.get("source") or {}).get("csv") or {})
    except ValidationError:  # of a version whose keys have changed
        csv = Csv()
    return Dialect(csv, "UTC")


def make_detector(name: str, customers: ErasedCustomers, reading: IdReading) -> Detector:
    """The function that marks the erased rows of the edition's file of that name."""
    if name in PRIVATE:
        is_second = name == ATTRIBUTE_QUARANTINE and reading.of_attributes is not None
        ids = reading.of_attributes if is_second else reading
        return lambda table: detect_refused(table, customers, ids or reading)
    return lambda table: customers.detect(table[ID_COLUMN])


def list_columns(name: str) -> list[str]:
    """The columns that say whose row it is."""
    return [ID_COLUMN, "record"] if name in PRIVATE else [ID_COLUMN]


def detect_refused(table: pa.Table, customers: ErasedCustomers, reading: IdReading) -> np.ndarray:
    """Which rows of quarantine are erased: by id, by the id in the record, or by a word of the line."""
    mask = customers.detect(table[ID_COLUMN])
    places = np.flatnonzero(pc.is_null(table[ID_COLUMN]).to_numpy())
    owners, texts = [], []
    for place, record in zip(places, table["record"].take(pa.array(places)).to_pylist(), strict=True):
        for text in _list_candidates(record or "", reading):
            owners.append(place)
            texts.append(text)
    if texts:
        is_erased = customers.detect(reading.read(pa.array(texts, pa.string())))
        mask[np.array(owners)[is_erased]] = True
    return mask


def _list_candidates(record: str, reading: IdReading) -> list[str]:
    """What may be the id of a refused row without one: its field in the record, or any word of a line."""
    try:
        fields = json.loads(record)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        return list(list_words(record, reading.suffix))
    values = [fields.get(name) for name in (reading.column, ID_COLUMN)]
    return [value if isinstance(value, str) else str(value) for value in values if value is not None]
