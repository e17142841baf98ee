"""The record of one stage file. Reading and writing parts is in segmentation/parts.py."""

from pathlib import Path

from pydantic import Field

from schemas.record import Record


class Part(Record):
    """One immutable stage file, or some of its columns."""

    path: Path
    rows: int
    size: int = Field(description="Bytes.")
    columns: tuple[str, ...] | None = Field(None, description="The columns of the part; None: all of them.")
    # So that a night can use the file of another one, whose source began with other files.
    first_file: int = Field(0, description="What is added to its source_file.")
    first_row: int = Field(0, description="What is added to its source_row.")
