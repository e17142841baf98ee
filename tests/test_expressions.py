"""Expressions: parsing, precedence and refusals. Nothing is evaluated as Python."""

import ast
import math
import operator
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.expressions import (
    DEEPEST_EXPRESSION,
    LONGEST_EXPRESSION,
    ColumnName,
    Expression,
    Negative,
    Number,
    Operation,
    columns_of,
    parse_expression,
)

MARKS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def evaluate(tree: Expression, row: Mapping[str, float]) -> float:
    """The value of a tree for one row."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, ColumnName):
        return row[tree.name]
    if isinstance(tree, Negative):
        return -evaluate(tree.operand, row)
    value: float = MARKS[tree.mark](evaluate(tree.left, row), evaluate(tree.right, row))
    return value


def from_python(node: ast.expr) -> Expression:
    """The tree that Python's parser gives, as an independent oracle."""
    if isinstance(node, ast.BinOp):
        mark = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}[type(node.op)]
        return Operation(mark, from_python(node.left), from_python(node.right))
    if isinstance(node, ast.UnaryOp):
        return Negative(from_python(node.operand))
    if isinstance(node, ast.Name):
        return ColumnName(node.id)
    value = node.value if isinstance(node, ast.Constant) else None
    if not isinstance(value, int | float):
        raise TypeError(type(node))
    return Number(float(value))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Expressions of a few operations, some with parentheses and spaces."""
    text = draw(st.sampled_from(["a", "Quantity", "2", "0.5", ".25", "1e3", "3.", "_x1"]))
    for _ in range(draw(st.integers(0, 6))):
        operand = draw(st.sampled_from(["b", "-a", "(a - b)", "-(2)", "7"]))
        text = f"{text}{draw(st.sampled_from([' ', '']))}{draw(st.sampled_from('+-*/'))} {operand}"
        if draw(st.booleans()):
            text = f"({text})"
    return text


@given(texts())
def test_expressions_bind_as_in_arithmetic(text: str) -> None:
    """Precedence, left associativity and minus signs match Python's grammar."""
    tree = ast.parse(text, mode="eval").body
    assert parse_expression(text) == from_python(tree)


def test_a_worked_example() -> None:
    """2 + 3 * 4 - 6 / 2 is 11, a column in backticks counts, and every column is listed."""
    tree = parse_expression("2 + 3*`Unit price` - 6/(q)")
    assert evaluate(tree, {"Unit price": 4, "q": 2}) == 11
    assert list(columns_of(tree)) == ["Unit price", "q"]
    assert math.isclose(evaluate(parse_expression("-a*-b"), {"a": 2, "b": 3}), 6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends too early"),
        ("   ", "ends too early"),
        ("a +", "ends too early"),
        ("(a", "is never closed"),
        ("a)", "not understood at character 2"),
        ("a b", "not understood at character 3"),
        ("* a", "not understood at character 1"),
        ("()", "not understood at character 2"),
        ("a ** b", "not understood at character 4"),
        ("a // b", "not understood at character 4"),
        ("a % b", "not understood at character 2"),
        ("a < b", "not understood at character 2"),
        ("3x", "not understood at character 1"),
        ("0x10", "not understood at character 1"),
        ("`a", "not understood at character 1"),
        ("``", "not understood at character 1"),
        ("a; DROP TABLE b", "not understood at character 2"),
        ("__import__('os')", "not understood at character 11"),
        ("a.b", "not understood at character 2"),
        ("'text'", "not understood at character 1"),
        ("lambda: 0", "not understood at character 7"),
        ("[a]", "not understood at character 1"),
        ("1e999", "too large"),
    ],
)
def test_invalid_expressions_are_refused(text: str, message: str) -> None:
    """Everything except columns, numbers, + - * / and parentheses is refused, with the position."""
    with pytest.raises(ValueError, match=message):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "-" * 900 + "a",
        "(" * (DEEPEST_EXPRESSION + 1) + "a" + ")" * (DEEPEST_EXPRESSION + 1),
        "+".join("a" * (DEEPEST_EXPRESSION + 2)),
        "a" * (LONGEST_EXPRESSION + 1),
    ],
)
def test_bombs_are_refused(text: str) -> None:
    """Very long and very deep expressions are refused before they are parsed."""
    with pytest.raises(ValueError, match="at most"):
        parse_expression(text)


def test_a_long_sum_within_the_limit_is_fine() -> None:
    """A chain of as many operations as the limit allows is parsed."""
    text = "+".join("a" * (DEEPEST_EXPRESSION + 1))
    assert len(list(columns_of(parse_expression(text)))) == DEEPEST_EXPRESSION + 1
