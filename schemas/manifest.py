"""The manifest: how an edition was made, in its folder as manifest.json.

The run, its clock and its host are in the ledger (segmentation/store/ledger.py). Reading a manifest
is in segmentation/store/edition/manifests.py.
"""

from datetime import date
from typing import Any, NamedTuple

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from schemas.breakdown import Breakdown
from schemas.identity import Churn, MergedCustomers
from schemas.known_customers import KnownCustomers
from schemas.record import Record
from schemas.rfm import RfmCuts
from schemas.rows import AttributeBalance, Digest, RowBalance
from schemas.validation import Validation
from schemas.verdicts import Check
from schemas.volumes import HISTORY_NIGHTS, NightVolume

_OPTIONAL = (
    "measured_on",
    "accept_new_ids",
    "history",
    "breakdown",
    "code",
    "environment",
    "tombstones",
    "groups",
    "given_names",
    "validation",
    "attributes",
    "merged",
    "rfm",
)


class EditionRef(NamedTuple):
    """An edition of a date: enough to locate its folder."""

    as_of: date
    edition: str


class ManifestRows(RowBalance):
    """The balance of rows, and how many customers they make."""

    customers: int

    @property
    def balance(self) -> RowBalance:
        """The balance alone."""
        return RowBalance(**self.model_dump(exclude={"customers"}))


class Manifest(Record):
    """manifest.json: how the edition was made. `resegment rebuild` makes it again from this alone.

    Fields with a default may be missing from a manifest that an earlier version wrote.
    """

    name: str
    as_of: date
    edition: str
    previous: str | None = Field(None, description="The edition it builds on.")
    previous_as_of: date | None = None
    accept_new_ids: bool = Field(
        False, description="A person accepted new ids, since the previous edition could not be continued."
    )
    ids_before: int | None = Field(None, description="Segment ids issued before its own; None without any.")
    decision: str = Field("", description="published or held.")
    reasons: tuple[str, ...] = Field((), description="Required checks that failed.")
    # A dict and not a Definition: an edition of an earlier version must stay readable when keys have changed.
    definition: dict[str, Any] = Field(default={}, description="The YAML file's keys that decide the result.")
    inputs: tuple[Digest, ...] = ()
    tombstones: str | None = Field(None, description="Digest of the tombstones that removed rows.")
    given_names: dict[str, str] = Field(default={}, description="Names that people gave, by segment id.")
    validation: Validation | None = Field(None, description="The validation that its page shows.")
    rows: ManifestRows
    attributes: AttributeBalance | None = Field(None, description="Rows and matches of attributes.")
    merged: MergedCustomers | None = Field(None, description="Ids that were merged into others.")
    rfm: RfmCuts | None = Field(None, description="Cut points of the RFM scores.")
    k: int
    why_k: tuple[str, ...] = ()
    wanted_k: int | None = Field(None, description="Another k that the evidence asks for.")
    wanted_nights: int = Field(0, description="For how many nights in a row it has.")
    measured_on: date | None = Field(None, description="The date on which every k was last measured.")
    how: str = Field(description="scored, warm or cold.")
    why: tuple[str, ...] = ()
    trained: date | None = Field(None, description="as_of of the night that fitted the model.")
    drift: dict[str, float] = Field(default={}, description="Population stability index by scaled number.")
    inertia: float
    sizes: dict[str, int] = Field(description="Customers by segment id.")
    churn: Churn | None = None
    groups: KnownCustomers | None = Field(None, description="All known customers, by group.")
    history: tuple[NightVolume, ...] = Field(
        (), description="Sizes of earlier nights, at most 28, oldest first."
    )
    breakdown: Breakdown | None = Field(None, description="Where refused rows are, if it is worth telling.")
    checks: tuple[Check, ...] = ()
    versions: dict[str, str] = Field(
        default={}, description="Version of this project and of the libraries that its bytes depend on."
    )
    code: str = Field("", description="Digest of the sources that made it; empty before version 0.4.0.")
    environment: dict[str, str] = Field(
        default={}, description="Python, Prefect and platform. Not part of the edition's name."
    )
    files: dict[str, str] = Field(default={}, description="sha256 by file name.")

    @model_serializer(mode="wrap")
    def _leave_out_empty(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # A manifest of a version without these keys keeps its bytes when it is written again.
        content: dict[str, Any] = serialize(self)
        return {key: value for key, value in content.items() if key not in _OPTIONAL or value}

    @property
    def volumes(self) -> tuple[NightVolume, ...]:
        """The sizes of the last nights up to this one, for the next."""
        size = NightVolume(
            as_of=self.as_of,
            rows=self.rows.read,
            quarantined=self.rows.quarantined,
            customers=self.rows.customers,
        )
        return (*self.history, size)[-HISTORY_NIGHTS:]

    @property
    def previous_ref(self) -> EditionRef | None:
        """The edition it builds on; None for a cold start."""
        if self.previous is None or self.previous_as_of is None:
            return None
        return EditionRef(self.previous_as_of, self.previous)
