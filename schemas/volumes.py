"""How large earlier nights were: what each edition copies forward from the previous edition.

What a change of size means for a night is decided in segmentation/checks/trends.py.
"""

from datetime import date

from schemas.record import Record

HISTORY_NIGHTS = 28


class NightVolume(Record):
    """The size of one night."""

    as_of: date
    rows: int
    quarantined: int
    customers: int

    @property
    def quarantined_share(self) -> float:
        """Refused rows per row."""
        return self.quarantined / self.rows if self.rows else 0.0
