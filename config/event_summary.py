"""The part of a definition that summarises events to customers: the window and the features.

The contract of one event is in config/columns.py. The features are computed in
segmentation/rows/aggregation.py.
"""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.columns import COLUMN_PATTERN, RESERVED_COLUMNS, Column
from config.conditions import ColumnCondition
from config.expressions import columns_of, parse_expression

SummaryOperation = Literal[
    "sum",
    "mean",
    "median",
    "min",
    "max",
    "count",
    "count_distinct",
    "days_since_last",
    "days_since_first",
    "share",
]
NUMERIC_OPERATIONS = ("sum", "mean", "median", "min", "max")
WHOLE_OPERATIONS = ("count", "count_distinct", "days_since_last", "days_since_first")


class SummaryFeature(Clause):
    """One feature of a customer, computed from the customer's events in the window."""

    op: SummaryOperation = Field(
        description="sum, mean, median, min, max, count, count_distinct, days_since_last, days_since_first "
        "or share."
    )
    column: str | None = Field(None, description="The column for op.")
    expression: str | None = Field(
        None, description="Instead of column: a formula of columns, numbers, + - * / and parentheses."
    )
    where: ColumnCondition | None = Field(None, description="With op share: the condition.")
    unit: str = Field("", description="Unit, shown in reports.")
    description: str = Field("", description="One sentence, copied to the outputs.")

    @field_validator("expression")
    @classmethod
    def _expression_parses(cls, expression: str | None) -> str | None:
        if expression is not None:
            parse_expression(expression)
        return expression

    @model_validator(mode="after")
    def _has_the_keys_of_its_op(self) -> Self:
        keys = [name for name in ("column", "expression", "where") if getattr(self, name) is not None]
        if self.op in NUMERIC_OPERATIONS and keys not in (["column"], ["expression"]):
            raise ValueError(f"op {self.op} needs column or expression, one of them")
        if self.op == "count_distinct" and keys != ["column"]:
            raise ValueError("op count_distinct needs column, and nothing else")
        if self.op == "count" and keys not in ([], ["column"]):
            raise ValueError("op count takes column, or nothing to count rows")
        if self.op.startswith("days_since") and keys:
            raise ValueError(f"op {self.op} uses the event's time, so {' and '.join(keys)} must be absent")
        if self.op == "share" and keys != ["where"]:
            raise ValueError("op share needs where, and nothing else")
        return self

    @property
    def contract(self) -> Column:
        """The feature as a column of the customer table."""
        # Sums of whole numbers are float too: they are computed in float64.
        kind: Literal["int", "float"] = "int" if self.op in WHOLE_OPERATIONS else "float"
        return Column(type=kind, unit=self.unit, description=self.description)

    def fault(self, columns: dict[str, Column]) -> str | None:
        """Why the feature does not fit the events' columns. None if it fits."""
        names = [self.column] if self.column else []
        if self.expression is not None:
            names += columns_of(parse_expression(self.expression))
        for name in names:
            if name not in columns:
                return f"{name} is not in rows.columns"
            if self.op in NUMERIC_OPERATIONS and columns[name].type not in ("int", "float"):
                return f"{name} has type {columns[name].type}; op {self.op} needs int or float"
        if self.where is None:
            return None
        if self.where.column not in columns:
            return f"{self.where.column} is not in rows.columns"
        return self.where.misfit(columns[self.where.column].type)


class EventSummary(Clause):
    """How a customer's events become one row: which days count, and which features are computed."""

    window_days: int = Field(
        ge=1, le=36_600, description="Days before as_of whose events count: [as_of - window_days, as_of)."
    )
    features: dict[str, SummaryFeature] = Field(
        min_length=1, max_length=200, description="The customer's features, by name."
    )

    @field_validator("features")
    @classmethod
    def _feature_names(cls, features: dict[str, SummaryFeature]) -> dict[str, SummaryFeature]:
        for name in features:
            if not COLUMN_PATTERN.match(name):
                raise ValueError(
                    "feature names start with a letter or digit and have at most 100 letters, digits, "
                    "spaces and . , ( ) $ % & / # + -"
                )
            if name in RESERVED_COLUMNS:
                raise ValueError(f"feature name {name} is used by the outputs; rename the feature")
        return features
