"""Which feature says what a customer is worth, by its name and unit: revenue, Umsatz, total_spent, EUR.

The choice among a definition's features is in segmentation/report/words/value_feature.py, what `init`
proposes in segmentation/proposing/value_draft.py.
"""

import re
from itertools import pairwise

from config.currencies import CURRENCIES
from config.labels import humanise_name

# Words that mean what customers paid, and words that often do. Compounds count: Jahresumsatz, total_spent.
_REVENUE = re.compile(
    r"revenues?|mrr|arr|sales|turnover|spend|spent|spendings?|donated|donations?|gmv|monetary|clv|c?ltv|"
    r"(order|lifetime|customer) value|"
    r"\w*umsatz|umsätze|\w*erlöse?|\w*erloese?|ausgaben|chiffre affaires|ca|ventes|d[eé]penses?|"
    r"ingresos?|ventas|gastos?|gastado|facturaci[oó]n|fatturato|ricav[io]|spes[ae]|vendite|receitas?|vendas|"
    r"faturamento|omzet|besteding(en)?|uitgaven|oms[aä]ttning|oms[aæ]tning|omsetning|int[aä]kter|indtægter|"
    r"liikevaihto|myynti|przych[oó]dy?|sprzeda[zż]|wydatki|tr[zž]by|obrat|bev[eé]tel|ciro|harcama|"
    r"выручка|продажи|доход|оборот"
)
_AMOUNT = re.compile(
    r"amounts?|totals?|value|paid|payment|charges?|bill(ed|ing)|invoiced|gross|net|betrag|\w*summe|wert|montant|"
    r"valeur|importe|monto|valor|importo|valore|montante|bedrag|belopp|beløb|kwota|tutar|сумма"
)
_CJK = re.compile("売上|金額|購入額|销售额|消费|金额|銷售額|消費|매출|금액|구매액")
# What is not summed to what customers are worth: averages, prices, scores, counts, their money, money lost.
_NO_VALUE = re.compile(
    r"averages?|avg|mean|median|per|max(imum)?|min(imum)?|prices?|rates?|ratios?|shares?|percent|pct|scores?|"
    r"ranks?|index|income|salary|wages?|budgets?|balances?|debts?|loans?|limits?|credits?|assets|savings|"
    r"discounts?|tax(es)?|vat|shipping|freight|fees?|refund(s|ed)?|return(s|ed)?|counts?|numbers?|orders|items|"
    r"transactions|visits|units|quantity|qty|age|durchschnitt\w*|mittel\w*|rabatt|steuer|einkommen|gehalt|anzahl|"
    r"moyen(ne)?|panier|revenus?|salaire|remise|medi[oa]|promedio|descuento|sueldo|gemiddeld\w*|korting|inkomen"
)
_TOTAL = re.compile(r"total|overall|lifetime|annual|yearly|gesamt\w*|jahres\w*|summe|sum|cumulative")
_SIGNS = frozenset(unit for unit in CURRENCIES if len(unit) == 1)
_JOINING = frozenset(("of", "de", "du", "des", "the", "d", "l", "in", "im"))


def is_money_unit(unit: str) -> bool:
    """Is the unit a currency, also in thousands or per time?

    >>> is_money_unit("EUR"), is_money_unit("k$"), is_money_unit("CHF/year"), is_money_unit("days")
    (True, True, True, False)
    """
    return any(word in CURRENCIES for word in re.findall(r"[^\W\d_]+", unit)) or not _SIGNS.isdisjoint(unit)


def rank_as_value(name: str, unit: str = "") -> int:
    """How likely the sum of this feature is what customers are worth, from 0 for not at all to 9.

    >>> rank_as_value("revenue", "GBP"), rank_as_value("Umsatz"), rank_as_value("TotalCharges")
    (8, 5, 3)
    >>> rank_as_value("mrr_usd"), rank_as_value("card_payments"), rank_as_value("orders")
    (5, 0, 0)
    >>> rank_as_value("balance", "EUR"), rank_as_value("average_basket", "EUR")
    (0, 0)
    """
    words = [word for word in re.findall(r"[^\W_]+", humanise_name(name).casefold()) if word not in _JOINING]
    pairs = [" ".join(pair) for pair in pairwise(words)]
    if any(_NO_VALUE.fullmatch(word) for word in words):
        return 0
    is_revenue = any(_REVENUE.fullmatch(word) for word in (*words, *pairs)) or _CJK.search(name) is not None
    is_amount = any(_AMOUNT.fullmatch(word) for word in words)
    rank = 5 if is_revenue else 2 if is_amount else 0
    rank += 3 if is_money_unit(unit) else 0
    return rank + (rank > 0 and any(_TOTAL.fullmatch(word) for word in words))
