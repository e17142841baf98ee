"""How a column becomes numbers, how a number is scaled, and how it was distributed: all kept in model.json.

Encodings are applied in segmentation/features/encoding.py, scales in segmentation/features/transforms.py.
"""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from config.clauses import NamedScaling
from schemas.record import Record

Finite = Annotated[float, Field(allow_inf_nan=False)]
Transform = Literal[NamedScaling, "one-hot"]
EncodingKind = Literal["number", "level", "other", "rank", "missing"]


class Encoding(Record):
    """How one number per customer is made from a column of the customer table.

    number: the value itself. level: 1 where the column has `levels[0]`. other: 1 where it has
    none of `levels`. rank: position in `levels`. missing: 1 where the value was missing. A missing
    value is first replaced by `fill`.
    """

    name: str = Field(description="The number's name: `orders`, `city = Bonn`, `age is missing`.")
    column: str
    kind: EncodingKind = "number"
    levels: tuple[str, ...] = ()
    block: int = Field(1, ge=1, description="Levels that share the column's weight.")
    fill: Finite | str | None = None
    unit: str = ""

    @model_validator(mode="after")
    def _levels_fit(self) -> Self:
        if (self.kind == "level" and len(self.levels) != 1) or (self.kind == "rank" and not self.levels):
            raise ValueError("a level needs one level, a rank some")
        return self

    @property
    def is_plain(self) -> bool:
        """Is the number the column itself, unchanged?"""
        return self.kind == "number" and self.fill is None


class ColumnScale(Record):
    """One feature's fitted transform: scaled = weight * (t(x) - shift) / scale, with t such as log1p.

    Excluded features take no part in distances and are kept for profiles; `shift` is their value.
    """

    feature: str
    transform: Transform
    shift: Finite
    scale: Finite = Field(gt=0)
    weight: Finite = Field(
        gt=0,
        description="Square root of the definition's weight; times a power of two, equal for all features, "
        "where values are too large or too small for float32.",
    )
    # The JSON keys are those of the first version, so that every model.json stays readable.
    excluded: bool = Field(validation_alias="aside", serialization_alias="aside")
    clip: Finite | None = Field(
        None, gt=0, description="Scaled values, before the weight, end here on either side."
    )
    reason: str = Field(
        validation_alias="why", serialization_alias="why", description="Why this transform, for people."
    )


class Bins(Record):
    """How one scaled number was distributed in training: shares between edges, of a sample."""

    feature: str
    edges: tuple[Finite, ...] = Field(description="Inner edges, ascending; a value on an edge is above it.")
    shares: tuple[Finite, ...] = Field(description="One more than edges.")

    @model_validator(mode="after")
    def _shares_fit(self) -> Self:
        if len(self.shares) != len(self.edges) + 1 or list(self.edges) != sorted(self.edges):
            raise ValueError("shares and edges do not match")
        return self


class Training(Record):
    """What a model was trained on. Whether the model still fits is judged against this."""

    as_of: date
    since: date = Field(description="When its scaling was fitted: the model's age counts from here.")
    customers: int
    inertia: Finite = Field(ge=0, description="Mean squared distance of a customer, scaled units.")
    bins: tuple[Bins, ...]
