"""Expressions: what is parsed, in which order it binds, and what is refused; nothing is evaluated."""

import ast
import math
import operator
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.expressions import (
    DEEPEST,
    LONGEST,
    ColumnName,
    Expression,
    Negative,
    Number,
    Operation,
    columns_of,
    parse_expression,
)

MARKS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


def work_out(tree: Expression, row: Mapping[str, float]) -> float:
    """The value of a tree for one row, the plain way."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, ColumnName):
        return row[tree.name]
    if isinstance(tree, Negative):
        return -work_out(tree.operand, row)
    found: float = MARKS[tree.mark](work_out(tree.left, row), work_out(tree.right, row))
    return found


def from_python(node: ast.expr) -> Expression:
    """Python's own tree of the same text, as an independent oracle."""
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
    """Expressions of a few operations, with parentheses and spaces here and there."""
    text = draw(st.sampled_from(["a", "Quantity", "2", "0.5", ".25", "1e3", "3.", "_x1"]))
    for _ in range(draw(st.integers(0, 6))):
        other = draw(st.sampled_from(["b", "-a", "(a - b)", "-(2)", "7"]))
        text = f"{text}{draw(st.sampled_from([' ', '']))}{draw(st.sampled_from('+-*/'))} {other}"
        if draw(st.booleans()):
            text = f"({text})"
    return text


@given(texts())
def test_trees_are_those_of_arithmetic(text: str) -> None:
    """Precedence, order from the left and minus signs are as in Python's own grammar."""
    tree = ast.parse(text, mode="eval").body
    assert parse_expression(text) == from_python(tree)


def test_a_worked_example() -> None:
    """2 + 3 * 4 - 6 / 2 is 11, a column in backticks counts, and every column is listed."""
    tree = parse_expression("2 + 3*`Unit price` - 6/(q)")
    assert work_out(tree, {"Unit price": 4, "q": 2}) == 11
    assert list(columns_of(tree)) == ["Unit price", "q"]
    assert math.isclose(work_out(parse_expression("-a*-b"), {"a": 2, "b": 3}), 6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "ends too early"),
        ("   ", "ends too early"),
        ("a +", "ends too early"),
        ("(a", "opened and not closed"),
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
def test_what_is_no_expression_is_refused(text: str, said: str) -> None:
    """Anything but columns, numbers, + - * / and parentheses is refused, with the place."""
    with pytest.raises(ValueError, match=said):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "a" + ")" * 5000,
        "-" * 900 + "a",
        "(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1),
        "+".join("a" * (DEEPEST + 2)),
        "a" * (LONGEST + 1),
    ],
)
def test_bombs_are_refused(text: str) -> None:
    """Very long and very deep expressions are refused before they cost anything."""
    with pytest.raises(ValueError, match="at most"):
        parse_expression(text)


def test_a_long_sum_within_the_limit_is_fine() -> None:
    """A chain of as many operations as the limit allows is parsed."""
    assert len(list(columns_of(parse_expression("+".join("a" * (DEEPEST + 1)))))) == DEEPEST + 1
