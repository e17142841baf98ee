"""Conditions: one test of one column, used for rules on rows and for shares of events.

They are evaluated in segmentation/rows/judging/row_rules.py on rows, and in
segmentation/rows/summarising/aggregation.py as SQL.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.clauses import Clause

ConditionValue = Annotated[str, Field(max_length=1000)] | bool | int | float
ConditionValues = Annotated[tuple[ConditionValue, ...], Field(min_length=1, max_length=10_000)]

# Reasons that reading and casting use.
RESERVED_REASONS = ("unreadable", "missing", "repeated header", "too many fields", "too few fields")

CONDITION_TESTS = ("isin", "not_in", "starts_with", "not_starts_with", "ge", "gt", "le", "lt")


class ColumnCondition(Clause):
    """One column and exactly one test of it."""

    column: str = Field(description="The column to test, one of rows.columns.")
    isin: ConditionValues | None = Field(None, description="The value is one of these.")
    not_in: ConditionValues | None = Field(None, description="The value is not one of these.")
    starts_with: str | None = Field(None, min_length=1, description="The text starts with this.")
    not_starts_with: str | None = Field(None, min_length=1, description="The text does not start with this.")
    ge: float | None = Field(None, description="The number is at least this.")
    gt: float | None = Field(None, description="The number is above this.")
    le: float | None = Field(None, description="The number is at most this.")
    lt: float | None = Field(None, description="The number is below this.")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if sum(getattr(self, test) is not None for test in CONDITION_TESTS) != 1:
            raise ValueError(f"give exactly one test: {', '.join(CONDITION_TESTS)}")
        return self

    @property
    def test(self) -> str:
        """The name of the condition's test."""
        return next(test for test in CONDITION_TESTS if getattr(self, test) is not None)

    def misfit(self, kind: str) -> str | None:
        """Why the test does not fit a column of this type. None if it fits."""
        if self.test in ("starts_with", "not_starts_with"):
            return None if kind in ("text", "category") else f"{self.test} needs type text, not {kind}"
        if self.test in ("ge", "gt", "le", "lt"):
            return None if kind in ("int", "float") else f"{self.test} needs type int or float, not {kind}"
        fitting: dict[str, tuple[type, ...]] = {
            "text": (str,), "category": (str,), "bool": (bool,), "int": (int,), "float": (int, float)
        }  # fmt: skip
        values = self.isin or self.not_in or ()
        # Arrow would fail on these only when the first rows are read.
        if kind == "int" and any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
            return f"{self.test} has numbers beyond 64 bits"
        fits = all(
            isinstance(value, fitting.get(kind, ())) and isinstance(value, bool) == (kind == "bool")
            for value in values
        )
        return None if fits else f"{self.test} has values that a column of type {kind} never has"


Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\W_][\w .,()%&/#+-]*$",
        description="The reason recorded in quarantine for rows that do not meet the condition.",
    ),
]


def check_reason(reason: str) -> None:
    """ValueError if reading or casting uses the reason itself."""
    if reason in RESERVED_REASONS:
        raise ValueError(f"reason {reason!r} is reserved; choose another")


class RowRule(ColumnCondition):
    """A condition that every row must meet. Rows that do not are quarantined. Missing values pass."""

    reason: Reason

    @model_validator(mode="after")
    def _reason_is_free(self) -> Self:
        check_reason(self.reason)
        return self
