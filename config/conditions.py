"""Conditions: one test of one column, for rules that rows must meet and for shares of events.

How a condition is tested is in segmentation/rows/conditions.py (rows) and segmentation/rows/aggregation.py
(queries).
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from config.plans import Clause

Value = Annotated[str, Field(max_length=1000)] | bool | int | float
Values = Annotated[tuple[Value, ...], Field(min_length=1, max_length=10_000)]

# Reasons that reading gives.
_TAKEN = ("unreadable", "missing", "repeated header", "too many fields", "too few fields")

TESTS = ("isin", "not_in", "starts_with", "not_starts_with", "ge", "gt", "le", "lt")


class Condition(Clause):
    """One column and exactly one test of it."""

    column: str = Field(description="The column that is tested, one of rows.columns.")
    isin: Values | None = Field(None, description="The value is one of these.")
    not_in: Values | None = Field(None, description="The value is none of these.")
    starts_with: str | None = Field(None, min_length=1, description="The text begins with this.")
    not_starts_with: str | None = Field(None, min_length=1, description="The text does not begin with this.")
    ge: float | None = Field(None, description="The number is this or larger.")
    gt: float | None = Field(None, description="The number is above this.")
    le: float | None = Field(None, description="The number is this or smaller.")
    lt: float | None = Field(None, description="The number is below this.")

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if sum(getattr(self, test) is not None for test in TESTS) != 1:
            raise ValueError(f"give exactly one test: {', '.join(TESTS)}")
        return self

    @property
    def test(self) -> str:
        """The name of the test that is given."""
        return next(test for test in TESTS if getattr(self, test) is not None)

    def misfit(self, kind: str) -> str | None:
        """Why the test does not fit a column of this type; None if it does."""
        if self.test in ("starts_with", "not_starts_with"):
            return None if kind in ("text", "category") else f"{self.test} needs type text, not {kind}"
        if self.test in ("ge", "gt", "le", "lt"):
            return None if kind in ("int", "float") else f"{self.test} needs type int or float, not {kind}"
        fitting: dict[str, tuple[type, ...]] = {
            "text": (str,), "category": (str,), "bool": (bool,), "int": (int,), "float": (int, float)
        }  # fmt: skip
        values = self.isin or self.not_in or ()
        if kind == "int" and any(isinstance(value, int) and abs(value) >= 2**63 for value in values):
            return f"{self.test} holds numbers beyond 64 bits"
        fits = all(
            isinstance(value, fitting.get(kind, ())) and isinstance(value, bool) == (kind == "bool")
            for value in values
        )
        return None if fits else f"{self.test} holds values that a column of type {kind} never has"


class RowRule(Condition):
    """A condition that every row must meet; a row that does not is quarantined. Missing values pass."""

    reason: str = Field(
        min_length=1,
        max_length=100,
        pattern=r"^[^\W_][\w .,()%&/#+-]*$",
        description="Why a row that does not meet the condition is quarantined.",
    )

    @model_validator(mode="after")
    def _reason_is_its_own(self) -> Self:
        if self.reason in _TAKEN:
            raise ValueError(f"reason {self.reason!r} already means something else; choose another")
        return self
