"""The record of one stage file. Reading and writing parts is in segmentation/parts.py."""

from pathlib import Path

from pydantic import Field

from schemas.record import Record


class Part(Record):
    """One immutable stage file."""

    path: Path
    rows: int
    size: int = Field(description="Bytes.")
