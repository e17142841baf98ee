"""Records of stages made by hand, for tests of the stages that read them."""

from collections.abc import Sequence
from pathlib import Path

from schemas.part import Part
from schemas.rows import Customers, EditionKey, Ingested, RowBalance
from segmentation.parts import hash_file

KEY = EditionKey(edition="e", previous=None, replaces=None)


def hash_parts(parts: Sequence[Part]) -> list[str]:
    """The sha256 of each stage file."""
    return [hash_file(part.path) for part in parts]


def make_ingested(balance: RowBalance) -> Ingested:
    """What ingest returns for rows with this balance, without files."""
    return Ingested(key=KEY, inputs=(), digests=(), balance=balance, parts=(), quarantine=(), warnings=())


def make_customers(parts: Sequence[Part], balance: RowBalance | None = None, in_files: int = 0) -> Customers:
    """Customers in these parts, one row each unless a balance is given. in_files: refused rows on disk."""
    rows = sum(part.rows for part in parts)
    balance = balance or RowBalance(read=rows, used=rows)
    refused = Part(path=Path("refused.parquet"), rows=in_files, size=1)
    return Customers(
        ingested=make_ingested(balance),
        parts=tuple(parts),
        quarantine=(refused,) if in_files else (),
        balance=balance,
        warnings=(),
    )
