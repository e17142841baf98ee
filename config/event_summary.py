"""The part of a definition that summarises events to customers: the window and the features.

The contract of one event is in config/columns.py. The features are computed in
segmentation/rows/summarising/aggregation.py.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from config.clauses import Clause
from config.column_contract import Fill
from config.columns import COLUMN_NAMES, COLUMN_PATTERN, RESERVED_COLUMNS, Column
from config.conditions import ColumnCondition
from config.expressions import ColumnName, Expression, Operation, columns_of, parse_expression

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
    "last",
    "first",
    "mode",
]
NUMERIC_OPERATIONS = ("sum", "mean", "median", "min", "max")
# With once_per an order's value counts once; the other operations are the same either way, or count lines.
ONCE_OPERATIONS = ("sum", "mean")
# The result is a value of the column, whatever its type.
PICKING_OPERATIONS = ("last", "first", "mode")
_KEYS_OF_OP = ("column", "expression", "once_per", "where")
WHOLE_OPERATIONS = ("count", "count_distinct", "days_since_last", "days_since_first")


class SummaryFeature(Clause):
    """One feature of a customer, computed from the customer's events in the window or from other features."""

    op: SummaryOperation | None = Field(
        None,
        description="sum, mean, median, min, max, count, count_distinct, days_since_last, days_since_first, "
        "share, last, first or mode.",
    )
    column: str | None = Field(None, description="The column for op.")
    expression: str | None = Field(
        None, description="Instead of column: a formula of columns, numbers, + - * / and parentheses."
    )
    once_per: str | None = Field(
        None,
        description="With op sum or mean: column of the order's id. The order's value counts once, on "
        "however many lines it is repeated.",
    )
    where: ColumnCondition | None = Field(None, description="With op share: the condition.")
    ratio: tuple[str, str] | None = Field(
        None, description="Instead of op: two other features, the first divided by the second."
    )
    formula: str | None = Field(
        None, description="Instead of op: a formula of other features, numbers, + - * / and parentheses."
    )
    unit: str = Field("", description="Unit, shown in reports.")
    label: str = Field(
        "",
        max_length=60,
        exclude_if=lambda label: not label,  # unset, it is not part of the names of editions
        description="What pages and segment names call it, such as yearly revenue. Empty: its own name.",
    )
    description: str = Field("", description="One sentence, copied to the outputs.")

    @field_validator("expression", "formula")
    @classmethod
    def _expression_parses(cls, expression: str | None) -> str | None:
        if expression is not None:
            parse_expression(expression)
        return expression

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = [name for name in ("op", "ratio", "formula") if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError("give op, ratio or formula, exactly one of them")
        keys = [name for name in _KEYS_OF_OP if getattr(self, name) is not None]
        if self.op is None and keys:
            raise ValueError(f"{kinds[0]} takes other features, so {' and '.join(keys)} must be absent")
        return self

    @model_validator(mode="after")
    def _has_the_keys_of_its_op(self) -> Self:
        op = self.op
        if op is None:
            return self
        keys = [name for name in ("column", "expression", "where") if getattr(self, name) is not None]
        if self.once_per is not None and op not in ONCE_OPERATIONS:
            raise ValueError(f"once_per needs op sum or mean, not {op}")
        if op in NUMERIC_OPERATIONS and keys not in (["column"], ["expression"]):
            raise ValueError(f"op {op} needs column or expression, one of them")
        if op in ("count_distinct", *PICKING_OPERATIONS) and keys != ["column"]:
            raise ValueError(f"op {op} needs column, and nothing else")
        if op == "count" and keys not in ([], ["column"]):
            raise ValueError("op count takes column, or nothing to count rows")
        if op.startswith("days_since") and keys:
            raise ValueError(f"op {op} uses the event's time, so {' and '.join(keys)} must be absent")
        if op == "share" and keys != ["where"]:
            raise ValueError("op share needs where, and nothing else")
        return self

    def make_contract(self, columns: Mapping[str, Column]) -> Column:
        """The feature as a column of the customer table. columns: those of the events."""
        if self.op in PICKING_OPERATIONS:
            return self._make_picked_contract(columns[self.column or ""])
        # Sums of whole numbers are float too: they are computed in float64.
        kind: Literal["int", "float"] = "int" if self.op in WHOLE_OPERATIONS else "float"
        return Column(type=kind, unit=self.unit, label=self.label, description=self.description)

    def _make_picked_contract(self, column: Column) -> Column:
        """The column whose values are picked, without the limits that events have met already."""
        fill = column.fill
        if column.nullable and column.type == "category" and column.order is None and fill is None:
            fill = Fill(by="level")
        return Column(
            type=column.type,
            order=column.order,
            isin=column.isin if column.type == "int" else None,  # such a number is a code
            # Without a fill, a customer cannot be placed if no event has a value.
            nullable=fill is not None,
            fill=fill,
            unit=self.unit or column.unit,
            label=self.label or column.label,
            description=self.description or column.description,
        )

    @property
    def tree(self) -> Expression | None:
        """The expression over other features of a ratio or a formula. None with op."""
        if self.ratio is not None:
            return Operation("/", ColumnName(self.ratio[0]), ColumnName(self.ratio[1]))
        return None if self.formula is None else parse_expression(self.formula)

    @property
    def counts_lines(self) -> bool:
        """Does the feature change if an event is delivered twice?"""
        return self.op in ("sum", "mean", "median", "count", "share", "mode") and self.once_per is None

    @property
    def parents(self) -> tuple[str, ...]:
        """The other features that a ratio or a formula names, each once. None of them with op."""
        return () if self.tree is None else tuple(dict.fromkeys(columns_of(self.tree)))

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
        if self.once_per is not None and self.once_per not in columns:
            return f"{self.once_per} is not in rows.columns"
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
                raise ValueError(COLUMN_NAMES.replace("column", "feature"))
            if name in RESERVED_COLUMNS:
                raise ValueError(f"feature name {name} is used by the outputs; rename the feature")
        return features

    @model_validator(mode="after")
    def _formulas_name_features(self) -> Self:
        for name, feature in self.features.items():
            if feature.op is None and not feature.parents:
                raise ValueError(f"features.{name}: formula names no feature")
            for parent in feature.parents:
                if parent not in self.features:
                    raise ValueError(f"features.{name}: {parent} is not in summary.features")
        self.order_features(self.features)
        return self

    def fault(self, columns: dict[str, Column]) -> str | None:
        """Which feature does not fit the events' columns, and why. None if all fit."""
        for name, feature in self.features.items():
            if fault := feature.fault(columns):
                return f"summary.features.{name}: {fault}"
        for name, feature in self.features.items():
            for parent in feature.parents:
                kind = self.features[parent].make_contract(columns).type
                if kind not in ("int", "float"):
                    return f"summary.features.{name}: {parent} has type {kind}; expected int or float"
        return None

    def order_features(self, names: Iterable[str]) -> list[str]:
        """These features and all that they are computed from, each after the features it needs.

        Names of columns that come from elsewhere, such as attributes, are skipped.
        A ValueError says which features go round in a circle.
        """
        ordered: dict[str, None] = {}
        for name in names:
            path = [name] if name in self.features else []
            while path:
                missing = [parent for parent in self.features[path[-1]].parents if parent not in ordered]
                if not missing:
                    ordered.setdefault(path.pop())
                elif missing[0] in path:
                    circle = [*path[path.index(missing[0]) :], missing[0]]
                    raise ValueError(f"features go round in a circle: {' needs '.join(circle)}")
                else:
                    path.append(missing[0])
        return list(ordered)
