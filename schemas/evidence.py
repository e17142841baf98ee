"""The evidence for each k, and the k chosen from it: what sweep, evaluate and choose return.

A measure is a field of `Measures` with a `SweepColumn`. Its column of sweep.parquet, its heading in the
report and its vote for a k all follow from that field. Computing measures is in segmentation/k/.
"""

from datetime import date
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from schemas.record import Record

Strength = Literal["strong", "fair", "weak", "set", "none"]
# set: the natural number of segments is outside what a person allows, which is a wish and not evidence.
STRENGTHS: dict[Strength, str] = {
    "strong": "the evidence is strong",
    "fair": "the evidence is fair",
    "weak": "the evidence is weak",
    "set": "the definition sets how many",
    "none": "the segments divide one crowd",
}

# Bootstrap Jaccard at which last night's division is kept: a new one needs 0.75, and resampling alone
# changes that by 0.05.
STILL_HOLDS = 0.7


class CurvePoint(Record):
    """Exact sum of squared distances of all customers to the nearest of k centres."""

    k: int
    inertia: float
    sizes: tuple[int, ...] = Field((), description="Customers nearest to each of the centres.")
    values: tuple[float, ...] = Field((), description="Their sums of the value feature, if there is one.")


class Curve(Record):
    """The sweep's result over all customers, by k."""

    points: tuple[CurvePoint, ...]

    @property
    def log_line(self) -> str:
        """`12 values of k measured over all customers`."""
        return f"{len(self.points)} values of k measured over all customers"


class SweepColumn(NamedTuple):
    """How a measure is published. It has the field's description, and is nullable if the field is."""

    title: str = ""  # heading in the report; without one, only sweep.parquet has the measure
    at_least: float | None = None
    label: str = ""  # in the sentence that lists what each measure would choose
    prefers: Literal["largest", "smallest"] | None = None


class Measures(Record):
    """The evidence for one k, on a sample. None where a measure has no value, such as silhouette at k = 1."""

    k: int
    smallest_share: Annotated[float, SweepColumn("Smallest share", 0)] = Field(
        description="Share of the customers in the smallest segment, on the sample."
    )
    slivers: int = Field(0, description="Segments with fewer than 1 % of the customers, on the sample.")
    silhouettes: tuple[float, ...] = Field(description="Mean silhouette of each segment.")
    silhouette: Annotated[float | None, SweepColumn("Silhouette", -1, "silhouette", "largest")] = Field(
        description="Average silhouette, -1 to 1, on the sample. Null for k = 1."
    )
    calinski_harabasz: Annotated[
        float | None, SweepColumn("Calinski-Harabasz", 0, "Calinski-Harabasz", "largest")
    ] = Field(description="Calinski-Harabasz index. Null for k = 1.")
    davies_bouldin: Annotated[
        float | None, SweepColumn("Davies-Bouldin", 0, "Davies-Bouldin", "smallest")
    ] = Field(description="Davies-Bouldin index; smaller is better. Null for k = 1.")
    gap: Annotated[float | None, SweepColumn("Gap")] = Field(
        description="Gap statistic, uniform reference over the features' box."
    )
    gap_error: Annotated[float | None, SweepColumn(at_least=0)] = Field(description="Its standard error.")
    gap_pca: Annotated[float | None, SweepColumn("Gap (PCA)")] = Field(
        description="Gap statistic, uniform reference over the principal components' box."
    )
    gap_pca_error: Annotated[float | None, SweepColumn(at_least=0)] = Field(description="Its standard error.")
    prediction_strength: Annotated[float | None, SweepColumn("Prediction strength", 0)] = Field(
        description="Prediction strength, 0 to 1. Null for k = 1."
    )
    # One value per segment; the column has the smallest.
    jaccard: Annotated[tuple[float, ...], SweepColumn("Bootstrap Jaccard", 0)] = Field(
        description="Bootstrap Jaccard, 0 to 1, of the least stable segment. Null for k = 1."
    )
    natural: Annotated[int, SweepColumn("Natural segments", 1)] = Field(
        description="Natural segments that these k form: those with borders between them."
    )
    faintest_border: Annotated[float | None, SweepColumn("Faintest border", 0)] = Field(
        description="Customers on the faintest border of two segments, as a share of those inside, errors "
        "included; 0.72 and more means no border. Null for k = 1."
    )

    @property
    def stability(self) -> float:
        """Bootstrap Jaccard of the least stable segment; 1.0 for k = 1."""
        return min(self.jaccard, default=1.0)

    def sweep_row(self) -> dict[str, float | None]:
        """k and the measures' columns of sweep.parquet, by name; the least of a measure by segment."""
        values = {name: getattr(self, name) for name in ("k", *SWEEP_COLUMNS)}
        return {
            name: min(value, default=None) if isinstance(value, tuple) else value
            for name, value in values.items()
        }


SWEEP_COLUMNS = {
    name: column
    for name, field in Measures.model_fields.items()
    for column in field.metadata
    if isinstance(column, SweepColumn)
}


MeasureValue = int | float | tuple[float, ...] | None


class MeasureFamily(Record):
    """Some of the measures of each k: those computed together."""

    name: str
    by_k: dict[int, dict[str, MeasureValue]] = Field(description="Measures by name, for each k.")

    @property
    def log_line(self) -> str:
        """`stability of 12 values of k`."""
        return f"{self.name} of {len(self.by_k)} values of k"


class Evidence(Record):
    """All measures by k, and the sample they were taken from."""

    measures: tuple[Measures, ...]
    natural: tuple[int, ...] = Field(description="Natural segments for k = 1, 2, 3, …, past k.max.")
    rows: int = Field(description="Customers in the sample.")
    distinct: int = Field(description="Distinct rows among all customers; a lower bound for a coreset.")


class Choice(Record):
    """The chosen k, why, how strong the evidence for it is, and what speaks against it."""

    k: int
    rule: str
    reasons: tuple[str, ...]
    strength: Strength = "weak"
    doubts: tuple[str, ...] = Field((), description="Disagreeing measures, degenerate evidence.")
    curve: tuple[CurvePoint, ...]
    measures: tuple[Measures, ...] = ()
    measured_on: date | None = Field(None, description="The date whose customers the evidence is about.")
    wanted_k: int | None = Field(None, description="Another k that the evidence asks for.")
    wanted_nights: int = Field(0, description="For how many nights in a row, this one included.")

    is_kept: bool = Field(False, description="It is last night's division, which is to stay.")

    @property
    def inertia(self) -> float:
        """The inertia of a new fit with the chosen k."""
        return next(point.inertia for point in self.curve if point.k == self.k)

    @property
    def is_division(self) -> bool:
        """Do the segments divide one crowd, without borders between customers?"""
        return self.strength == "none" and self.k > 1

    @property
    def log_line(self) -> str:
        """`k = 5 of 12 values: the evidence is weak`."""
        return f"k = {self.k} of {len(self.curve)} values: {STRENGTHS[self.strength]}"
