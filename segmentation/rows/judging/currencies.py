"""The currencies of amounts. Amounts in several currencies are refused: their sum means nothing.

A definition may name the column with an amount's currency. If it does not, a column whose name says currency
is checked by itself: segmentation/rows/reading/currency_columns.py chooses it.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from config.currencies import CURRENCIES
from config.definition import Definition
from config.event_summary import NUMERIC_OPERATIONS
from config.expressions import columns_of, parse_expression
from schemas.wording import format_count
from segmentation.errors import Refused
from segmentation.rows.reading.currency_columns import choose_currency_column, list_foreign
from segmentation.rows.reading.parquet_reading import open_source_file
from segmentation.sources.content import SourceFile

MOST_CURRENCIES = 200  # values that are counted; a column with more holds something else
MOST_NAMED = 5
_CODE = re.compile(r"[A-Z]{3}")

CurrencyCounts = Counter[tuple[str, str]]  # rows by the column and the currency in it; "" is a missing one


class CurrencyRule(NamedTuple):
    """A column with currencies, the amounts that it belongs to, and whether the definition says so."""

    column: str
    amounts: tuple[str, ...]
    is_declared: bool


def list_currency_rules(
    definition: Definition, header: Iterable[str], files: Sequence[SourceFile]
) -> tuple[CurrencyRule, ...]:
    """The columns to look at: those that the definition names, and one of the others by its name.

    `header` has the columns of all the source's files.
    """
    columns = definition.rows.columns
    declared: dict[str, list[str]] = {}
    for name, column in columns.items():
        if column.currency:
            declared.setdefault(column.currency, []).append(name)
    open_amounts = [name for name in _list_added_amounts(definition) if columns[name].currency is None]
    texts = [name for name, column in columns.items() if column.type in ("text", "category")]
    # Also an ignored one: resegment init lists every column under `ignore` that it has no use for.
    foreign = list_foreign(header, definition.rows)
    guess = choose_currency_column([*texts, *foreign])
    if guess in foreign and not _holds_codes(guess, files):
        guess = None
    is_guessed = bool(open_amounts) and guess is not None and guess != definition.rows.id
    if is_guessed and guess in declared:
        declared[guess] += open_amounts
    rules = [CurrencyRule(name, tuple(amounts), True) for name, amounts in declared.items()]
    if is_guessed and guess not in declared:
        rules.append(CurrencyRule(str(guess), tuple(open_amounts), False))
    return tuple(rules)


def _holds_codes(name: str, files: Sequence[SourceFile]) -> bool:
    """Can the column be read as codes from every typed file that has it?"""
    schemas = [open_source_file(file.path).schema_arrow for file in files if file.input.numbered]
    # A name may occur twice where the contract does not name it.
    kinds = [field.type for schema in schemas for field in schema if field.name == name]
    kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in kinds]
    return all(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_integer(kind)
        for kind in kinds
    )


def _list_added_amounts(definition: Definition) -> list[str]:
    """The columns whose values features add up or compare and that may be amounts of money."""
    columns, summary = definition.rows.columns, definition.summary
    if summary is None:
        adds_up = definition.rows.on_duplicate in ("sum", "mean")
        features = [name for name in definition.features if name in columns]
        features = [name for name in features if columns[name].type in ("int", "float")]
        return [name for name in features if columns[name].unit in CURRENCIES or adds_up]
    names: dict[str, None] = {}
    for name in summary.order_features(definition.features):
        feature = summary.features[name]
        if feature.op not in NUMERIC_OPERATIONS:
            continue
        used = [feature.column] if feature.column else []
        used += columns_of(parse_expression(feature.expression)) if feature.expression else []
        # Pieces are whole numbers; money is one only if its unit says so.
        is_money = [columns[column].type == "float" or columns[column].unit in CURRENCIES for column in used]
        names |= dict.fromkeys(column for column, money in zip(used, is_money, strict=True) if money)
    return list(names)


def count_currencies(good: pa.Table, rules: Sequence[CurrencyRule]) -> CurrencyCounts:
    """The currencies of good rows that have an amount. An amount of 0 is the same in any currency."""
    counts = CurrencyCounts()
    for rule in rules:
        has_amount = pc.not_equal(good[rule.amounts[0]], 0)
        for amount in rule.amounts[1:]:
            has_amount = pc.or_(
                pc.fill_null(has_amount, False), pc.fill_null(pc.not_equal(good[amount], 0), False)
            )
        currencies = pc.fill_null(good[rule.column], "").filter(has_amount, null_selection_behavior="drop")
        for entry in pc.value_counts(currencies).to_pylist()[:MOST_CURRENCIES]:
            counts[rule.column, entry["values"].strip().upper()] += entry["counts"]
    return counts


def add_currencies(counts: CurrencyCounts, batch: CurrencyCounts) -> None:
    """Add a batch's counts, of at most MOST_CURRENCIES currencies."""
    for key, count in batch.items():
        if key in counts or len(counts) < MOST_CURRENCIES:
            counts[key] += count


def check_currencies(counts: CurrencyCounts, rules: Sequence[CurrencyRule]) -> list[str]:
    """Refuse amounts in several currencies. Returns warnings about amounts without one."""
    warnings = []
    for rule in rules:
        rows_by_currency = {
            currency: count for (column, currency), count in counts.items() if column == rule.column
        }
        missing = rows_by_currency.get("", 0)
        currencies = sorted(currency for currency in rows_by_currency if currency)
        # Where the definition names the column, a missing currency is a value of its own.
        if len(currencies) + (missing > 0 and rule.is_declared) > 1:
            raise Refused("currencies", _describe(rule, currencies, missing))
        if missing and currencies:
            warnings.append(
                f"in {format_count(missing, 'row')}, column {rule.column} names no currency: the amounts "
                "count as the only currency that it names elsewhere"
            )
    return warnings


def _describe(rule: CurrencyRule, currencies: Sequence[str], missing: int) -> str:
    codes = [currency for currency in currencies if _CODE.fullmatch(currency)][:MOST_NAMED]
    listed = f": {', '.join(codes)}{', …' if len(codes) < len(currencies) else ''}" if codes else ""
    without = f", and none in {format_count(missing, 'row')}" if missing else ""
    example = codes[0] if codes else "EUR"
    declare = "" if rule.is_declared else f"declare column {rule.column} and "
    count = f"{len(currencies)} {'currency' if len(currencies) == 1 else 'currencies'}"
    return (
        f"{' and '.join(rule.amounts)} would be added up across {count} of column {rule.column}"
        f"{listed}{without}. Write one definition for each currency: {declare}give it a rule in rows.where, "
        f"{{column: {rule.column}, isin: [{example}], reason: other currency}}. If the amounts are in one "
        "currency after all, declare currency: false for them"
    )
