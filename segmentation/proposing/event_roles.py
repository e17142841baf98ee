"""The contract of one event: its columns, the rules for its rows, and the features of the summary.

Which columns hold money is decided in segmentation/proposing/money.py.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import quote_names
from segmentation.proposing.event_columns import EventCandidates
from segmentation.proposing.event_drafts import Rule
from segmentation.proposing.event_facts import EventFacts
from segmentation.proposing.event_kinds import PurchaseKind, count_rows_of_levels
from segmentation.proposing.money import Money
from segmentation.proposing.not_amounts import is_all_whole
from segmentation.proposing.roles import Role, infer_role, number_contract
from segmentation.proposing.selection import compute_entropy
from segmentation.proposing.surveying import SurveyedTable
from segmentation.proposing.time_formats import time_contract

MOST_MEANS = 6
FEW_PLACEHOLDERS = 0.01  # of the rows; fewer of them change nothing that matters


class CurrencyChoice(NamedTuple):
    """The column with the amounts' currency, and the code that most rows have; `codes` are all of them."""

    column: str
    code: str
    codes: int


def choose_currency(
    profiles: Mapping[str, ColumnProfile], candidates: EventCandidates, money: Money
) -> CurrencyChoice | None:
    """The currency of the money. None without a column that names currencies."""
    name = candidates.currency
    if name is None or money.feature is None or name in money.columns:
        return None
    profile = profiles[name]
    if not profile.levels:
        return None
    counts = count_rows_of_levels(profile)
    code = max(counts, key=lambda level: counts[level])
    return CurrencyChoice(name, code, len(counts))


def doubt_currency(currency: CurrencyChoice | None) -> str:
    """What to say about amounts in several currencies; empty without any."""
    if currency is None or currency.codes == 1:
        return ""
    return f"what to do with rows in other currencies than {currency.code}, which are refused"


def doubt_cents(profiles: Mapping[str, ColumnProfile], money: Money, currency: CurrencyChoice | None) -> str:
    """What to say about a whole amount with a currency: payment programs count cents."""
    if currency is None or len(money.columns) != 1 or not is_all_whole(profiles[money.columns[0]]):
        return ""
    return f"whether {quote_names(money.columns)} is in {currency.code} or in cents"


def event_roles(
    table: SurveyedTable,
    candidates: EventCandidates,
    facts: EventFacts,
    money: Money,
    currency: CurrencyChoice | None,
) -> dict[str, Role]:
    """The role of every column except the id: declared if a feature or a rule needs it, else left out."""
    roles = {}
    used = {*money.columns, *([facts.order] if facts.order else [])}
    for name, profile in table.profiles.items():
        if name in (candidates.id, "customer_id"):
            continue
        if name == candidates.time:
            times = table.times[name]
            roles[name] = Role(
                "declared", time_contract(times.patterns), f"the event's time, as {times.label}"
            )
        elif currency is not None and name == currency.column:
            roles[name] = Role("declared", {"type": "text", "nullable": True}, "the currency of the amounts")
        elif name not in used:
            role = infer_role(name, profile, table.times.get(name))
            roles[name] = Role("left out", role.contract, "not used by the summary below")
        elif name == facts.order:
            contract = {"type": "text"} | ({"nullable": True} if profile.missing else {})
            roles[name] = Role("declared", contract, "the order's number")
        else:
            roles[name] = _declare_amount(name, profile, money, currency)
    return roles


def _declare_amount(name: str, profile: ColumnProfile, money: Money, currency: CurrencyChoice | None) -> Role:
    # Without a range: tomorrow's largest order must not be refused.
    contract: dict[str, Any] = {"type": number_contract(profile)["type"]}
    reason = ""
    is_product = money.feature is not None and "expression" in money.feature
    if is_product:
        # Quantity times price: returns have a negative quantity, gifts no price.
        contract["gt"] = 0
        refused = profile.numbers - profile.positive
        reason = f"values not above 0, perhaps returns, are refused: {refused:,}" if refused else ""
    if profile.missing or profile.marks:
        contract["nullable"] = True
    if currency is not None:
        contract["currency"] = currency.column
    return Role("declared", contract, reason)


def declare_more(
    roles: Mapping[str, Role], purchases: PurchaseKind | None, means: Iterable[str]
) -> dict[str, Role]:
    """The roles, with the column that tells purchases from visits and those of means declared."""
    declared = {name: Role("declared", {"type": roles[name].contract["type"]}, "") for name in means}
    if purchases is not None:
        declared[purchases.column] = Role("declared", {"type": "text", "nullable": True}, "what happened")
    return {**roles, **declared}


def list_means(
    survey: SurveyedTable, candidates: EventCandidates, facts: EventFacts, money: Money
) -> list[str]:
    """Without money: the amounts of which a customer's mean is a feature, the most telling ones."""
    if money.feature is not None:
        return []
    roles = {
        name: infer_role(name, profile, survey.times.get(name))
        for name, profile in survey.profiles.items()
        if name not in (candidates.id, candidates.time, facts.order, "customer_id")
    }
    names = [
        name
        for name, role in roles.items()
        if role.use == "feature"
        and role.contract["type"] in ("int", "float")
        and survey.profiles[name].numbers == survey.profiles[name].rows
    ]
    names.sort(key=lambda name: -compute_entropy(survey.profiles[name].distinct))
    return names[:MOST_MEANS]


def list_rules(
    profiles: Mapping[str, ColumnProfile],
    candidates: EventCandidates,
    currency: CurrencyChoice | None,
    purchases: PurchaseKind | None,
) -> list[Rule]:
    """Rules for rows that no customer made, and for amounts that cannot be added up."""
    rules = []
    profile = profiles[candidates.id]
    if profile.placeholders.total() > FEW_PLACEHOLDERS * profile.rows:
        values = sorted(profile.placeholders)
        rules.append(Rule({"column": candidates.id, "not_in": values}, "no customer, such as a guest"))
    if purchases is not None:
        rules.append(Rule({"column": purchases.column, "isin": [purchases.level]}, "no purchase"))
    if currency is not None and currency.codes > 1:
        rules.append(Rule({"column": currency.column, "isin": [currency.code]}, "another currency"))
    return rules


def summary_features(
    facts: EventFacts, money: Money, currency: CurrencyChoice | None, means: Iterable[str]
) -> dict[str, dict[str, Any]]:
    """Recency, frequency and, if there is money, revenue, else means: the entries of summary.features."""
    orders = {"op": "count_distinct", "column": facts.order} if facts.order else {"op": "count"}
    features: dict[str, dict[str, Any]] = {
        "recency_days": {"op": "days_since_last", "unit": "days"},
        "orders": orders,
    }
    if money.feature is not None:
        unit = {"unit": currency.code} if currency is not None else {}
        features["revenue"] = {**money.feature, **unit}
    return features | {f"mean {name}"[:100].strip(): {"op": "mean", "column": name} for name in means}


def explain_features(facts: EventFacts, money: Money) -> dict[str, str]:
    """A comment on each feature that could be another one."""
    reasons = {}
    if facts.order is None:
        reasons["orders"] = (
            "Every row counts as an order, because no column numbers the orders of one customer and day."
        )
    elif not facts.is_order_named:
        reasons["orders"] = (
            f"{quote_names([facts.order])} counts as the order's number: each value has one customer and day."
        )
    if money.feature is None:
        reasons["orders"] = (
            f"{reasons.get('orders', '')} No column holds money, so no revenue is proposed.".strip()
        )
    elif money.doubt:
        reasons["revenue"] = f"{money.summary}. Not sure {money.doubt}."
    elif "once_per" in money.feature:
        reasons["revenue"] = (
            f"{money.summary}: it is the same on all lines of an order, or on one of them only."
        )
    return reasons
