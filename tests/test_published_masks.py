"""Published tables are checked by masks, with pandera as the oracle."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pandera.errors import SchemaErrors

from config.definition import BUILT_IN
from config.definition_files import read_definition
from schemas.fields import arrow_schema, to_frame
from schemas.identity_tables import CHANGES, CONTESTED, LINEAGE
from schemas.row_masks import keeps_contract
from schemas.tables import segments_schema
from segmentation.store.publication.edition_files import check_table

ROW = {
    "customer_id": "1",
    "change": "moved",
    "segment_id": "S01",
    "cause": "model",
    "event": "split",
    "wanted": "S02",
    "segment_name": "few",
    "runner_up": "S02",
    "margin": 0.5,
    "distance": 1.0,
    "nights": 1,
    "shared": 0,
}
WRONG: list[tuple[str, Any]] = [
    ("customer_id", None),
    ("change", "gone"),
    ("change", None),
    ("segment_id", "S1"),
    ("segment_id", "xS01"),
    ("segment_id", "S01x"),
    ("wanted", "S2\n"),
    ("nights", 0),
    ("shared", -1),
    ("distance", -1.0),
    ("distance", np.nan),
    ("margin", 1.5),
    ("margin", -0.1),
    ("margin", np.nan),
    ("runner_up", "2"),
    ("cause", "chance"),
]


def accepts(table: pa.Table, contract: Any) -> bool:
    """Does pandera accept the table?"""
    try:
        contract.validate(to_frame(table, contract), lazy=True)
    except SchemaErrors:
        return False
    return True


def test_masks_see_what_pandera_refuses() -> None:
    """A table that breaks its contract is never taken for one that keeps it; a good one needs no pandera."""
    segments = segments_schema(read_definition(BUILT_IN / "shop.yaml"))
    for contract in (CHANGES, CONTESTED, LINEAGE, segments):
        schema = arrow_schema(contract)
        good = {field.name: ROW.get(field.name, _default(field)) for field in schema}
        table = pa.table({name: pa.array([value], schema.field(name).type) for name, value in good.items()})
        assert keeps_contract(table, contract)
        assert accepts(table, contract)
        for name, value in WRONG:
            if name in good:
                values = pa.array([value], schema.field(name).type, from_pandas=False)
                broken = table.set_column(schema.get_field_index(name), name, values)
                assert keeps_contract(broken, contract) <= accepts(broken, contract)


def _default(field: pa.Field) -> Any:
    return None if field.nullable else 1 if not pa.types.is_string(field.type) else "S01"


def test_pandera_says_what_is_wrong() -> None:
    """A broken table is refused with pandera's words."""
    table = pa.table({"customer_id": ["1"], "wanted": ["S1"], "nights": pa.array([1], pa.int64())})
    with pytest.raises(SchemaErrors, match="str_matches"):
        check_table(table, CONTESTED)
