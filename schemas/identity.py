"""What a run remembers of the edition before, and what became of its segments: records that stages hand on.

Tables of them are contracted in schemas/tables.py; matching is segmentation/identity/aligning.py's.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record
from schemas.records import Fitted, Part


class Memory(Record):
    """The edition before, and how its model fits tonight's customers. A cold start has no edition."""

    edition: str | None = None
    as_of: date | None = None
    folder: str | None = Field(None, description="The edition's folder, a path or URL.")
    k: int = 0
    wanted_k: int | None = Field(None, description="Another k that the evidence has asked for.")
    wanted_nights: int = Field(0, description="For so many nights in a row.")
    customers: int = 0
    read: int = 0
    sizes: tuple[int, ...] = Field((), description="Tonight's customers by last night's centres.")
    labels: tuple[Part, ...] = Field((), description="Their positions, part by part as the customers.")
    inertia: float | None = Field(None, description="Their mean squared distance.")
    constant: tuple[str, ...] = Field((), description="Features that varied in training and do not tonight.")
    drift: dict[str, float] = Field(default_factory=dict, description="PSI by scaled number.")
    refits: bool = Field(True, description="Is the model to be fitted anew, were k to stay?")
    rescales: bool = Field(True, description="Is its scaling to be fitted anew too?")
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    store_warnings: tuple[str, ...] = Field((), description="Of the store as it is: no edition's business.")

    @property
    def is_cold(self) -> bool:
        """Is there nothing to go by?"""
        return self.edition is None


class Event(Record):
    """What became of one of last night's segments, or where one of tonight's comes from."""

    event: Literal["survived", "split", "merged", "born", "died"]
    from_segment_id: str | None = Field(description="Last night's segment; None if it was born.")
    segment_id: str | None = Field(description="Tonight's segment; None if it died.")
    shared: int = Field(description="Customers who were in the one and are in the other.")
    share_of_from: float | None
    share_of_segment: float | None


class Churn(Record):
    """Customers by what they did since the edition before: all of them, once."""

    stayed: int
    behaviour: int = Field(description="Moved: last night's model, on tonight's data, moves them too.")
    model: int = Field(description="Moved by the new model alone.")
    joined: int
    left: int

    @property
    def moved_share(self) -> float:
        """Of those there on both nights."""
        both = self.stayed + self.behaviour + self.model
        return (self.behaviour + self.model) / both if both else 0.0


class Aligned(Record):
    """The fitted model under its stable ids, who came from where, what became of last night's segments."""

    fitted: Fitted
    ids_before: int | None = Field(description="Ids given before its new ones; None if it has none.")
    before: tuple[str, ...] = Field((), description="Last night's segment ids, by position.")
    origins: tuple[Part, ...] = Field((), description="Where each customer was; part by part as they are.")
    left: tuple[Part, ...] = Field((), description="Who left, in the id ranges of the customers' parts.")
    contested: tuple[Part, ...] = Field((), description="Mode combine: whom the new model alone would move.")
    migration: tuple[tuple[int, ...], ...] = Field(
        (), description="Customers by (previous segment, then joined) and (segment, then left)."
    )
    churn: Churn | None = None
    events: tuple[Event, ...] = ()
