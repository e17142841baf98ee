"""Records of how a column becomes numbers, how a number is scaled and was distributed: kept in model.json.

Applying them is segmentation/features/encoding.py's and segmentation/features/transforms.py's.
"""

from datetime import date
from typing import Literal

from pydantic import Field

from schemas.record import Record

Transform = Literal["none", "standard", "robust", "log-standard", "one-hot", "aside"]
EncodingKind = Literal["number", "level", "other", "rank", "missing"]


class Encoding(Record):
    """How one number per customer is made from a column of the customer table.

    number: the value itself. level: 1 where the column holds `levels[0]`. other: 1 where it holds
    none of `levels`. rank: position in `levels`. missing: 1 where there was no value. A missing
    value is first replaced by `fill`.
    """

    name: str = Field(description="The number's name: `orders`, `city = Bonn`, `age is missing`.")
    column: str
    kind: EncodingKind = "number"
    levels: tuple[str, ...] = ()
    block: int = Field(1, description="Levels that share the column's weight.")
    fill: float | str | None = None
    unit: str = ""

    @property
    def is_plain(self) -> bool:
        """Is it the column as it stands?"""
        return self.kind == "number" and self.fill is None


class ColumnScale(Record):
    """One feature's fitted transform: scaled = weight * (t(x) - shift) / scale, t = log1p or identity.

    Features set `aside` take no part in distances and are kept for profiles; `shift` is their value.
    """

    feature: str
    transform: Transform
    shift: float
    scale: float
    weight: float = Field(description="Square root of the definition's weight.")
    aside: bool
    clip: float | None = Field(None, description="Scaled values, before the weight, end here on either side.")
    why: str = Field(description="Why this transform, for people.")


class Bins(Record):
    """How one scaled number was distributed in training: shares between edges, of a sample."""

    feature: str
    edges: tuple[float, ...] = Field(description="Inner edges, ascending; a value on an edge is above it.")
    shares: tuple[float, ...] = Field(description="One more than edges.")


class Training(Record):
    """What a model was trained on: whether it still fits is judged by this."""

    as_of: date
    since: date = Field(description="When its scaling was fitted: the model's age counts from here.")
    customers: int
    inertia: float = Field(description="Mean squared distance of a customer, scaled units.")
    bins: tuple[Bins, ...]
