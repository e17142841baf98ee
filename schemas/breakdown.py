"""Where a night's refused rows are: by day, by file and by amount, and which files hold other days' rows.

The balance of all rows is in rows.py. What holds a night is decided in segmentation/checks/.
"""

from typing import Literal

from pydantic import Field

from schemas.record import Record

MOST_IN_MANIFEST = 20  # days and files that a manifest lists


class GroupBalance(Record):
    """The rows of one day, or of one file. Rows that rows.where filters out are in no count."""

    kind: Literal["day", "file"]
    name: str = Field(description="The day as YYYY-MM-DD, or the file's name.")
    rows: int = Field(description="Of a file, also those outside the window.")
    refused: int = Field(description="By the contract, or malformed.")
    without_id: int = Field(0, description="Those of them whose id is missing or blank.")
    reason: str = Field("", description="The most common reason.")
    reason_rows: int = 0

    @property
    def share(self) -> float:
        """Refused rows per row."""
        return self.refused / max(1, self.rows)


class MisdatedFile(Record):
    """A file with rows of other days than its name covers."""

    name: str
    rows: int = Field(description="Rows of other days.")


class AmountBalance(Record):
    """Absolute values of an amount that features add up, in used and in refused rows. Estimates."""

    name: str = Field(description="The feature.")
    used: float
    refused: float
    refused_rows: int = Field(description="Refused rows whose value is counted.")
    number_like: int = Field(0, description="Values that could not be read but look like numbers.")

    @property
    def share(self) -> float:
        """The share of the value that is in refused rows."""
        total = self.used + self.refused
        return self.refused / total if total > 0 else 0.0


class Breakdown(Record):
    """Refused rows by day, by file and by amount. Bounded, whatever the source's size."""

    usual_without_id: dict[str, float] = Field(
        default={}, description="Median share of rows without an id over days, and over files."
    )
    groups: tuple[GroupBalance, ...] = Field(
        (), description="Days and files with the largest refused shares."
    )
    misdated: int = Field(0, description="Rows of other days than their file's name covers.")
    misdated_files: tuple[MisdatedFile, ...] = Field((), description="Files with most such rows.")
    rows_in_files: int = Field(0, description="Rows of all files, also those outside the window.")
    amounts: tuple[AmountBalance, ...] = Field((), description="Amounts with refused rows.")

    def compact(self) -> "Breakdown | None":
        """The part that an edition keeps; None if it would be empty."""
        if not (self.groups or self.misdated or self.amounts):
            return None
        rounded = tuple(
            amount.model_copy(
                update={key: float(f"{getattr(amount, key):.3g}") for key in ("used", "refused")}
            )
            for amount in self.amounts
        )
        return self.model_copy(
            update={
                "usual_without_id": {kind: round(share, 3) for kind, share in self.usual_without_id.items()},
                "groups": self.groups[:MOST_IN_MANIFEST],
                "misdated_files": self.misdated_files[:MOST_IN_MANIFEST],
                "amounts": rounded,
            }
        )
