"""Contracts of the published tables: meaning, unit, null and range of every column.

The descriptions reach the Parquet metadata and docs/outputs.md. Contracts of rows that come in are
built from the definition, in schemas/contract.py.
"""

import pandas as pd
import pandera.pandas as pa
import pyarrow as arrow

from config.parameters import Segmentation

SEGMENT_ID = r"^S\d{2,}$"
FEATURE_DTYPES = {"int": "int64", "float": "float64", "bool": "bool", "category": "str"}
# With missing values pandas needs types of its own for whole numbers and booleans.
NULLABLE_DTYPES = {**FEATURE_DTYPES, "int": "Int64", "bool": "boolean"}


def _text(description: str, nullable: bool = False, check: pa.Check | None = None) -> pa.Column:
    return pa.Column("str", check, nullable=nullable, description=description)


def _number(description: str, nullable: bool = False, at_least: float | None = None) -> pa.Column:
    checks = [] if at_least is None else [pa.Check.ge(at_least)]
    return pa.Column("float64", checks, nullable=nullable, description=description)


def _count(description: str, at_least: int = 0) -> pa.Column:
    return pa.Column("int64", pa.Check.ge(at_least), description=description)


_SEGMENT = pa.Check.str_matches(SEGMENT_ID)


def segments_schema(segmentation: Segmentation) -> pa.DataFrameSchema:
    """`segments.parquet`: one row per customer, for joins. Features come between id and segment."""
    features = {}
    for name in segmentation.features:
        column = segmentation.customer_columns[name]
        unit = f" Unit: {column.unit}." if column.unit else ""
        what = column.description or "Feature, as in the source."
        is_averaged = segmentation.rows.on_duplicate == "mean" and column.type in ("int", "float")
        dtypes = NULLABLE_DTYPES if column.nullable else FEATURE_DTYPES
        dtype = "float64" if is_averaged else dtypes[column.type]
        features[name] = pa.Column(dtype, nullable=column.nullable, description=f"{what}{unit}")
    return pa.DataFrameSchema(
        {
            "customer_id": _text(
                "Customer id, as in the source but for rows.id_suffix; the row number if it has none."
            ),
            **features,
            "segment_id": _text("Stable id of the customer's segment.", check=_SEGMENT),
            "distance": pa.Column(
                "float32", pa.Check.ge(0), description="Distance to the segment's centre, in scaled units."
            ),
            "margin": pa.Column(
                "float32",
                pa.Check.in_range(0, 1),
                nullable=True,
                description="1 - distance / distance to the runner-up's centre: 0 on the border, 1 at the "
                "centre. Null with one segment.",
            ),
            "runner_up": _text(
                "Segment with the second nearest centre. Null with one segment.", True, _SEGMENT
            ),
        },
        name="segments",
        title="segments.parquet",
        description="One row per customer, sorted by customer_id. The table to join.",
        strict=True,
        ordered=True,
    )


PROFILES = pa.DataFrameSchema(
    {
        "segment_id": _text("Segment.", check=_SEGMENT),
        "size": _count("Customers in the segment.", 1),
        "share": _number("Share of all customers, 0 to 1.", at_least=0),
        "feature": _text("Feature that this row describes."),
        "unit": _text("Unit of centre, mean and median, as in the definition; may be empty."),
        "centre": _number("The segment's centre in original units: the scaling inverted."),
        "mean": _number("Arithmetic mean over the segment's customers, in original units."),
        "median": _number("Lower median over the segment's customers, in original units."),
        "lift": _number("mean / mean over all customers. Null where that mean is 0.", True),
    },
    name="profiles",
    title="profiles.parquet",
    description="One row per segment and feature: who the segments are.",
    strict=True,
    ordered=True,
)

SWEEP = pa.DataFrameSchema(
    {
        "k": _count("Number of segments tried.", 1),
        "inertia": _number(
            "Sum of squared distances of all customers to the nearest centre, scaled units.", at_least=0
        ),
        "log_inertia": _number("Natural logarithm of inertia. Null where inertia is 0.", True),
        "smallest_share": _number(
            "Share of the customers in the smallest segment, on the sample.", at_least=0
        ),
        "silhouette": _number("Average silhouette, -1 to 1, on the sample. Null for k = 1.", True, -1),
        "calinski_harabasz": _number("Calinski-Harabasz index. Null for k = 1.", True, 0),
        "davies_bouldin": _number("Davies-Bouldin index; smaller is better. Null for k = 1.", True, 0),
        "gap": _number("Gap statistic, uniform reference over the features' box.", True),
        "gap_error": _number("Its standard error.", True, 0),
        "gap_pca": _number("Gap statistic, uniform reference over the principal components' box.", True),
        "gap_pca_error": _number("Its standard error.", True, 0),
        "prediction_strength": _number("Prediction strength, 0 to 1. Null for k = 1.", True, 0),
        "jaccard": _number(
            "Bootstrap Jaccard, 0 to 1, of the least stable segment. Null for k = 1.", True, 0
        ),
        "natural": _count("Natural segments that these k form: those with borders between them.", 1),
        "faintest_border": _number(
            "Customers on the faintest border of two segments, as a share of those inside, errors included; "
            "0.72 and more is no border. Null for k = 1.",
            True,
            0,
        ),
        "is_chosen": pa.Column("bool", description="Is this the k that was taken?"),
    },
    name="sweep",
    title="sweep.parquet",
    description="One row per k: the evidence for k.",
    strict=True,
    ordered=True,
)

QUARANTINE = pa.DataFrameSchema(
    {
        "source_file": _text("CSV file that the row came from, without folders. Null otherwise.", True),
        "source_row": _count(
            "Number of the row in that file, from 1, the header not counted; of Parquet files and databases "
            "in the whole source.",
            1,
        ),
        "customer_id": _text("Customer id, where the row has one.", True),
        "reason": _text("Primary reason, the first of: the id's, rows.where in order, the columns in order."),
        "column": _text("Column that the primary reason is about. Null if it is about the whole row.", True),
        "reasons": _text("Every reason, separated by '; '."),
        "record": _text("The refused row as JSON, or its text where it could not be split into fields."),
    },
    name="quarantine",
    title="quarantine.parquet",
    description="One row per refused row of the source, with the reason.",
    strict=True,
    ordered=True,
)

_ARROW = {
    "string[pyarrow]": arrow.string(),
    "float64": arrow.float64(),
    "float32": arrow.float32(),
    "int64": arrow.int64(),
    "Int64": arrow.int64(),
    "bool": arrow.bool_(),
    "boolean": arrow.bool_(),
}
_TO_PANDAS = {arrow.int64(): pd.Int64Dtype(), arrow.bool_(): pd.BooleanDtype()}


def arrow_schema(schema: pa.DataFrameSchema) -> arrow.Schema:
    """The Arrow schema of a published table, each field with its description."""
    fields = [
        arrow.field(
            name,
            _ARROW[str(column.dtype)],
            bool(column.nullable),
            {"description": column.description or ""},
        )
        for name, column in schema.columns.items()
    ]
    return arrow.schema(fields, {"description": schema.description or ""})


def to_frame(table: arrow.Table, schema: pa.DataFrameSchema) -> pd.DataFrame:
    """The table for validation: whole numbers and booleans that may be missing keep their type."""
    frame: pd.DataFrame = table.to_pandas()
    for name, column in schema.columns.items():
        if str(column.dtype) in ("Int64", "boolean"):
            frame[name] = table.select([name]).to_pandas(types_mapper=_TO_PANDAS.get)[name]
    return frame


def checked_table(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> arrow.Table:
    """Validate a published table, all failures together, and give it its Arrow schema.

    Raises pandera's SchemaErrors: a defect of this project, never of the input.
    """
    valid = schema.validate(frame, lazy=True)
    return arrow.Table.from_pandas(valid, schema=arrow_schema(schema), preserve_index=False)
