"""The record of an erasure: whose rows went is not in it, only how many and from where.

Erasing is in segmentation/erasing/erasure.py.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record


class ErasedEdition(Record):
    """How many rows one edition loses, by file."""

    as_of: date
    edition: str
    rows: dict[str, int]


class ErasureSummary(Record):
    """What an erasure did, or would do. `resegment erase --json` prints it."""

    name: str
    erasure: str = Field("", description="Its id, as in the ledger and in tombstones.json.")
    outcome: Literal["erased", "dry-run"]
    ids: int | None = Field(None, description="Distinct ids given; None where recorded tombstones are used.")
    ids_found: int | None = Field(None, description="How many of them have rows in an edition.")
    editions: tuple[ErasedEdition, ...] = ()
    tables: tuple[date, ...] = Field((), description="Published tables that are replaced, by date.")
    stage_folders: int = Field(0, description="Folders of stage files that are removed.")
    notes: tuple[str, ...] = Field((), description="What was not searched, or is left to do.")

    @property
    def rows(self) -> int:
        """Rows in all files of all editions; a published table is its edition's and counts once."""
        return sum(sum(edition.rows.values()) for edition in self.editions)
