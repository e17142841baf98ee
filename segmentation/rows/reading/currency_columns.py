"""Columns whose name says currency, in any of many languages, also those that a contract does not have.

Which currencies the amounts have is judged in segmentation/rows/judging/currencies.py.
"""

import re
from collections.abc import Iterable, Sequence

from config.columns import Column, Rows

# In this order: shops write their own currency next to the customer's.
CURRENCY_NAMES = (
    *("currency", "currencycode", "curr", "devise", "moneda", "waehrung", "währung", "valuta", "waluta"),
    *("valuutta", "валюта", "通貨", "币种", "货币", "ordercurrency", "currencyisocode"),
    *("transactioncurrency", "shopcurrency", "presentmentcurrency", "ccy", "cur"),
)
# Such as Price Currency or amount_ccy, where no column has one of these names.
_CURRENCY_ENDS = ("currency", "currencycode", "currencyiso", "currencysymbol", "ccy", "devise", "waehrung")


def choose_currency_column(names: Sequence[str]) -> str | None:
    """The column whose name says currency. None without one.

    >>> choose_currency_column(["Total", "Presentment Currency", "Currency Code"])
    'Currency Code'
    """
    plain = {re.sub(r"[\W_]+", "", name).casefold(): name for name in reversed(names)}
    others = sorted(name for name in plain if name.endswith(_CURRENCY_ENDS))
    return next((plain[name] for name in (*CURRENCY_NAMES, *others) if name in plain), None)


def add_currency_of_header(rows: Rows, header: Sequence[str]) -> Rows:
    """The contract with the column of a header whose name says currency, to stage it with the others."""
    guess = choose_currency_column(list_foreign(header, rows))
    return rows if guess is None or guess == rows.id else add_currency_columns(rows, [guess])


def list_foreign(header: Iterable[str], rows: Rows) -> list[str]:
    """The columns that the contract lacks. Stage files may not have names that differ only in case."""
    folded = {name.casefold() for name in rows.columns}
    return sorted(name for name in header if name.casefold() not in folded)


def add_currency_columns(rows: Rows, names: Iterable[str]) -> Rows:
    """The contract with those of these columns that it does not have, as text that may be missing."""
    foreign = set(names) - set(rows.columns)
    if not foreign:
        return rows
    column = Column(type="text", nullable=True, absent="null")
    return rows.model_copy(update={"columns": {**rows.columns, **dict.fromkeys(sorted(foreign), column)}})
