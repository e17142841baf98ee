"""What all records have in common. The records that travel between stages are in records.py."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record."""

    model_config = ConfigDict(frozen=True, extra="forbid")
