"""live.json: the live edition, and the editions that a promotion has superseded.

It is one small file, replaced under a lock or by a conditional put: publication/commit.py and
publication/object_commit.py.
"""

import json
import re
from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from schemas.manifest import EditionRef
from segmentation.store.files.objects import AnyPath
from segmentation.store.files.small_files import advise_repair, parse_json, read_small_file
from segmentation.store.superseded import look_up_superseded

LIVE = "live.json"
_EDITION = re.compile(r"[\w-]+")


class Pointer(NamedTuple):
    """The live edition, None before the first publication, and the superseded editions.

    A superseded edition is still published for its date, but no run builds on it and it never becomes
    live without a promotion. In live.json the key is `set_aside`.
    """

    live: EditionRef | None = None
    superseded: frozenset[str] = frozenset()

    def advance(self, ref: EditionRef) -> "Pointer | None":
        """The pointer after this edition was published; None if it stays. It only moves forward in time."""
        # A backfill of old dates must not move readers back in time.
        is_older = self.live is not None and (self.live.as_of > ref.as_of or self.live == ref)
        if is_older or ref.edition in self.superseded:
            return None
        return self._replace(live=ref)

    def promote(self, ref: EditionRef, later: Iterable[str]) -> "Pointer":
        """The pointer after a person promoted this edition over those published for later dates."""
        return Pointer(ref, (self.superseded | {*later}) - {ref.edition})

    def to_json(self) -> bytes:
        """The file's content. The file exists from the first publication on."""
        if self.live is None:
            raise ValueError("nothing is live")
        content: dict[str, object] = {"as_of": str(self.live.as_of), "edition": self.live.edition}
        if self.superseded:
            content["set_aside"] = sorted(self.superseded)
        return json.dumps(content, sort_keys=True).encode() + b"\n"


def read_pointer(home: AnyPath) -> Pointer:
    """The pointer in live.json. Without the file nothing is live, and the ledger says what is superseded.

    Refused if the file is damaged, or missing from a store whose ledger cannot say what is superseded.
    """
    expected = "the live date and its edition"
    pointer = read_small_file(home / LIVE, _parse_pointer, expected, advise_repair(home))
    return Pointer(None, look_up_superseded(home)) if pointer is None else pointer


def _parse_pointer(content: bytes) -> Pointer:
    fields = parse_json(content)
    editions = [fields["edition"], *fields.get("set_aside", [])]
    # They are used as names of folders.
    if not all(isinstance(edition, str) and _EDITION.fullmatch(edition) for edition in editions):
        raise ValueError("not an edition")
    return Pointer(EditionRef(date.fromisoformat(fields["as_of"]), editions[0]), frozenset(editions[1:]))


def read_live(home: AnyPath) -> EditionRef | None:
    """The live edition; None before the first publication."""
    return read_pointer(home).live
