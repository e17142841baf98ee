"""What `resegment init` proposes, and what it reports at its end: what it took, covers and doubts.

No customer's value appears in them. Decisions are made in the modules about each of them.
"""

from typing import NamedTuple


class Findings(NamedTuple):
    """What a proposal took as id, time, money and window, and what it was not sure of."""

    id: str
    money: str
    window: str
    doubts: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, str, str, str]:
        """The four lines."""
        doubts = "; ".join(doubt for doubt in self.doubts if doubt) or "nothing, but review it anyway"
        return (
            f"Id and time: {self.id}",
            f"Money:       {self.money}",
            f"Window:      {self.window}",
            f"Not sure:    {doubts}",
        )


class Proposal(NamedTuple):
    """The text of a definition, and what the command reports about it."""

    text: str
    table_size: str
    features: int
    as_of: str | None
    findings: Findings


def format_percentage(share: float) -> str:
    """A share in percent, which is 100 % or 0 % only if it is exactly that.

    >>> format_percentage(0.9999), format_percentage(1.0), format_percentage(0.123)
    ('99.9 %', '100 %', '12.3 %')
    """
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", " %")
    return f"{min(max(share * 100, 0.1), 99.9):.1f} %"
