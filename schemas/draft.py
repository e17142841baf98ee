"""An edition in the making: what the stages have returned before it is checked, reported and published.

A stage whose record is checked or shown gets a field in EditionDraft; the flow fills it.
"""

from schemas.clustering import Scaled
from schemas.evidence import Choice
from schemas.identity import Aligned, PreviousEdition
from schemas.look import Look
from schemas.part import Part
from schemas.record import Record
from schemas.rfm import RfmCuts
from schemas.rows import Customers, Ingested
from schemas.words import Words


class EditionDraft(Record):
    """Everything that check, report and publish need to know about a night."""

    customers: Customers
    previous: PreviousEdition
    scaled: Scaled
    look: Look
    choice: Choice
    aligned: Aligned

    @property
    def ingested(self) -> Ingested:
        """What was read, and the edition that the run makes."""
        return self.customers.ingested


class Reported(Record):
    """The report and the small tables, in staging."""

    profiles: Part
    descriptions: Part
    words: Words
    sweep: Part
    history: Part
    trends: Part
    levels: Part | None = None  # without a profile
    alternatives: Part
    rfm: RfmCuts | None = None  # without rfm in the definition
    html: Part

    @property
    def log_line(self) -> str:
        """`report of 5,012,345 bytes, 15 profile rows`."""
        return f"report of {self.html.size:,} bytes, {self.profiles.rows:,} profile rows"
