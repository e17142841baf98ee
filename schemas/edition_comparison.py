"""Two divisions of the same customers side by side: what `resegment compare A B` found. Counts, no rows.

A comparison of algorithms is in comparison.py. Counting is in segmentation/comparing/.
"""

from datetime import date
from typing import Any

from pydantic import Field

from schemas.record import Record
from schemas.wording import choose_verb, format_count


class ComparedSegment(Record):
    """A segment of one side."""

    segment_id: str
    name: str
    customers: int


class ComparedEdition(Record):
    """One side: an edition of a store, or a draft, which is in none."""

    name: str
    as_of: date
    edition: str
    is_draft: bool = Field(description="Made for the comparison from a definition's file, and removed.")
    state: str = Field(description="published, held or replaced; of a draft, what it would be.")
    segments: tuple[ComparedSegment, ...]

    @property
    def customers(self) -> int:
        """Customers in all segments."""
        return sum(segment.customers for segment in self.segments)

    @property
    def label(self) -> str:
        """`shop, 2026-01-31`, or `shop, 2026-01-31 (draft)`."""
        return f"{self.name}, {self.as_of}{' (draft)' if self.is_draft else ''}"


class SegmentMatch(Record):
    """A segment of the first edition and the one of the second that corresponds to it."""

    first: str
    second: str
    shared: int = Field(description="Customers in both.")
    jaccard: float = Field(
        description="Their share of the customers of either, among those in both editions."
    )


class FactDifference(Record):
    """A key of the definition, or another fact, in which the two editions differ."""

    part: str
    fact: str
    first: Any = None
    second: Any = None


class EditionComparison(Record):
    """How two editions divide the same customers."""

    first: ComparedEdition
    second: ComparedEdition
    shared: tuple[tuple[int, ...], ...] = Field(
        description="Customers by segment of the first edition, then of the second."
    )
    row_shares: tuple[tuple[float | None, ...], ...] = Field(
        description="The same as shares of their row. None in a row without shared customers."
    )
    only_first: tuple[int, ...] = Field(description="Customers of the first edition alone, by segment.")
    only_second: tuple[int, ...] = Field(description="Customers of the second edition alone, by segment.")
    matches: tuple[SegmentMatch, ...]
    in_both: int = Field(description="Customers in both editions.")
    differ: int = Field(description="Those of them in segments that do not correspond.")
    adjusted_rand: float = Field(description="Adjusted Rand index, of the customers in both editions.")
    differences: tuple[FactDifference, ...] = ()
    page_path: str = ""
    differences_path: str = ""

    @property
    def differ_share(self) -> float:
        """Of the customers in both editions, the share in segments that do not correspond."""
        return self.differ / self.in_both

    def describe(self) -> str:
        """How much they agree, in a sentence."""
        verb = choose_verb(self.differ, "is", "are")
        return (
            f"{self.differ:,} of {format_count(self.in_both, 'customer')} in both ({self.differ_share:.1%}) "
            f"{verb} in segments that do not correspond; adjusted Rand index {self.adjusted_rand:.3f}"
        )

    def describe_outside(self) -> str:
        """How many customers are in one of the editions alone."""
        only_first = sum(self.only_first)
        verb = choose_verb(only_first, "is", "are")
        return f"{only_first:,} {verb} only in A, {sum(self.only_second):,} only in B"
