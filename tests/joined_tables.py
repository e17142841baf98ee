"""Tables of attributes joined to customers without a whole night: what tests of attributes share."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow as pa

from schemas.night import Night
from schemas.rows import AttributeBalance
from segmentation.attributes.aliases import leave_out_merged, write_aliases
from segmentation.attributes.joining import join_attributes
from segmentation.attributes.side_tables import (
    judge_side_tables,
    make_side_night,
    named_refusals,
    open_side_table,
)
from segmentation.parts import create_empty_folder, read_part, write_part
from segmentation.rows.casting.merged_ids import MergedIds
from segmentation.store.tombstones import Tombstones
from tasks.runtime.opening import open_source

AS_OF = date(2026, 1, 31)
AGE = {"type": "int", "nullable": True, "fill": {"by": "median"}}
TIME = {"type": "timestamp", "nullable": True}
VALIDITY: dict[str, Any] = {
    "columns": {"age": AGE, "since": TIME, "until": TIME},
    "valid_from": "since",
    "valid_to": "until",
}


class Joined(NamedTuple):
    """Customers with their attributes, the refused rows, and the counts."""

    customers: pd.DataFrame
    refused: pd.DataFrame
    balance: AttributeBalance

    @property
    def ages(self) -> dict[str, int]:
        """The age of each customer who has one."""
        customers = self.customers.dropna(subset=["age"])
        return dict(zip(customers["customer_id"], customers["age"].astype(int), strict=True))


class Joiner(NamedTuple):
    """Joins tables to customers below `folder`. make_night: the fixture of that name."""

    folder: Path
    make_night: Callable[..., Night]

    def make_definition(self, path: Path | str, **changes: Any) -> Night:
        """A night whose definition has these attributes, with age as a feature."""
        clause: dict[str, Any] = {"source": {"path": str(path)}, "id": "no", "columns": {"age": AGE}}
        return self.make_night(attributes={**clause, **changes}, features=["spend", "age"])

    def join(
        self,
        ids: Sequence[str],
        path: Path | str,
        as_of: date = AS_OF,
        tombstones: Tombstones | None = None,
        merged: MergedIds | None = None,
        **changes: Any,
    ) -> Joined:
        """The customers of these ids, joined with the table at `path`."""
        night = self.make_definition(path, **changes).model_copy(update={"as_of": as_of})
        side = make_side_night(night, "attributes")
        folder = create_empty_folder(night.staging / "test")
        with named_refusals("attributes"):
            source = open_source(side, "attributes-source")
            table = open_side_table("attributes", side, source, tombstones)
        rows = judge_side_tables(leave_out_merged([table], merged, tombstones), folder)["attributes"]
        aliases = None if merged is None else write_aliases(merged, (), folder)
        ids = sorted(ids)
        customers = pa.table({"customer_id": ids, "spend": [float(i) for i in range(len(ids))]})
        part = write_part(folder / "customers.parquet", customers)
        joined = join_attributes(night, rows, [part], night.staging / "attributes", aliases)
        refused = [read_part(part).to_pandas() for part in joined.quarantine]
        return Joined(
            pd.concat([read_part(part).to_pandas() for part in joined.parts]),
            pd.concat(refused) if refused else pd.DataFrame(),
            joined.balance,
        )


def write_csv(path: Path, text: str) -> Path:
    """A table of `no` and more, from lines separated by blanks; the first one is the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(text.split()) + "\n")
    return path
