"""How much of a source earlier nights had judged. It is never part of an edition."""

from pydantic import Field

from schemas.record import Record


class KnownFiles(Record):
    """Source files that an earlier night had judged."""

    files: int = 0
    damaged: int = Field(0, description="Entries that could not be used.")

    def describe(self, inputs: int) -> str:
        """`; 364 of 365 files judged before, 1 of .judged damaged`; empty if there is nothing to say."""
        damage = f"{self.damaged} of .judged damaged" if self.damaged else ""
        files = f"{self.files} of {inputs} files judged before" if self.files else ""
        return "; " + ", ".join(filter(None, (files, damage))) if files or damage else ""
