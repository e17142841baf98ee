"""What speaks for each k, and the choice that was made of it: records that stages hand on."""

from typing import Literal

from pydantic import Field

from schemas.record import Record

Strength = Literal["strong", "fair", "weak", "none"]


class CurvePoint(Record):
    """Exact sum of squared distances of all customers to their nearest of k centres."""

    k: int
    inertia: float


class Curve(Record):
    """The sweep's result over all customers, by k."""

    points: tuple[CurvePoint, ...]


class Measures(Record):
    """What speaks for one k, on a sample. None where a measure has no value, as silhouette at k = 1."""

    k: int
    smallest_share: float
    silhouettes: tuple[float, ...] = Field(description="Mean silhouette of each segment.")
    silhouette: float | None
    calinski_harabasz: float | None
    davies_bouldin: float | None
    gap: float | None = Field(description="Uniform reference over the box of the features.")
    gap_error: float | None
    gap_pca: float | None = Field(description="Uniform reference over the box of the principal components.")
    gap_pca_error: float | None
    prediction_strength: float | None
    jaccard: tuple[float, ...] = Field(description="Bootstrap Jaccard of each segment.")
    natural: int = Field(description="Natural segments that the k segments form: borders test.")
    faintest_border: float | None = Field(description="Least clear border of two; 0.72 and up: none.")

    @property
    def stability(self) -> float:
        """Bootstrap Jaccard of the least stable segment."""
        return min(self.jaccard, default=1.0)


class Evidence(Record):
    """All measures by k, and what they were taken from."""

    measures: tuple[Measures, ...]
    natural: tuple[int, ...] = Field(description="Natural segments for k = 1, 2, 3, …, past k.max.")
    rows: int = Field(description="Customers drawn for it.")
    distinct: int = Field(description="Distinct rows among all customers, or at least so many.")


class Choice(Record):
    """The chosen k, why, how sure that is, and what speaks against it."""

    k: int
    rule: str
    reasons: tuple[str, ...]
    strength: Strength = "weak"
    doubts: tuple[str, ...] = Field((), description="Disagreeing measures, degenerate evidence.")
    curve: tuple[CurvePoint, ...]
    measures: tuple[Measures, ...] = ()
    wanted_k: int | None = Field(None, description="Another k that the evidence asks for.")
    wanted_nights: int = Field(0, description="For so many nights in a row, this one included.")

    @property
    def found(self) -> str:
        """What the segments are: a discovery of borders between customers, or a division of one crowd."""
        return "division" if self.strength == "none" else "segments"
