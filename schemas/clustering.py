"""Scaled features, k-means candidates and the fitted model: what scale, sweep and fit return.

The evidence for k is in evidence.py; how columns become numbers is in numbers.py.
"""

from typing import Literal

from pydantic import Field

from schemas.numbers import ColumnScale, Encoding, Training
from schemas.part import Part
from schemas.record import Record
from schemas.wording import format_count


class Sample(Record):
    """Scaled rows with weights, for the fits of the sweep. `exact`: all distinct rows, with counts."""

    file: Part | None = Field(description="None on a night that carries on an earlier look at k.")
    exact: bool
    distinct: int = Field(description="Distinct rows in the sample.")
    commonest_share: float = Field(
        description="Share of rows that have the commonest values; an estimate if not exact."
    )
    uniform: Part = Field(description="Scaled rows drawn with equal chances, no weights: evidence for k.")

    @property
    def part(self) -> Part:
        """The file of weighted rows. Raises RuntimeError on a night that has none."""
        if self.file is None:
            raise RuntimeError("a night that carries on an earlier look at k fits no model")
        return self.file


class Scaled(Record):
    """Scaled features on the grid, in the same parts as the customers.

    `numbers` are the encoded features in original units, one column per encoding. `parts` are their scaled
    values, for fits: a night that carries on an earlier look at k has none.
    """

    encodings: tuple[Encoding, ...]
    numbers: tuple[Part, ...]
    columns: tuple[ColumnScale, ...]
    quantum: float = Field(description="Grid step of the scaled values, a power of two.")
    variance: float = Field(description="Mean over the features of the scaled variance.")
    parts: tuple[Part, ...]
    sample: Sample
    ks: tuple[int, ...] = Field(description="Values of k to try: never more than distinct rows.")
    warnings: tuple[str, ...]

    @property
    def log_line(self) -> str:
        """`24,000 customers by 3 columns; a sample of 24 rows`."""
        rows, sample = sum(part.rows for part in self.numbers), self.sample.file or self.sample.uniform
        return f"{rows:,} customers by {len(self.columns)} columns; a sample of {sample.rows:,} rows"


class Candidate(Record):
    """k-means fitted to the sample for one k. Centres (k, d) in scaled units, on the grid."""

    k: int
    centres: tuple[tuple[float, ...], ...]
    passes: int

    @property
    def log_line(self) -> str:
        """`k = 5: 12 passes`."""
        return f"k = {self.k}: {format_count(self.passes, 'pass')}"


class Segment(Record):
    """One segment of the fitted model."""

    segment_id: str
    size: int
    share: float
    centre: tuple[float, ...] = Field(description="Scaled units, on the grid.")


class Fitted(Record):
    """The final model over all customers, and its labels in the same parts as the customers."""

    segments: tuple[Segment, ...]
    method: Literal["scored", "warm", "cold"] = Field(
        description="scored: last night's model. warm: refined from it. cold: fitted from the sweep."
    )
    reasons: tuple[str, ...] = Field(description="Why this method.")
    training: Training
    inertia: float
    passes: int
    converged: bool
    parts: tuple[Part, ...]

    @property
    def log_line(self) -> str:
        """`2 segments (scored, 0 passes) of 1,200, 800 customers`."""
        sizes = ", ".join(f"{segment.size:,}" for segment in self.segments)
        count = format_count(len(self.segments), "segment")
        return f"{count} ({self.method}, {format_count(self.passes, 'pass')}) of {sizes} customers"
