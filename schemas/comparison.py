"""What a comparison of algorithms found: one record per algorithm, and its table."""

from datetime import date

import pandera.pandas as pa
from pydantic import Field

from schemas.evidence import Strength
from schemas.part import Part
from schemas.record import Record


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
    strength: Strength
    trials: tuple[Trial, ...]
    table_path: str
    page_path: str

    @property
    def log_line(self) -> str:
        """`7 algorithms compared with k-means, k = 5`."""
        return f"{len(self.trials)} algorithms compared with k-means, k = {self.k}"


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
