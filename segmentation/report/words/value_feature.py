"""The value feature: the report shows each segment's share of its sum.

The definition can name it with `value`. Otherwise a feature is chosen only if its sum means something. What
names and units suggest is in config/value_names.py.
"""

from config.definition import Definition
from config.value_names import rank_as_value


def infer_value_feature(definition: Definition) -> str | None:
    """The definition's `value`, or the feature that its name and unit suggest; None without a suitable one.

    Of events: a sum, or a formula with a suitable name; else the first sum. Of customers: a number with a
    suitable name or unit.
    """
    if definition.value is not None:
        return definition.value
    ranks = {name: rank_feature(definition, name) for name in definition.features}
    # The first of equal ranks: in the definition's order.
    best = max(ranks, key=lambda name: ranks[name])
    if ranks[best]:
        return best
    features = definition.summary.features if definition.summary else {}
    return next(
        (name for name in definition.features if name in features and features[name].op == "sum"), None
    )


def rank_feature(definition: Definition, name: str) -> int:
    """How likely the feature's sum is what customers are worth; 0 for what cannot be summed."""
    column = definition.customer_columns[name]
    if column.type not in ("int", "float"):
        return 0
    feature = definition.summary.features.get(name) if definition.summary else None
    if feature is not None and not (feature.op == "sum" or feature.formula is not None):
        return 0
    label = column.label
    return max(rank_as_value(text, column.unit) for text in {name, label or name})
