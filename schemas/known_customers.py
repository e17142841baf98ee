"""Customers outside the segments: how many are new or lapsed, and how that changed.

The table of all known customers is in known_table.py. Who is in which group: segmentation/groups/.
"""

from datetime import date

from pydantic import Field

from schemas.part import Part
from schemas.record import Record
from schemas.wording import choose_verb, format_count

SEGMENT, NEW, LAPSED = GROUP_IDS = ("segment", "new", "lapsed")


class KnownHistory(Record):
    """Customers seen before the window, read from the source because no previous edition has them."""

    parts: tuple[Part, ...] = Field((), description="customer_id, first_seen, last_seen, by customer_id.")
    start: date = Field(description="The first day whose events were asked for.")
    rows: int = Field(0, description="Rows that count.")
    refused: int = 0


class GroupFlow(Record):
    """Customers who were in one group in the previous edition, and are in another or the same now."""

    previous: str | None = Field(description="None for customers who were not known before.")
    group: str
    customers: int


class KnownCustomers(Record):
    """All known customers by group, and who entered and left each group since the previous edition."""

    sizes: dict[str, int] = Field(description="Customers by group: segment, new, lapsed.")
    since: date = Field(description="The first day on which a customer was seen.")
    source: str = Field(description="What they are known from: edition, source or table.")
    compared: bool = Field(description="Does the previous edition say who was in which group?")
    flows: tuple[GroupFlow, ...] = ()
    erased: int = Field(0, description="Known in the previous edition, and erased since.")
    merged: int = Field(0, description="Ids known in the previous edition, and merged into others since.")
    refused: int = Field(0, description="Lapsed customers who have rows tonight, all of them refused.")

    @property
    def known(self) -> int:
        """All known customers."""
        return sum(self.sizes.values())

    def describe(self) -> str:
        """`5,012 known customers = 3,000 in segments + 112 new + 1,900 lapsed`."""
        outside = "".join(
            f" + {self.sizes[group]:,} {group}" for group in (NEW, LAPSED) if group in self.sizes
        )
        known, refused = format_count(self.known, "known customer"), ""
        if self.refused:
            verb = choose_verb(self.refused, "has", "have")
            refused = f"; {self.refused:,} of the lapsed {verb} only refused rows"
        return f"{known} = {self.sizes[SEGMENT]:,} in segments{outside}{refused}"

    def count_entered(self, group: str) -> int:
        """Customers of the group who were elsewhere before."""
        return sum(flow.customers for flow in self.flows if flow.group == group != flow.previous)

    def count_left(self, group: str) -> int:
        """Customers who were in the group before and are elsewhere now."""
        return sum(flow.customers for flow in self.flows if flow.previous == group != flow.group)
