"""How tonight relates to the previous edition: the fit of its model, and what became of its segments.

The tables of it are contracted in identity_tables.py; matching is in segmentation/identity/matching.py.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.clustering import Fitted
from schemas.look import Look
from schemas.model import Model
from schemas.part import Part
from schemas.record import Record
from schemas.volumes import NightVolume
from schemas.wording import choose_verb, format_count, format_edition_size


class PreviousEdition(Record):
    """The previous edition, and how its model fits tonight's customers. A cold start has no edition."""

    edition: str | None = None
    as_of: date | None = None
    folder: str | None = Field(None, description="The edition's folder, a path or URL.")
    model: Model | None = None
    has_contested: bool = Field(False, description="Mode combine: may some customers be contested?")
    k: int = 0
    wanted_k: int | None = Field(None, description="Another k that the evidence has asked for.")
    wanted_nights: int = Field(0, description="For how many nights in a row it has.")
    customers: int = 0
    history: tuple[NightVolume, ...] = Field((), description="Sizes of the last nights, oldest first.")
    sizes: tuple[int, ...] = Field((), description="Tonight's customers by last night's centres.")
    labels: tuple[Part, ...] = Field((), description="Their positions, in the same parts as the customers.")
    inertia: float = Field(0.0, description="The sum of their squared distances.")
    constant_features: tuple[str, ...] = Field((), description="Varied in training, do not vary tonight.")
    drift: dict[str, float] = Field(default_factory=dict, description="PSI by scaled number.")
    needs_refit: bool = Field(True, description="Should the model be refitted, even if k stays?")
    needs_rescale: bool = Field(True, description="Should its scaling be refitted too?")
    look: Look | None = Field(None, description="The evidence for k to carry on; None: every k is measured.")
    look_reason: str = Field("", description="Why every k is measured, or since when it was not.")
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    store_warnings: tuple[str, ...] = Field((), description="About the store, so not part of an edition.")

    @property
    def is_cold(self) -> bool:
        """Is there no edition to continue from?"""
        return self.edition is None

    @property
    def log_line(self) -> str:
        """`previous edition: 2026-01-30, 4,264 customers in 4 segments`."""
        if self.is_cold:
            return "no previous edition"
        return f"previous edition: {self.as_of}, {format_edition_size(self.customers, self.k)}"


class Event(Record):
    """What became of one of last night's segments, or where one of tonight's comes from."""

    event: Literal["survived", "split", "merged", "born", "died"]
    from_segment_id: str | None = Field(description="Last night's segment; None if it was born.")
    segment_id: str | None = Field(description="Tonight's segment; None if it died.")
    shared: int = Field(description="Customers who were in the first and are in the second.")
    share_of_from: float | None
    share_of_segment: float | None


class Churn(Record):
    """Customers by what changed since the previous edition. Every customer of both nights counts once."""

    stayed: int
    behaviour: int = Field(description="Moved, and last night's model would have moved them too.")
    model: int = Field(description="Moved only because of the new model.")
    joined: int
    left: int

    @property
    def moved_share(self) -> float:
        """Of the customers of both nights, the share that changed segment."""
        staying = self.stayed + self.behaviour + self.model
        return (self.behaviour + self.model) / staying if staying else 0.0


class MovedPair(Record):
    """The customers who moved from one segment to another, and what carried most of them over the border."""

    from_segment_id: str
    segment_id: str
    customers: int
    by_behaviour: int = Field(description="Those of them that last night's model moves too.")
    feature: str | None = Field(None, description="What carried most of these; None without any.")
    by_feature: int = Field(0, description="How many of them it carried.")
    before: float | str | None = Field(
        None,
        description="Their lower median last night; of a category the commonest change. None for a few.",
    )
    after: float | str | None = Field(None, description="The same, tonight.")


class MergedCustomers(Record):
    """Ids that were merged into others: how many there are, and what they mean for the previous edition."""

    ids: int = Field(description="Old ids whose merger counts on the date.")
    continued: int = Field(description="Customers of the previous edition whose id was given up since.")
    absorbed: int = Field(
        0, description="Those of them who are one with another customer of it now: neither stayed nor left."
    )

    def describe(self) -> str:
        """`12 ids are merged into others; 3 customers of the previous edition have another id now`."""
        absorbed = f", {self.absorbed:,} of them the id of another customer" if self.absorbed else ""
        return (
            f"{format_count(self.ids, 'id')} {choose_verb(self.ids, 'is', 'are')} merged into others; "
            f"{format_count(self.continued, 'customer')} of the previous edition "
            f"{choose_verb(self.continued, 'has', 'have')} another id now{absorbed}"
        )


class Aligned(Record):
    """The fitted model with stable ids, where customers came from, and what became of the old segments."""

    fitted: Fitted
    ids_before: int | None = Field(description="Ids given before the new ones; None without new ones.")
    previous_as_of: date | None = Field(None, description="Date of the previous edition.")
    previous_ids: tuple[str, ...] = Field((), description="Last night's segment ids, by position.")
    previous_segments: tuple[Part, ...] = Field(
        (), description="Where each customer was, in the same parts as the customers."
    )
    merged: MergedCustomers | None = None
    departed: tuple[Part, ...] = Field((), description="Who left, by the id ranges of the customers' parts.")
    contested: tuple[Part, ...] = Field(
        (), description="Mode combine: customers only the new model would move."
    )
    moved: tuple[Part, ...] = Field((), description="Why customers moved by behaviour, in the same parts.")
    moved_pairs: tuple[MovedPair, ...] = Field((), description="Who moved from which segment to which.")
    migration: tuple[tuple[int, ...], ...] = Field(
        (), description="Customers by (previous segment, then joined) and (segment, then left)."
    )
    churn: Churn | None = None
    events: tuple[Event, ...] = ()

    @property
    def log_line(self) -> str:
        """`4,100 customers stayed, 12 moved by behaviour, 0 by the model, 40 joined, 31 left`."""
        if self.churn is None:
            return "first edition: no segments before"
        churn = self.churn
        moved = f"{churn.behaviour:,} moved by behaviour, {churn.model:,} by the model"
        return f"{churn.stayed:,} customers stayed, {moved}, {churn.joined:,} joined, {churn.left:,} left"
