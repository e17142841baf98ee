"""A look at k: what was measured for every number of segments, and on which date.

The measures are in evidence.py. Which nights look is decided in segmentation/identity/looking.py.
"""

from datetime import date

from pydantic import Field

from schemas.clustering import Candidate
from schemas.evidence import Curve, Evidence
from schemas.record import Record


class Look(Record):
    """The fits and the evidence of one night, carried from edition to edition until the next look."""

    as_of: date = Field(description="The date whose customers were measured.")
    candidates: tuple[Candidate, ...] = Field(description="A fit for each k, in the model's scaled units.")
    curve: Curve
    evidence: Evidence
