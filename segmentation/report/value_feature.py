"""The value feature: the report shows each segment's share of its sum.

The definition can name it with `value`. Otherwise a feature is chosen only if its sum means something.
"""

from config.currencies import CURRENCIES
from config.definition import Definition


def infer_value_feature(definition: Definition) -> str | None:
    """The definition's `value`, or a feature chosen by its unit; None without a suitable one.

    Of events: the first sum in a currency, else the first sum. Of customers: the first number in a currency.
    """
    if definition.value is not None:
        return definition.value
    columns = definition.customer_columns
    candidates = [name for name in definition.features if columns[name].type in ("int", "float")]
    if definition.summary is not None:
        features = definition.summary.features
        candidates = [name for name in candidates if name in features and features[name].op == "sum"]
    in_currency = [name for name in candidates if columns[name].unit in CURRENCIES]
    if in_currency:
        return in_currency[0]
    return candidates[0] if candidates and definition.summary is not None else None
