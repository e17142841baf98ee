"""What all records have in common: frozen, strict, JSON.

Records travel between stages, so they stay small: they name files and never hold tables. Prefect persists
them, which is how a retried run resumes after the last stage that finished.
"""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record. A field with an alias is written under the alias and read under either name."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", serialize_by_alias=True, validate_by_name=True, validate_by_alias=True
    )

    @property
    def log_line(self) -> str:
        """One line of counts for the log of the stage that returns this record; empty for none."""
        return ""
