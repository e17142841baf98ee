"""Hashes of customer ids: who is held out of a campaign, and ids that the receiver of a list cannot read.

Which customers are on a list is decided in selection.py.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from schemas.wording import format_count
from segmentation.errors import Refused

SHORTEST_KEY = 16  # characters: shorter keys can be guessed, and with the key every id


class Holdout(NamedTuple):
    """A fixed share of customers who are left out of a campaign, so that its effect can be measured.

    share: between 0 and 1. salt: a text. Two salts give two independent holdouts.
    """

    share: float
    salt: str

    def detect(self, ids: Sequence[str]) -> np.ndarray:
        """Which customers are held out: bool (n,).

        It depends on salt and id alone, so nobody changes side from night to night, and a larger share holds
        out everyone that a smaller one does. In SQL: the first 8 hexadecimal digits of
        `sha256(salt || ':' || customer_id)` as a number are below `share * 4294967296`.

        >>> Holdout(0.5, "spring").detect(["ann", "bob", "cyd"]).tolist()
        [False, True, True]
        """
        prefix = hashlib.sha256(f"{self.salt}:".encode())
        limit = self.share * 2**32
        return np.fromiter((_first_32_bits(prefix, text) < limit for text in ids), bool, len(ids))


def make_holdout(share: float, salt: str) -> Holdout:
    """A holdout. Refused if the share is not between 0 and 1."""
    if not 0 < share < 1:
        raise Refused("holdout", f"{share:g} is not a share; expected more than 0 % and less than 100 %")
    if not salt.isprintable():  # nor are surrogates: bytes of another encoding
        raise Refused("salt", "the salt is not a line of UTF-8 text; expected one such as spring")
    return Holdout(share, salt)


def check_key(key: str) -> bytes:
    """The key of hashed ids as bytes. Refused if it is missing or easily guessed."""
    if len(key) < SHORTEST_KEY:
        problem = f"has {format_count(len(key), 'character')}" if key else "is not set"
        raise Refused(
            "hash-key",
            f"RESEGMENT_HASH_KEY {problem}; expected a secret of at least {SHORTEST_KEY} characters, such "
            "as the output of 'openssl rand -hex 32'. Keep it: the same key gives the same hashes",
        )
    return key.encode(errors="surrogateescape")  # a key of raw bytes is as good as one of text


def hash_ids(ids: Sequence[str], key: bytes) -> list[str]:
    """HMAC-SHA256 of each id as 64 hexadecimal digits (RFC 2104).

    A plain hash would hide nothing: ids are few enough to hash all of them and compare.
    """
    return [hmac.digest(key, text.encode(), "sha256").hex() for text in ids]


def _first_32_bits(prefix: "hashlib._Hash", text: str) -> int:
    state = prefix.copy()
    state.update(text.encode())
    return int.from_bytes(state.digest()[:4], "big")
