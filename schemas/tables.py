"""Contracts of the published tables: meaning, unit, null and range of every column.

The descriptions are also in the Parquet metadata and in docs/outputs.md. The contract of source rows is
built from the definition, in contract.py.
"""

import pandera.pandas as pa

from config.definition import Definition
from schemas.customer_columns import describe_columns
from schemas.evidence import SWEEP_COLUMNS, Measures
from schemas.fields import IS_SEGMENT, count, number, text
from schemas.rfm_columns import describe_scores


def scores_schema(definition: Definition) -> pa.DataFrameSchema:
    """What `resegment score` writes: `segments.parquet` without the columns that only a night can fill."""
    return _label_schema(describe_columns(definition, definition.features))


def _label_schema(
    columns: dict[str, pa.Column], names: dict[str, pa.Column] | None = None
) -> pa.DataFrameSchema:
    return pa.DataFrameSchema(
        {
            "customer_id": text(
                "Customer id, as in the source, without rows.id_suffix. The row number if rows have no id."
            ),
            **columns,
            "segment_id": text("Stable id of the customer's segment.", check=IS_SEGMENT),
            **(names or {}),
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
            "runner_up": text(
                "Segment with the second nearest centre. Null with one segment.", True, IS_SEGMENT
            ),
        },
        name="scores",
        title="scores",
        description="One row per customer.",
        strict=True,
        ordered=True,
    )


def segments_schema(definition: Definition) -> pa.DataFrameSchema:
    """`segments.parquet`: one row per customer, for joins. Between id and segment: features, then profile."""
    columns = describe_columns(definition, definition.kept_columns)
    name = text("Name that people gave the segment and that holds for this date, else its factual name.")
    schema: pa.DataFrameSchema = _label_schema(columns, {"segment_name": name}).add_columns(
        {
            "previous_segment_id": text(
                "Segment in the edition before. Null for customers who joined, or without an edition before.",
                True,
                IS_SEGMENT,
            ),
            "change": text(
                "joined, stayed or moved since the edition before. Null without one.",
                True,
                pa.Check.isin(["joined", "stayed", "moved"]),
            ),
            "cause": text(
                "Why the customer moved: behaviour if last night's model agrees, else model. Else null.",
                True,
                pa.Check.isin(["behaviour", "model"]),
            ),
            **describe_scores(definition),
        }
    )
    schema.name, schema.title = "segments", "segments.parquet"
    schema.description = "One row per customer, sorted by customer_id. The table to join."
    return schema


PROFILES = pa.DataFrameSchema(
    {
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "size": count("Customers in the segment.", 1),
        "share": number("Share of all customers, 0 to 1.", at_least=0),
        "feature": text("Feature that this row describes."),
        "unit": text("Unit of centre, mean and median, as in the definition; may be empty."),
        "centre": number("The segment's centre in original units: the scaling inverted."),
        "scaled_centre": number(
            "The model's centre in scaled units, as in model.json: distances are measured from it. Null for "
            "excluded features.",
            True,
        ),
        "mean": number("Arithmetic mean over the segment's customers, in original units."),
        "median": number("Lower median over the segment's customers, in original units."),
        "lift": number("mean / mean over all customers. Null where that mean is 0.", True),
        "difference": number(
            "Standardised mean difference: scaled mean minus that of all customers, in units of the "
            "scaling, mostly standard deviations. 0 for excluded features."
        ),
        "statistic": text("Which figure stands for the feature: median where it is skewed, else mean."),
        "typical": number("That figure for the segment."),
        "typical_overall": number("That figure for all customers."),
        "contrast": number(
            "How far typical is from typical_overall, in units of the customers' spread, on the scale of the "
            "scaling. Above 0 exactly if it is larger: words, arrows and shades follow it."
        ),
    },
    name="profiles",
    title="profiles.parquet",
    description="One row per segment and feature: who the segments are.",
    strict=True,
    ordered=True,
)

DESCRIPTIONS = pa.DataFrameSchema(
    {
        "segment_id": text("Segment.", check=IS_SEGMENT),
        "name": text(
            "Factual name: the features that set the segment apart most. The name that people gave it is in "
            "segments.parquet and manifest.json."
        ),
        "size": count("Customers in the segment.", 1),
        "share": number("Share of all customers, 0 to 1.", at_least=0),
        "rule": text(
            "One to four thresholds in original units. Null where no simple rule has a precision and a "
            "recall of 0.7 or more.",
            True,
        ),
        "rule_precision": number(
            "Share of the customers matching the rule that belong to the segment.", True, 0
        ),
        "rule_recall": number("Share of the segment's customers that match the rule.", True, 0),
        "rule_sql": text("The rule as an SQL expression over segments.parquet, else null.", True),
    },
    name="descriptions",
    title="descriptions.parquet",
    description="One row per segment: what sets it apart, in words and as a rule for other systems.",
    strict=True,
    ordered=True,
)


def measure_column(name: str) -> pa.Column:
    """The contract of a measure's column in sweep.parquet, from its field in `Measures`."""
    field, at_least = Measures.model_fields[name], SWEEP_COLUMNS[name].at_least
    if field.annotation is int:
        return count(field.description or "", int(at_least or 0))
    return number(field.description or "", nullable=field.annotation is not float, at_least=at_least)


SWEEP = pa.DataFrameSchema(
    {
        "k": count("Number of segments tried.", 1),
        "inertia": number(
            "Sum of squared distances of all customers to the nearest centre, scaled units.", at_least=0
        ),
        "log_inertia": number("Natural logarithm of inertia. Null where inertia is 0.", True),
        **{name: measure_column(name) for name in SWEEP_COLUMNS},
        "is_chosen": pa.Column("bool", description="Is this the chosen k?"),
    },
    name="sweep",
    title="sweep.parquet",
    description="One row per k: the evidence for k.",
    strict=True,
    ordered=True,
)

QUARANTINE = pa.DataFrameSchema(
    {
        "source_file": text("CSV file of the row, without folders. Null for other sources.", True),
        "source_row": count(
            "Row number in that file, from 1, not counting the header. For Parquet files and databases, "
            "in the whole source.",
            1,
        ),
        "customer_id": text("Customer id, if the row has one.", True),
        "reason": text(
            "Primary reason: the id's first, then rows.where in order, then the columns in order."
        ),
        "column": text("Column that the primary reason is about. Null if it is about the whole row.", True),
        "reasons": text("Every reason, separated by '; '."),
        "record": text("The refused row as JSON, or its text if it could not be split into fields."),
    },
    name="quarantine",
    title="quarantine.parquet",
    description="One row per refused row of the source, with the reason.",
    strict=True,
    ordered=True,
)
