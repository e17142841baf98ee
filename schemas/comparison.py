"""What a comparison of algorithms found: one record per algorithm, and its table."""

from datetime import date

import pandera.pandas as pa
from pydantic import Field

from schemas.evidence import Choice, Strength
from schemas.model import Model
from schemas.part import Part
from schemas.record import Record


class Champion(Record):
    """The k-means segments that the others are compared with: an edition's, or fitted for the comparison."""

    k: int = 0
    reasons: tuple[str, ...] = Field((), description="Why this k.")
    centres: tuple[tuple[float, ...], ...] = Field((), description="(k, d) in scaled units.")
    edition: str | None = Field(None, description="Whose segments they are; None if they were fitted.")
    model: Model | None = Field(None, description="The edition's.")
    choice: Choice | None = Field(None, description="How k was chosen, if they were fitted.")

    @property
    def log_line(self) -> str:
        """`k = 5, of edition 0490df720cd6db09`, or that none has been made from the same."""
        if self.edition is None:
            return "no edition of the date has the same definition and rows"
        return f"k = {self.k}, of edition {self.edition}"


class Contest(Record):
    """What every algorithm of a comparison is given."""

    sample: Part = Field(description="Scaled rows drawn with equal chances.")
    centres: tuple[tuple[float, ...], ...] = Field(description="The k-means champion's (k, d).")
    rows: int = Field(description="At most this many rows of the sample.")


class Trial(Record):
    """One algorithm on the sample. Without k it was not run, and `note` says why."""

    algorithm: str
    rows: int = Field(description="Customers it was given.")
    k: int | None = Field(None, description="Segments found.")
    unsegmented: float | None = Field(None, description="Share of customers in no segment.")
    silhouette: float | None = None
    stability: float | None = Field(None, description="Bootstrap Jaccard of the least stable segment.")
    agreement: float | None = Field(None, description="Adjusted Rand index to the champion.")
    smallest_share: float | None = None
    seconds: float | None = None
    memory_mb: float = Field(description="Estimated before it ran.")
    note: str = ""

    @property
    def log_line(self) -> str:
        """`birch: k = 5`, or why it was not run."""
        return f"{self.algorithm}: k = {self.k}" if self.k else f"{self.algorithm}: {self.note}"


class Comparison(Record):
    """All algorithms on one night's customers."""

    name: str
    as_of: date
    customers: int
    k: int = Field(description="The champion's.")
    edition: str | None = Field(
        None, description="Whose segments, k and evidence the champion's are; None if it was fitted."
    )
    strength: Strength | None = Field(
        None, description="Of the evidence for k. None for an edition's, whose page says it."
    )
    trials: tuple[Trial, ...]
    table_path: str
    page_path: str

    @property
    def log_line(self) -> str:
        """`7 algorithms compared with k-means, k = 5`."""
        return f"{len(self.trials)} algorithms compared with k-means, k = {self.k}"

    def describe_champion(self) -> str:
        """Where the champion comes from, in a sentence."""
        if self.edition is not None:
            return f"The champion has the segments, k and evidence of edition {self.edition}."
        return (
            "The champion was fitted for this comparison: the store has no edition of the date with the same "
            "definition and rows."
        )


COMPARISON = pa.DataFrameSchema(
    {
        "algorithm": pa.Column("str", description="The algorithm."),
        "rows": pa.Column("int64", description="Customers it was given."),
        "k": pa.Column("float64", nullable=True, description="Segments found. Null where it was not run."),
        "unsegmented": pa.Column("float64", nullable=True, description="Share of customers in no segment."),
        "silhouette": pa.Column("float64", nullable=True, description="Average, of the segmented customers."),
        "stability": pa.Column(
            "float64", nullable=True, description="Bootstrap Jaccard of the least stable segment."
        ),
        "agreement": pa.Column("float64", nullable=True, description="Adjusted Rand index to the champion."),
        "smallest_share": pa.Column("float64", nullable=True, description="Share of the smallest segment."),
        "seconds": pa.Column("float64", nullable=True, description="CPU time of one fit on one thread."),
        "memory_mb": pa.Column("float64", description="Memory of one fit, estimated before it ran."),
        "note": pa.Column("str", description="What was settled, reduced or refused."),
    },
    name="comparison",
    title="comparison.parquet",
    description="One row per algorithm.",
    strict=True,
    ordered=True,
)
