"""The manifest: how an edition was made, in its folder as manifest.json.

The run that made it, its clock and its host belong in the ledger (segmentation/ledger.py).
"""

from typing import Any

from schemas.record import Record


class Manifest(Record):
    """manifest.json: how the edition was made, from which it can be made again."""

    name: str
    as_of: str
    edition: str
    previous: str | None
    decision: str
    reasons: tuple[str, ...]
    definition: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    rows: dict[str, Any]
    k: int
    why_k: tuple[str, ...]
    inertia: float
    checks: tuple[dict[str, Any], ...]
    versions: dict[str, str]
    files: dict[str, str]
