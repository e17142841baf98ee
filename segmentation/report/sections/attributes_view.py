"""What the page says of attributes: how many ids match, what became of the rows, and why rows were refused.

It is part of the section on data quality. The checks of attributes are in segmentation/checks/attributes.py.
"""

from typing import NamedTuple

from schemas.rows import AttributeBalance
from segmentation.report.figure import Table


class AttributesView(NamedTuple):
    """What templates/sections/attributes.html.j2 shows."""

    match: str
    balance: str
    refused: Table | None


def view_attributes(attributes: AttributeBalance | None) -> AttributesView | None:
    """The view of a second table; None without one."""
    if attributes is None:
        return None
    mentions = sorted(attributes.rows.mentions.items(), key=lambda item: (-item[1], item[0]))
    rows = [[reason, f"{count:,}"] for reason, count in mentions]
    header = ["Reason", "Rows with this reason"]
    cause = f" {attributes.cause}." if attributes.cause else ""
    return AttributesView(
        match=f"{attributes.describe()}.{cause}",
        balance=f"{attributes.rows.describe()}.",
        refused=Table("Refused rows of attributes by reason", header, rows) if rows else None,
    )
