"""live.json: which edition is live, and which editions a promotion has set aside.

Moving it is one small file's replacement, under the lock of commit.py or by a conditional put.
"""

import json
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from segmentation.store.objects import AnyPath

LIVE = "live.json"


class Pointer(NamedTuple):
    """The live date and edition, None before the first publication, and the editions set aside.

    Those are published under their dates still, but nothing builds on them and none goes live by itself.
    """

    live: tuple[date, str] | None = None
    set_aside: frozenset[str] = frozenset()

    def forward(self, as_of: date, edition: str) -> "Pointer | None":
        """The pointer when this edition is published; None where it stays: it only ever moves forward."""
        is_behind = self.live is not None and (self.live[0] > as_of or self.live == (as_of, edition))
        if is_behind or edition in self.set_aside:
            return None
        return self._replace(live=(as_of, edition))

    def promote(self, as_of: date, edition: str, later: Iterable[str]) -> "Pointer":
        """The pointer when a person puts this edition live, over those published for later dates."""
        return Pointer((as_of, edition), (self.set_aside | {*later}) - {edition})

    def to_json(self) -> bytes:
        """The file's content; before the first publication there is no file."""
        if self.live is None:
            raise ValueError("nothing is live")
        content: dict[str, object] = {"as_of": str(self.live[0]), "edition": self.live[1]}
        if self.set_aside:
            content["set_aside"] = sorted(self.set_aside)
        return json.dumps(content, sort_keys=True).encode() + b"\n"


def read_pointer(home: AnyPath) -> Pointer:
    """What live.json says; nothing where it is missing or damaged (`resegment audit` tells)."""
    try:
        found = json.loads((home / LIVE).read_bytes())
        live = (date.fromisoformat(found["as_of"]), str(found["edition"]))
        return Pointer(live, frozenset(map(str, found.get("set_aside", ()))))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Pointer()


def read_live(home: AnyPath) -> tuple[date, str] | None:
    """The live date and edition, or None before the first publication."""
    return read_pointer(home).live
