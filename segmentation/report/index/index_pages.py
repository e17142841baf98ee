"""The pages of the index: a segmentation with its editions, and a store with its segmentations.

Views of the facts from index_entries.py. Their markup is templates/index.html.j2 and store.html.j2. Links are
relative, so that a store can be moved, zipped, opened as files or served.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple
from urllib.parse import quote

from schemas.wording import format_count
from segmentation.report.formatting import format_customers, format_date, format_share
from segmentation.report.index.index_entries import EditionFacts, EditionIndex, IndexEntry
from segmentation.report.page import render_page

NEWEST = 60  # editions in the first table; earlier ones are folded by year
MAX_LINE_EDITIONS = 90  # editions in the line of a segment's sizes
_STYLESHEET = "index.css"


class SizeBarPiece(NamedTuple):
    """A segment in a bar of sizes: an SVG path in a box of 100 by 10."""

    segment_id: str
    path: str


class SizeBar(NamedTuple):
    """The sizes of all segments as one bar, and in words."""

    pieces: list[SizeBarPiece]
    label: str


class SizeLine(NamedTuple):
    """A segment's sizes over editions: an SVG path in a box of 100 by 34, and in words."""

    path: str
    label: str


class SegmentCard(NamedTuple):
    """A live segment. share: None without customers. line: None for a single edition.

    name_in_edition: what the live edition calls it, if it was named or renamed since.
    """

    segment_id: str
    name: str
    name_in_edition: str
    size: int
    share: float | None
    owner: str
    line: SizeLine | None


class EditionRow(NamedTuple):
    """A row of the table of editions."""

    edition: EditionFacts
    state: str
    link: str
    sizes: SizeBar


class YearOfEditions(NamedTuple):
    """The rows of a year that is folded."""

    year: str
    rows: list[EditionRow]


class SegmentationRow(NamedTuple):
    """A row of the store's page. summary: the segmentation's entry in the store's index.json."""

    name: str
    link: str
    summary: Mapping[str, Any]
    sizes: SizeBar | None


def render_index(index: EditionIndex) -> bytes:
    """The page of a segmentation."""
    newest, earlier = index.entries[:NEWEST], index.entries[NEWEST:]
    by_year = groupby(earlier, key=lambda entry: entry.facts.as_of[:4])
    return render_page(
        "index.html.j2",
        f"{index.name}: editions",
        stylesheet=_STYLESHEET,
        index=index,
        summary=summarise_index(index),
        cards=list_cards(index),
        newest=list_edition_rows(newest),
        years=[YearOfEditions(year, list_edition_rows(entries)) for year, entries in by_year],
    )


def render_store_page(segmentations: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The page of a store. segmentations: from the store's index.json, by name."""
    rows = [
        SegmentationRow(
            name=name,
            link=f"{quote(name)}/index.html",
            summary=summary,
            sizes=compute_size_bar(summary["sizes"]) if summary["sizes"] else None,
        )
        for name, summary in segmentations.items()
    ]
    return render_page("store.html.j2", "Segmentations", stylesheet=_STYLESHEET, rows=rows)


def summarise_index(index: EditionIndex) -> str:
    """The live edition, a newer one that is held, and the number of editions, in one to three sentences."""
    if not index.entries:
        return "No editions yet."
    live, newest, first = index.live, index.entries[0], index.entries[-1]
    sentences = ["No edition is live."]
    if live:
        segments = "one segment" if live.k == 1 else f"{live.k} segments"
        sentences = [f"Live: {_spell_date(live.as_of)}, {format_customers(live.customers)} in {segments}."]
    if newest.state == "held":
        sentences.append(f"The newest edition, {_spell_date(newest.facts.as_of)}, is held.")
    if len(index.entries) == 1:
        sentences.append("It is the first edition.")
    else:
        held = sum(entry.state == "held" for entry in index.entries)
        since = f"{len(index.entries):,} editions since {_spell_date(first.facts.as_of)}"
        sentences.append(f"{since}, {held:,} held." if held else f"{since}.")
    if index.unreadable:
        count = format_count(index.unreadable, "edition")
        sentences.append(f"{count} cannot be read: 'resegment audit {index.name}' says why.")
    if index.pruned:
        sentences.append(
            f"{format_count(index.pruned, 'edition')} {'was' if index.pruned == 1 else 'were'} pruned."
        )
    return " ".join(sentences)


def _spell_date(day: str) -> str:
    """A date in words that stay on one line."""
    return format_date(date.fromisoformat(day)).replace(" ", "\N{NO-BREAK SPACE}")


def list_cards(index: EditionIndex) -> list[SegmentCard]:
    """A card for each live segment."""
    live = index.live
    if live is None:
        return []
    published = [entry.facts.sizes for entry in index.entries if entry.state in ("live", "published")]
    history = published[:MAX_LINE_EDITIONS][::-1]
    cards = []
    for segment_id, size in live.sizes.items():
        given_name = index.names.get(segment_id)
        factual_name = _capitalise(index.factual_names.get(segment_id, ""))
        name = (given_name.name if given_name else "") or factual_name
        name_in_edition = index.names_of_live.get(segment_id) or factual_name
        cards.append(
            SegmentCard(
                segment_id=segment_id,
                name=name,
                name_in_edition=name_in_edition if name_in_edition != name else "",
                size=size,
                share=size / live.customers if live.customers else None,
                owner=given_name.owner if given_name else "",
                line=compute_size_line([sizes.get(segment_id) for sizes in history]),
            )
        )
    return cards


def _capitalise(name: str) -> str:
    return name[:1].upper() + name[1:]


def list_edition_rows(entries: Iterable[IndexEntry]) -> list[EditionRow]:
    """The rows of a table of editions."""
    return [
        EditionRow(
            edition=facts,
            state=state,
            link=f"editions/{quote(facts.as_of)}/{quote(facts.edition)}/report.html",
            sizes=compute_size_bar(facts.sizes),
        )
        for facts, state in entries
    ]


def compute_size_bar(sizes: Mapping[str, int]) -> SizeBar:
    """Sizes by segment as a bar.

    >>> compute_size_bar({"S01": 30, "S02": 10}).label
    'S01 75.0%, S02 25.0%'
    """
    total = max(1, sum(sizes.values()))
    pieces, start = [], 0.0
    for segment_id, size in sizes.items():
        width = 100 * size / total
        pieces.append(SizeBarPiece(segment_id, f"M{start:.4g} 0h{width:.4g}v10h-{width:.4g}z"))
        start += width
    label = ", ".join(f"{segment_id} {format_share(size / total)}" for segment_id, size in sizes.items())
    return SizeBar(pieces, label)


def compute_size_line(sizes: Sequence[int | None]) -> SizeLine | None:
    """Sizes from edition to edition, on an axis from 0. A gap where the segment was missing (None).

    >>> compute_size_line([2, None, 1])
    SizeLine(path='M0 2v0M100 17v0', label='1 to 2 over 3 editions')
    """
    present = [size for size in sizes if size is not None]
    if len(sizes) < 2 or not present:
        return None
    step, maximum = 100 / (len(sizes) - 1), max(*present, 1)
    commands, pen = [], "M"
    for place, size in enumerate(sizes):
        if size is not None:
            is_single = pen == "M" and (place + 1 == len(sizes) or sizes[place + 1] is None)
            # A line to itself (v0), because a lone move draws nothing.
            commands.append(
                f"{pen}{place * step:.4g} {32 - 30 * size / maximum:.4g}{'v0' if is_single else ''}"
            )
        pen = "M" if size is None else "L"
    low, high = f"{min(present):,}", f"{max(present):,}"
    span = f"{low} to {high}" if low != high else f"always {low}"
    return SizeLine("".join(commands), f"{span} over {len(sizes)} editions")
