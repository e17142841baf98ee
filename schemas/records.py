"""Records that travel between stages: small, frozen, JSON. They name files; they never hold tables.

Prefect persists them, so a retried run resumes after the last stage that finished. Nothing that
grows with the number of customers belongs here.
"""

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field

from config.parameters import Segmentation
from schemas.numbers import ColumnScale, Encoding, Training
from schemas.record import Record

Outcome = Literal["published", "already-published", "held"]


class Night(Record):
    """What one run was asked for. Equal on every retry of the run: no clock, nothing read."""

    run_id: str
    segmentation: Segmentation
    as_of: date
    source: str | None = Field(description="Overrides the definition's source.path.")
    store: Path = Field(description="Folder of the store; of objects: where their runs work.")
    objects: str | None = Field(None, description="URL of a store of objects.")
    force: bool
    parent: str | None = Field(None, description="The backfill, or night, within which this date is run.")
    attempt: int = Field(0, description="How often a refusal has ended this run: each begins afresh.")

    @property
    def home(self) -> Path:
        """The segmentation's folder in the store; of objects, see segmentation.store.layout.find_home."""
        return self.store / self.segmentation.name

    @property
    def staging(self) -> Path:
        """The folder of this run's stage files."""
        return self.home / ".staging" / self.run_id


class Part(Record):
    """One immutable stage file."""

    path: Path
    rows: int
    size: int = Field(description="Bytes.")
    sha256: str


class Input(Record):
    """One source file as it was read. `name` is without folders; for a database, the connection's.

    `numbered`: its rows, typed, are numbered through the whole source, so that the file's layout
    changes nothing.
    """

    name: str
    size: int
    sha256: str
    numbered: bool = False


class Digest(Record):
    """What identifies a source, or a part of it: a text file by name and bytes, or typed rows."""

    of: Literal["bytes", "rows"]
    name: str | None = None
    sha256: str


class EditionKey(Record):
    """Which edition a run makes, and what the store held when it began."""

    edition: str
    previous: str | None = Field(description="Whole edition published for the newest date before, if any.")
    previous_as_of: date | None = Field(None, description="That date.")
    replaces: str | None = Field(description="Edition that this date held when the run began.")


class Counts(Record):
    """The rows' balance: read = good + quarantined. `outside` counts other rows, outside the window."""

    read: int
    good: int
    quarantined: int
    reasons: dict[str, int] = Field(description="Quarantined rows by primary reason.")
    mentions: dict[str, int] = Field(default={}, description="Quarantined rows by every reason they have.")
    outside: int = 0


class Ingested(Record):
    """What ingest wrote. `published` means: this very edition is already there, nothing was read."""

    key: EditionKey
    inputs: tuple[Input, ...]
    digests: tuple[Digest, ...]
    published: bool
    counts: Counts
    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    warnings: tuple[str, ...]
    no_data: str | None = Field(None, description="Why there is nothing to segment, if that is no fault.")


class Customers(Record):
    """One row per customer, in canonical order. read = used + merged + quarantined: rows, not customers."""

    parts: tuple[Part, ...]
    quarantine: tuple[Part, ...]
    read: int
    used: int
    merged: int
    quarantined: int
    reasons: dict[str, int]
    mentions: dict[str, int] = Field(default_factory=dict)
    outside: int = 0
    warnings: tuple[str, ...]

    @property
    def customers(self) -> int:
        """How many customers there are; `used` counts rows, of which a customer may have many."""
        return sum(part.rows for part in self.parts)


class Sample(Record):
    """Scaled rows with weights, for the fits of the sweep. `exact`: all distinct rows with counts."""

    part: Part
    exact: bool
    distinct: int = Field(description="Distinct rows in the sample file.")
    common: float = Field(description="Share with the commonest values; an estimate if not exact.")
    even: Part = Field(description="Scaled rows drawn alike, without weights: the evidence for k.")


class Scaled(Record):
    """Scaled features on the grid, part by part as the customers.

    `numbers` are the encoded features in original units, one column per encoding.
    """

    encodings: tuple[Encoding, ...]
    numbers: tuple[Part, ...]
    columns: tuple[ColumnScale, ...]
    quantum: float = Field(description="Grid step of the scaled values, a power of two.")
    variance: float = Field(description="Mean over the features of the scaled variance.")
    parts: tuple[Part, ...]
    sample: Sample
    ks: tuple[int, ...] = Field(description="The k to try: never more than distinct rows.")
    warnings: tuple[str, ...]


class Candidate(Record):
    """k-means fitted to the sample for one k. Centres (k, d) in scaled units, on the grid."""

    k: int
    centres: tuple[tuple[float, ...], ...]
    passes: int


class Segment(Record):
    """One segment of the fitted model."""

    segment_id: str
    size: int
    share: float
    centre: tuple[float, ...] = Field(description="Scaled units, on the grid.")


class Fitted(Record):
    """The final model over all customers, and its labels, part by part as the customers."""

    segments: tuple[Segment, ...]
    how: Literal["scored", "warm", "cold"] = Field(description="Last night's model, moved on, or made anew.")
    why: tuple[str, ...]
    trained: Training
    inertia: float
    passes: int
    converged: bool
    parts: tuple[Part, ...]


class Reported(Record):
    """The report and the small tables, in staging."""

    profiles: Part
    descriptions: Part
    sweep: Part
    history: Part
    html: Part


class Published(Record):
    """How the run ended, and where to look."""

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


class Unpublished(Record):
    """A run that ended without an edition, as was declared: no data, or a newer run takes its place."""

    name: str
    as_of: date
    outcome: Literal["no-data", "skipped"]
    message: str
