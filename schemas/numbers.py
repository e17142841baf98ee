"""Records of how a column becomes numbers, and how a number is scaled: kept in model.json.

Applying them is segmentation/encoding.py's and segmentation/transforms.py's.
"""

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
