"""How much of each amount is in refused rows: absolute values, estimated where a value could not be read.

A few large values may be most of a night's revenue although they are a small share of its rows. Whether that
holds the night is decided in segmentation/checks/refusals.py.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from config.columns import Column
from config.currencies import CURRENCIES
from config.definition import Definition
from config.expressions import ColumnName, Expression, Negative, Number, columns_of, parse_expression
from segmentation.rows.casting.number_estimates import lenient_number, looks_like_number
from segmentation.rows.judging.refusing import SortedReasons

# Columns of sums: value in used rows, value in refused rows, refused rows, values that look like numbers.
USED, LOST, REFUSED_ROWS, NUMBER_LIKE = range(4)


class Amount(NamedTuple):
    """An amount that a feature adds up. If it is not money, only its own unreadable values count as lost."""

    name: str
    tree: Expression
    columns: Mapping[str, Column]
    is_money: bool


class Pieces(NamedTuple):
    """The pieces of a batch, each from one file: how many, and that of each row, int64 (n,), ascending."""

    total: int
    of_row: np.ndarray

    def sum_up(self, values: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
        """The sum of the rows' values by piece, float64 (p,), in the rows' order."""
        of_row = self.of_row if mask is None else self.of_row[mask]
        return np.bincount(of_row, values if mask is None else values[mask], self.total)


class MeasuredBatch(NamedTuple):
    """A batch to measure: typed and raw columns, and why rows are refused."""

    table: pa.Table
    raw: pa.Table
    reasons: SortedReasons
    pieces: Pieces


def list_amounts(definition: Definition) -> tuple[Amount, ...]:
    """What is measured: of events, the sums; of customers, the value, money, and other numbers."""
    columns = definition.rows.columns
    if definition.summary is not None:
        trees = {
            name: parse_expression(feature.expression)
            if feature.expression is not None
            else ColumnName(feature.column or "")
            for name, feature in definition.summary.features.items()
            if feature.op == "sum"
        }
        return tuple(
            Amount(name, tree, {column: columns[column] for column in columns_of(tree)}, True)
            for name, tree in trees.items()
        )
    # A feature that is in no column of the rows is joined from attributes.
    features = [name for name in definition.features if name in columns]
    numbers = [name for name in features if columns[name].type in ("int", "float")]
    return tuple(
        Amount(
            name,
            ColumnName(name),
            {name: columns[name]},
            name == definition.value or columns[name].unit in CURRENCIES,
        )
        for name in numbers
    )


def evaluate_expression(tree: Expression, values: Mapping[str, np.ndarray]) -> np.ndarray | float:
    """The expression over columns of float64 (n,). Division by zero gives infinity or NaN."""
    if isinstance(tree, Number):
        return tree.value
    if isinstance(tree, ColumnName):
        return values[tree.name]
    if isinstance(tree, Negative):
        return -evaluate_expression(tree.operand, values)
    # As numpy's floats, because Python's raise when divided by zero.
    left, right = (
        np.float64(evaluate_expression(tree.left, values)),
        np.float64(evaluate_expression(tree.right, values)),
    )
    if tree.mark == "+":
        return left + right
    if tree.mark == "-":
        return left - right
    return left * right if tree.mark == "*" else left / right


def measure_amounts(
    batch: MeasuredBatch, amounts: Sequence[Amount], no_loss: Sequence[str], decimal: str
) -> np.ndarray:
    """Each amount's sums by piece, float64 (p, a, 4), by the columns named above.

    Rows refused for a reason of `no_loss` do not count: nobody misses a cancelled order. By piece, so that
    the sums of a file do not depend on what it was judged with.
    """
    pieces = batch.pieces
    sums = np.zeros((pieces.total, len(amounts), 4))
    is_good = np.ones(batch.table.num_rows, bool)
    is_good[batch.reasons.positions] = False
    primary = np.array([refusal.reason for refusal in batch.reasons.refusals], object)[batch.reasons.primary]
    is_loss = ~np.isin(primary, no_loss)
    for i, amount in enumerate(amounts):
        values = {name: to_float(batch.table[name]) for name in amount.columns}
        # Nobody adds up ages. Only values that cannot be read, perhaps all of one form, are a loss.
        is_lost = is_loss if amount.is_money else is_loss & (primary == f"{amount.name}: unreadable")
        positions = batch.reasons.positions[is_lost]
        lost_pieces = Pieces(pieces.total, pieces.of_row[positions])
        refused = {}
        for name, column in amount.columns.items():
            typed = values[name][positions]
            estimated, is_number_like = _estimate(typed, batch.raw[name].take(pa.array(positions)), decimal)
            # A factor that is lost would make the whole product nothing.
            if len(amount.columns) > 1:
                estimated = _fill(estimated, lost_pieces, _compute_means(values[name], is_good, pieces))
            refused[name] = _limit(estimated, column)
            sums[:, i, NUMBER_LIKE] += lost_pieces.sum_up(is_number_like)
        sums[:, i, USED] = _sum_sizes(amount.tree, values, pieces, is_good)
        sums[:, i, LOST] = _sum_sizes(amount.tree, refused, lost_pieces, None)
        sums[:, i, REFUSED_ROWS] = lost_pieces.sum_up(np.ones(len(positions)))
    return sums


def to_float(values: pa.ChunkedArray) -> np.ndarray:
    """Numbers as float64 (n,), NaN where missing."""
    floats: np.ndarray = pc.fill_null(values.cast(pa.float64(), safe=False), np.nan).to_numpy()
    return floats


def _estimate(typed: np.ndarray, raw: pa.ChunkedArray, decimal: str) -> tuple[np.ndarray, np.ndarray]:
    """The values with estimates of those that could not be read, and which of these look like numbers."""
    is_lost, is_number_like = np.isnan(typed), np.zeros(len(typed), bool)
    if not is_lost.any() or not (pa.types.is_string(raw.type) or pa.types.is_large_string(raw.type)):
        return typed, is_number_like
    texts = raw.filter(pa.array(is_lost)).cast(pa.string())
    estimated = typed.copy()
    estimated[is_lost], is_number_like[is_lost] = lenient_number(texts, decimal), looks_like_number(texts)
    return estimated, is_number_like


def _compute_means(values: np.ndarray, is_good: np.ndarray, pieces: Pieces) -> np.ndarray:
    """The mean size of the good values of each piece, float64 (p,); NaN without one."""
    is_known = is_good & np.isfinite(values)
    with np.errstate(invalid="ignore"):
        means: np.ndarray = pieces.sum_up(np.abs(values), is_known) / pieces.sum_up(is_known)
    return means


def _fill(values: np.ndarray, pieces: Pieces, means: np.ndarray) -> np.ndarray:
    """Values with the mean of their piece's good rows where nobody can tell.

    "3 pcs" at 3,204.00 each is not nothing. values: float64 (n,). means: float64 (p,).
    """
    return np.where(np.isnan(values), means[pieces.of_row], values)


def _limit(values: np.ndarray, column: Column) -> np.ndarray:
    """Values beyond a bound count as the bound: an absurd 99999999 is not most of a night's revenue.

    Below a lower bound of 0 or more, returned goods are no lost value.
    """
    uppers = [bound for bound in (column.le, column.lt) if bound is not None]
    lowers = [bound for bound in (column.ge, column.gt) if bound is not None]
    if uppers:
        values = np.minimum(values, max(min(uppers), 0.0))
    if lowers and max(lowers) >= 0:
        values = np.maximum(values, 0.0)
    return values


def _sum_sizes(
    tree: Expression, values: Mapping[str, np.ndarray], pieces: Pieces, mask: np.ndarray | None
) -> np.ndarray:
    """The sum of the expression's finite sizes by piece, float64 (p,)."""
    with np.errstate(all="ignore"):
        sizes = np.abs(np.asarray(evaluate_expression(tree, values), np.float64))
    if sizes.ndim == 0:
        return np.zeros(pieces.total)
    sums = pieces.sum_up(sizes, mask)
    # Rarely is a size not finite, so the sum is tried first.
    return sums if np.isfinite(sums).all() else pieces.sum_up(np.where(np.isfinite(sizes), sizes, 0.0), mask)
