"""The proposal of `value`, the feature whose sum says what customers are worth.

Which names and units suggest it is in config/value_names.py.
"""

from config.value_names import rank_as_value
from segmentation.proposing.drafting import Draft, comment, quote_names, quote_yaml


def write_value(draft: Draft) -> list[str]:
    """The likeliest of several features; a comment where none is likely; nothing where only one is.

    A night takes the only one by itself.
    """
    ranks = {name: _rank(draft, name) for name in draft.features}
    candidates = sorted((name for name in ranks if ranks[name]), key=lambda name: -ranks[name])
    if not candidates:
        return comment(
            "No feature's name or unit says what customers are worth. With value: and the name of a feature, "
            "pages show each segment's share of its sum, and order the segments by it."
        )
    if len(candidates) == 1:
        return []
    return [
        *comment(
            f"What customers are worth: pages show each segment's share of its sum. It could also be "
            f"{quote_names(candidates[1:])}."
        ),
        f"value: {quote_yaml(candidates[0])}",
    ]


def _rank(draft: Draft, name: str) -> int:
    contract = draft.roles[name].contract if name in draft.roles else {}
    return (
        rank_as_value(name, str(contract.get("unit", ""))) if contract.get("type") in ("int", "float") else 0
    )
