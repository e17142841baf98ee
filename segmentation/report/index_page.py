"""How the index looks: the page of a segmentation's editions, and that of a store's segmentations.

What they tell is segmentation/report/store_index.py's. Links are relative, so that a store can be moved,
zipped, opened as files or served. No script, and the report's content security policy.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from itertools import groupby
from typing import Any
from urllib.parse import quote

from segmentation.report.page import Markup, details, paragraph, render, table, text
from segmentation.report.palette import class_of
from segmentation.report.quantities import share
from segmentation.report.store_index import Index, Row
from segmentation.report.story import spell_date

NEWEST = 60  # editions shown at once; earlier ones are unfolded year by year
SPARK = 90  # editions that a segment's line goes back
_SHEET = "index.css"


def draw_index(index: Index) -> bytes:
    """The page of a segmentation: its live segments, and every edition, newest first."""
    newest, earlier = index.rows[:NEWEST], index.rows[NEWEST:]
    years = [(year, list(rows)) for year, rows in groupby(earlier, key=lambda row: row.entry.as_of[:4])]
    sections = [
        '<header class="top">',
        f"<h1>{text(index.name)}</h1>",
        f'<p class="verdict">{text(tell_state(index.rows))}</p>',
        paragraph(index.description, "note") if index.description else "",
        "</header>\n<main>",
        *draw_segments(index),
        "<section><h2>Editions</h2>",
        paragraph("Newest first; a date leads to its report.", "note"),
        draw_editions(newest, f"The newest {len(newest)} editions" if earlier else "Editions"),
        *(
            details(f"{year}: {len(rows)} more editions", draw_editions(rows, f"Editions of {year}"))
            for year, rows in years
        ),
        '</section>\n<p><a href="../index.html">All segmentations of this store</a></p></main>',
    ]
    return render(f"{index.name}: editions", sections, _SHEET)


def tell_state(rows: Sequence[Row]) -> str:
    """What is live, and what came since, in one sentence or two."""
    if not rows:
        return "There is no edition yet."
    live = next((row.entry for row in rows if row.state == "live"), None)
    held = sum(row.state == "held" for row in rows)
    said = "No edition is live."
    if live:
        groups = "one segment" if live.k == 1 else f"{live.k} segments"
        people = "1 customer" if live.customers == 1 else f"{live.customers:,} customers"
        said = f"Live: {_spell(live.as_of)}, {people} in {groups}."
    newest = rows[0]
    if newest.state == "held":
        said += f" The newest edition, {_spell(newest.entry.as_of)}, is held."
    count = (
        f"{len(rows):,} editions since {_spell(rows[-1].entry.as_of)}"
        if len(rows) > 1
        else "The first edition"
    )
    return f"{said} {count}{f', {held:,} held' if held and len(rows) > 1 else ''}."


def _keep_whole(day: str) -> Markup:
    """A date that stays on one line."""
    return Markup(f'<span class="when">{text(day)}</span>')


def _spell(day: str) -> Markup:
    """A date in words that stay on one line."""
    return Markup(spell_date(date.fromisoformat(day)).replace(" ", "\N{NO-BREAK SPACE}"))


def draw_segments(index: Index) -> list[str]:
    """A card for each live segment: what it is called, its size, and the line of its sizes."""
    live = next((row.entry for row in index.rows if row.state == "live"), None)
    if live is None:
        return []
    past = [row.entry.sizes for row in index.rows if row.state in ("live", "published")][:SPARK][::-1]
    cards = []
    for segment_id, size in live.sizes.items():
        given = index.names.get(segment_id)
        called = given.name if given and given.name else index.called.get(segment_id, "")
        owner = f'<p class="moved">Owner: {text(given.owner)}</p>' if given and given.owner else ""
        part = share(size / live.customers) if live.customers else ""
        cards.append(
            f'<article class="card {class_of(segment_id)}"><h3><span class="chip">{text(segment_id)}</span> '
            f"<span>{text(called[:1].upper() + called[1:])}</span></h3>"
            f'<div class="big">{size:,} <small>customers, {part}</small></div>{owner}'
            f"{draw_line([sizes.get(segment_id) for sizes in past], segment_id)}</article>"
        )
    return ["<section><h2>Live segments</h2>", '<div class="grid">', *cards, "</div></section>"]


def draw_line(sizes: Sequence[int | None], segment_id: str) -> str:
    """A segment's sizes from edition to edition, from 0 up; a gap where it was not. Empty for one edition.

    >>> draw_line([2, None, 1], "S01").split('d="')[1].split('"')[0]
    'M0 2v0M100 17v0'
    """
    known = [size for size in sizes if size is not None]
    if len(sizes) < 2 or not known:
        return ""
    step, most = 100 / (len(sizes) - 1), max(*known, 1)
    points, pen = [], "M"
    for place, size in enumerate(sizes):
        if size is not None:
            alone = pen == "M" and (place + 1 == len(sizes) or sizes[place + 1] is None)
            points.append(f"{pen}{place * step:.4g} {32 - 30 * size / most:.4g}{'v0' if alone else ''}")
        pen = "M" if size is None else "L"
    low, high = f"{min(known):,}", f"{max(known):,}"
    said = f"{f'{low} to {high}' if low != high else f'always {low}'} over {len(sizes)} editions"
    return (
        f'<svg class="spark" viewBox="0 0 100 34" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(f"{segment_id}: {said}")}"><path d="{"".join(points)}"/></svg>'
        f'<p class="note">{text(said)}</p>'
    )


def draw_editions(rows: Iterable[Row], name: str) -> str:
    """The table of editions: date and state, k, customers, sizes, who moved; under a held one, why."""
    head = '<th scope="col">As of</th><th scope="col">k</th><th scope="col">Customers</th>'
    head += '<th scope="col" class="wide-in">Sizes</th><th scope="col">Moved</th>'
    head += '<th scope="col" class="rare">Joined</th><th scope="col" class="rare">Left</th>'
    head += '<th scope="col" class="rare">Model</th>'
    body = "\n".join(map(_draw_row, rows))
    region = f'<div class="wide editions" role="region" tabindex="0" aria-label="{escape(name)}">'
    return f"{region}<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table></div>"


def _draw_row(row: Row) -> str:
    one = row.entry
    link = f"editions/{quote(one.as_of)}/{quote(one.edition)}/report.html"
    state = "aside" if row.state == "set aside" else row.state
    moved = "" if one.moved is None else share(one.moved)
    counts = ("", "") if one.moved is None else (f"{one.joined:,}", f"{one.left:,}")
    cells = (
        f'<th scope="row" class="when"><a href="{escape(link)}">{text(one.as_of)}</a> '
        f'<span class="state {state}">{row.state}</span></th>'
        f'<td>{one.k}</td><td>{one.customers:,}</td><td class="wide-in">{draw_sizes(one.sizes)}</td>'
        f'<td>{moved}</td><td class="rare">{counts[0]}</td><td class="rare">{counts[1]}</td>'
        f'<td class="rare">{text(one.how)}</td>'
    )
    why = ""
    if row.state == "held" and one.reasons:
        why = f'\n<tr class="why"><td colspan="8">{text("; ".join(one.reasons))}</td></tr>'
    return f"<tr>{cells}</tr>{why}"


def draw_sizes(sizes: Mapping[str, int]) -> Markup:
    """One bar, a piece for each segment in its colour, by id."""
    total = max(1, sum(sizes.values()))
    at, pieces, said = 0.0, [], []
    for segment_id, size in sizes.items():
        width = 100 * size / total
        pieces.append(f'<path class="{class_of(segment_id)}" d="M{at:.4g} 0h{width:.4g}v10h-{width:.4g}z"/>')
        said.append(f"{segment_id} {share(size / total)}")
        at += width
    told = escape(", ".join(said))
    return Markup(
        f'<svg class="sizes" viewBox="0 0 100 10" preserveAspectRatio="none" role="img" aria-label="{told}">'
        f"<title>{told}</title>{''.join(pieces)}</svg>"
    )


def draw_store(segmentations: Mapping[str, Mapping[str, Any]]) -> bytes:
    """The page of a store: its segmentations, each with what is live."""
    rows = [
        [
            Markup(f'<a href="{escape(quote(name))}/index.html">{text(name)}</a>'),
            _keep_whole(one["live"]) if one["live"] else "none",
            f"{one['k'] or ''}",
            f"{one['customers']:,}" if one["k"] else "",
            draw_sizes(one["sizes"]) if one["sizes"] else "",
            Markup(f"{_keep_whole(one['newest'])} {text(one['state'])}"),
            f"{one['editions']:,}",
            one["description"],
        ]
        for name, one in segmentations.items()
    ]
    header = ["Segmentation", "Live", "k", "Customers", "Sizes", "Newest", "Editions", "What it is"]
    sections = [
        '<header class="top"><h1>Resegment</h1><p class="verdict">Segmentations of this store</p></header>',
        "<main>",
        table(header, rows, words=True, name="Segmentations"),
        "</main>",
    ]
    return render("Segmentations", sections, _SHEET)
