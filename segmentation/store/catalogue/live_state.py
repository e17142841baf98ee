"""What live.json must say: from the published tables, the ledger, and live.json itself if it can be read.

The live edition is the newest published one that is not superseded. What is superseded is in superseded.py.
"""

from datetime import date
from typing import NamedTuple

from schemas.manifest import EditionRef
from segmentation.errors import DamagedFile
from segmentation.store.catalogue.preceding import identify_edition
from segmentation.store.dates import published_dates
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.files.objects import AnyPath
from segmentation.store.layout import edition_folder
from segmentation.store.ledger import Ledger, read_ledger
from segmentation.store.pointer import Pointer, read_pointer
from segmentation.store.superseded import list_doubts, replay_promotions


class LiveState(NamedTuple):
    """What live.json must say, None if that is not certain and why, and what the ledger has recorded."""

    pointer: Pointer | None
    doubts: list[str]
    recorded: frozenset[str] | None


def compute_live(home: AnyPath, choice: date | None = None) -> LiveState:
    """What live.json must say. choice: a date that a person chose to be live, over all later ones."""
    ledger = read_ledger(home)
    recorded = replay_promotions(home, ledger.rows)
    try:
        current = read_pointer(home)
    except DamagedFile:
        current = Pointer()
    superseded = _merge(current, recorded, ledger)
    refs = list_identified(home, current)
    if choice is not None:
        later = {ref.edition for ref in refs if ref.as_of > choice}
        candidates = [ref for ref in refs if ref.as_of == choice]
        skipped = _list_skipped(home, refs, candidates)
        superseded = frozenset({*superseded, *later, *skipped} - {ref.edition for ref in candidates})
    live = [ref for ref in refs if ref.edition not in superseded][-1:]
    # A live.json that names another edition may be an old one, and not know of a promotion since.
    is_trusted = choice is not None or (current.live is not None and [current.live] == live)
    if not is_trusted and (doubts := list_doubts(home, ledger, recorded)):
        return LiveState(None, doubts, recorded)
    return LiveState(Pointer(live[0] if live else None, superseded), [], recorded)


def list_identified(home: AnyPath, pointer: Pointer) -> list[EditionRef]:
    """Every published date whose edition is certain, and that edition, by date."""
    refs = ((day, identify_edition(home, day, pointer)) for day in published_dates(home))
    return [EditionRef(day, edition) for day, edition in refs if edition]


def _merge(current: Pointer, recorded: frozenset[str] | None, ledger: Ledger) -> frozenset[str]:
    """What either live.json or the ledger has superseded, without what was promoted since.

    live.json may be older than the ledger, from a backup, and rows of the ledger may be lost: a withdrawn
    edition must not come back because one of the two has forgotten it.
    """
    promoted = {row.get("edition") for row in ledger.rows if row.get("outcome") == "promoted"}
    forgotten = {edition for edition in current.superseded if edition not in promoted}
    if recorded is None:
        return current.superseded
    return frozenset({*recorded, *forgotten})


def _list_skipped(home: AnyPath, refs: list[EditionRef], starts: list[EditionRef]) -> set[str]:
    """Editions that the chosen one and those before it do not build on, although they were published between.

    They were superseded, as far as anybody can say without the ledger.
    """
    skipped: set[str] = set()
    ref = starts[0] if starts else None
    while ref is not None:
        manifest = try_read_manifest(edition_folder(home, *ref))
        previous = manifest.previous_ref if manifest else None
        if previous is not None:
            skipped |= {entry.edition for entry in refs if previous.as_of < entry.as_of < ref.as_of}
        # Backwards only, whatever a manifest says.
        ref = previous if previous is not None and previous.as_of < ref.as_of else None
    return skipped
