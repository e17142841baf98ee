"""Expressions over an event's columns: numbers, columns, + - * / and parentheses, parsed to a small tree.

Text is never evaluated as Python. Trees become SQL in segmentation/rows/summarising/aggregation.py.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST_EXPRESSION = 1000
DEEPEST_EXPRESSION = 50
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?!\w))|(?P<name>[^\W\d]\w*)|`(?P<quoted>[^`]+)`"
    r"|(?P<mark>[-+*/()]))",
    re.ASCII,
)


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class ColumnName:
    """The value of a column."""

    name: str


@dataclass(frozen=True)
class Negative:
    """Minus an expression."""

    operand: "Expression"


@dataclass(frozen=True)
class Operation:
    """Two expressions joined by + - * or /."""

    mark: str
    left: "Expression"
    right: "Expression"


Expression = Number | ColumnName | Negative | Operation


def parse_expression(text: str) -> Expression:
    """Parse an expression. The ValueError says what is wrong, and where.

    Column names that are not plain words are written in backticks.

    >>> parse_expression("2 * `Unit price`")
    Operation(mark='*', left=Number(value=2.0), right=ColumnName(name='Unit price'))
    """
    if len(text) > LONGEST_EXPRESSION:
        raise ValueError(f"an expression has at most {LONGEST_EXPRESSION} characters")
    parser = _Parser(text)
    tree = parser.parse_sum(0)
    if parser.token is not None:
        raise parser.fault()
    return tree


def columns_of(tree: Expression) -> Iterator[str]:
    """The columns of an expression in order, including repetitions."""
    if isinstance(tree, ColumnName):
        yield tree.name
    elif isinstance(tree, Negative):
        yield from columns_of(tree.operand)
    elif isinstance(tree, Operation):
        yield from columns_of(tree.left)
        yield from columns_of(tree.right)


class _Parser:
    """Recursive descent over the tokens: sum = product {± product}, product = factor {*/ factor}."""

    def __init__(self, text: str) -> None:
        self.text, self.position = text, 0
        self.token: re.Match[str] | None = None
        self.step()

    def step(self) -> None:
        if not self.text[self.position :].strip():
            self.token = None
            return
        self.token = _TOKEN.match(self.text, self.position)
        if self.token is None:
            raise self.fault()
        self.position = self.token.end()

    def fault(self) -> ValueError:
        place = self.token.start(self.token.lastgroup or 0) if self.token else self.position
        return ValueError(
            f"not understood at character {place + 1}; an expression has columns (in backticks unless "
            "plain words), numbers, + - * / and parentheses"
        )

    def take(self, marks: str) -> str | None:
        mark = self.token["mark"] if self.token else None
        if mark is None or mark not in marks:
            return None
        self.step()
        return mark

    def parse_sum(self, depth: int) -> Expression:
        return self.parse_chain("+-", depth)

    def parse_chain(self, marks: str, depth: int) -> Expression:
        # a+a+a becomes a tree of left operands, so the length of a chain counts as depth.
        tree, links = self.parse_operand(marks, depth), 0
        while mark := self.take(marks):
            links += 1
            self.check_depth(depth + links)
            tree = Operation(mark, tree, self.parse_operand(marks, depth + links))
        return tree

    def parse_operand(self, marks: str, depth: int) -> Expression:
        return self.parse_chain("*/", depth) if marks == "+-" else self.parse_factor(depth)

    def check_depth(self, depth: int) -> None:
        if depth > DEEPEST_EXPRESSION:
            raise ValueError(f"an expression is at most {DEEPEST_EXPRESSION} operations deep")

    def parse_factor(self, depth: int) -> Expression:
        self.check_depth(depth)
        if self.take("-"):
            return Negative(self.parse_factor(depth + 1))
        if self.take("("):
            tree = self.parse_sum(depth + 1)
            if not self.take(")"):
                raise ValueError("a parenthesis is never closed") if not self.token else self.fault()
            return tree
        token = self.token
        if token is None:
            raise ValueError("the expression ends too early")
        if token["mark"]:
            raise self.fault()
        self.step()
        if token["number"]:
            value = float(token["number"])
            if not math.isfinite(value):
                raise ValueError("a number is too large")
            return Number(value)
        return ColumnName(token["name"] or token["quoted"])
