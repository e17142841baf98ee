"""The manifest: how an edition was made, in its folder as manifest.json.

The run that made it, its clock and its host belong in the ledger (segmentation/store/ledger.py).
"""

from typing import Any

from schemas.record import Record


class Manifest(Record):
    """manifest.json: how the edition was made, from which it can be made again."""

    name: str
    as_of: str
    edition: str
    previous: str | None
    previous_as_of: str | None
    ids_before: int | None
    decision: str = ""
    reasons: tuple[str, ...] = ()
    definition: dict[str, Any]
    inputs: tuple[dict[str, Any], ...]
    rows: dict[str, Any]
    k: int
    why_k: tuple[str, ...]
    wanted_k: int | None
    wanted_nights: int
    how: str
    why: tuple[str, ...]
    trained: str
    drift: dict[str, float]
    inertia: float
    sizes: dict[str, int]
    churn: dict[str, int] | None
    checks: tuple[dict[str, Any], ...] = ()
    versions: dict[str, str]
    files: dict[str, str]
