"""A run: what it was asked for, and how it ended.

What its stages return is in rows.py, clustering.py, evidence.py, identity.py and draft.py.
"""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from config.definition import Definition
from schemas.identity import MergedCustomers
from schemas.known_customers import KnownCustomers
from schemas.record import Record
from schemas.rows import AttributeBalance, RowBalance
from schemas.wording import format_edition_size

Outcome = Literal["published", "already-published", "published-by-other-code", "held"]


class Night(Record):
    """What one run was asked for. Equal on every retry with the same code: no clock, nothing from outside."""

    run_id: str
    code: str = Field("", description="Code and libraries of this attempt: a retry with others starts over.")
    definition: Definition
    as_of: date
    source: str | None = Field(description="Overrides the definition's source.path.")
    store: Path = Field(description="Folder of the store; for an object store, the local working folder.")
    objects: str | None = Field(None, description="URL of the object store, if the store is one.")
    force: bool
    accept_new_ids: bool = Field(
        False, description="Publish with new ids if the previous edition cannot be continued."
    )
    schema_source: str | None = Field(None, description="The Python module that rows.schema names, as text.")
    parent: str | None = Field(None, description="The backfill or night that started this run.")
    attempt: int = Field(0, description="How many refusals have ended this run. Each attempt starts over.")

    @property
    def home(self) -> Path:
        """The local folder of the segmentation. Its place in any store: segmentation.store.layout."""
        return self.store / self.definition.name

    @property
    def staging(self) -> Path:
        """The folder of this run's stage files."""
        # In the segmentation's folder, so that publishing is a rename within one file system.
        return self.home / ".staging" / self.run_id


class Published(Record):
    """A run that made an edition, or found it published already: how it ended, and where to look."""

    name: str
    as_of: date
    edition: str
    outcome: Outcome
    k: int
    customers: int
    segments_path: str = Field(description="A path, or the URL of an object.")
    report_path: str
    reasons: tuple[str, ...] = Field((), description="Required checks that failed.")
    warnings: tuple[str, ...] = Field((), description="Advisory checks that failed.")
    other_code: tuple[str, ...] = Field(
        (), description="How the code that made the published edition differs from this run's."
    )
    rows: RowBalance | None = Field(None, description="What became of the rows that were read.")
    attributes: AttributeBalance | None = Field(None, description="How attributes match the customers.")
    merged: MergedCustomers | None = Field(None, description="Ids that were merged into others.")
    quarantine_path: str = Field("", description="Where the refused rows are.")
    groups: KnownCustomers | None = Field(None, description="All known customers, by group.")
    unrecorded: tuple[str, ...] = Field(
        (), description="What could not be written down after the edition was published; also in warnings."
    )
    files: int = Field(0, description="Files that were read.")
    files_outside: int = Field(0, description="Dated files of the source outside the days that count.")

    @property
    def log_line(self) -> str:
        """`published: 4,264 customers in 4 segments, edition 0490df720cd6db09`."""
        return f"{self.outcome}: {format_edition_size(self.customers, self.k)}, edition {self.edition}"


class Unpublished(Record):
    """A run that ended without an edition, as intended: no data, or a newer run replaces it."""

    name: str
    as_of: date
    outcome: Literal["no-data", "skipped"]
    message: str
