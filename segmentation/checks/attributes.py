"""The checks of attributes: how many customers have a row in them, and how many of their rows were refused.

What is counted belongs in segmentation/attributes/joining.py, the order of all checks in tasks/check.py.
"""

from schemas.rows import AttributeBalance
from schemas.verdicts import Check
from schemas.wording import list_names
from segmentation.attributes.joining import FEW_MATCHES

HARDLY_ANY = 0.01  # below this share of customers the tables are of different ids


def check_attributes(attributes: AttributeBalance | None, limit: float) -> tuple[Check, ...]:
    """Ids of the two tables match, and not too many rows were refused; no check without attributes."""
    if attributes is None:
        return ()
    return check_match(attributes), check_refused_attributes(attributes, limit)


def check_match(attributes: AttributeBalance) -> Check:
    """Most customers have a row. Few warn; hardly any hold the night."""
    finding = attributes.describe()
    if attributes.cause:
        finding += f". {attributes.cause}: export the ids of both tables as text, in the same form"
    passed = attributes.share >= FEW_MATCHES
    return Check(
        name="attributes-match", required=attributes.share < HARDLY_ANY, passed=passed, finding=finding
    )


def check_refused_attributes(attributes: AttributeBalance, limit: float) -> Check:
    """Not too many rows of attributes were refused."""
    rows = attributes.rows
    # Rows of other dates were judged too.
    count = rows.read + rows.outside
    share = rows.quarantined / count if count else 0.0
    finding = f"{rows.quarantined} of {count} rows ({share:.2%}); at most {limit:.2%} is allowed"
    if rows.reasons:
        reasons = sorted(rows.reasons, key=lambda reason: (-rows.reasons[reason], reason))
        finding += f"; reasons: {list_names(reasons)}"
    return Check(name="attributes-quarantined", required=True, passed=share <= limit, finding=finding)
