"""`resegment compare A B`: two editions of the same customers, or one of them and a draft.

The arguments are declared in compare.py; counting and matching are in segmentation/comparing/.
"""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import typer

from config.settings import read_settings
from resegment.arguments import locate_edition, parse_date, resolve_home
from resegment.drafts import DraftRequest, is_draft, run_draft
from resegment.segments import list_plain_names
from resegment.terminal import open_stderr, plain_failures, print_note, print_table, shorten_path
from schemas.wording import choose_verb, format_count
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    from schemas.edition_comparison import EditionComparison
    from segmentation.comparing.sides import Side
    from segmentation.report.figure import Table
    from segmentation.store.catalogue.editions import Edition


class ComparisonRequest(NamedTuple):
    """The arguments of `resegment compare A B`. differences: where to write who differs, if anywhere."""

    words: tuple[str, str]
    as_of: str | None
    source: str | None
    store: str | None
    differences: Path | None


def run_edition_comparison(request: ComparisonRequest) -> "EditionComparison":
    """Compare the two sides, and write the page and, on request, who differs."""
    from segmentation.comparing.comparison import compare_editions
    from segmentation.comparing.differing import check_differences_file, write_differences
    from segmentation.report.edition_comparison_page import render_edition_comparison
    from segmentation.store.files.durable import write_durably
    from segmentation.store.files.objects import parse_path
    from segmentation.store.files.scratch import scratch_folder

    check_request(request)
    store = parse_path(request.store or read_settings().store)
    if request.differences is not None:
        check_differences_file(request.differences, store)
    with scratch_folder() as scratch:
        first, second = open_sides(request, scratch)
        comparison = compare_editions(first, second)
        page = locate_page(first, second, store)
        comparison = comparison.model_copy(update={"page_path": str(page)})
        if request.differences is not None:
            comparison = comparison.model_copy(update={"differences_path": str(request.differences)})
            formulas = write_differences(first, second, comparison, request.differences)
            if formulas:
                print_note(
                    f"{format_count(formulas, 'id')} {choose_verb(formulas, 'begins', 'begin')} with "
                    "= + - or @: a spreadsheet would read such ids as formulas"
                )
        write_durably(page, render_edition_comparison(comparison))
    return comparison


def locate_page(first: "Side", second: "Side", store: AnyPath) -> AnyPath:
    """The page's path: with the edition that is in the store, A before B; of two drafts, under A's name."""
    from segmentation.store.layout import join_path

    side = second if first.is_draft and not second.is_draft else first
    home = store / side.home.name if side.is_draft else side.home
    name = f"{first.edition.edition}-{second.edition.edition}.html"
    return join_path(home, "comparisons", str(side.edition.as_of), name)


def check_request(request: ComparisonRequest) -> None:
    """Refuse options that would have no effect."""
    has_draft = any(map(is_draft, request.words))
    if request.source is not None and not has_draft:
        raise Refused("source", "--source is for a definition's file, and both sides are editions")
    if request.as_of is not None and not has_draft and all("@" in word for word in request.words):
        raise Refused("as-of", "both sides name their date; leave out --as-of")


def open_sides(request: ComparisonRequest, scratch: Path) -> tuple["Side", "Side"]:
    """Both sides. Drafts are run, for the date of the other side, once its edition is known to exist."""
    editions = [
        None if is_draft(word) else open_edition(word, request.as_of, request.store) for word in request.words
    ]
    first, second = (
        side or open_draft(word, request, [other for other in editions if other], scratch / letter)
        for side, word, letter in zip(editions, request.words, "ab", strict=True)
    )
    return first, second


def open_edition(word: str, as_of: str | None, store: str | None) -> "Side":
    """The side that NAME, NAME@DATE or NAME@DATE/EDITION names: without a date, the live edition."""
    from segmentation.store.catalogue.editions import resolve_edition

    name, _, place = word.partition("@")
    day_text, _, edition_id = place.partition("/")
    home = resolve_home(name, store)
    day, folder = locate_edition(home, day_text or as_of, edition_id or None)
    return make_side(home, resolve_edition(home, day, folder.name), is_draft=False)


def open_draft(path: str, request: ComparisonRequest, others: list["Side"], store: Path) -> "Side":
    """The side of a definition's file, run for --as-of, else for the other side's date, else for today."""
    day: date | None = others[0].edition.as_of if others else None
    day = parse_date(request.as_of) if request.as_of else day
    draft = DraftRequest(path, day, request.source, others[0].home if others else None)
    console = open_stderr()
    console.print(f"Running {path} into a temporary store.", highlight=False, markup=False)
    with plain_failures(console):
        home, edition = run_draft(draft, store, console)
    return make_side(home, edition, is_draft=True)


def make_side(home: AnyPath, edition: "Edition", *, is_draft: bool) -> "Side":
    """A side with the names that people use for its segments."""
    from segmentation.comparing.sides import Side

    side = Side(home, edition, {}, is_draft)
    return side._replace(names=list_plain_names(home, side.folder))


def print_edition_comparison(comparison: "EditionComparison") -> None:
    """Print the cross-table, the segments that correspond, and what differs in how they were made."""
    from segmentation.report.edition_comparison_page import (
        tabulate_differences,
        tabulate_matches,
        tabulate_sides,
    )

    sides, matches = tabulate_sides(comparison), tabulate_matches(comparison)
    columns = [segment.segment_id for segment in comparison.second.segments]
    print_table(sides.header, format_cells(sides), right=(5, 6))
    typer.echo()
    print_table(("A, then B", *columns, "only in A"), list_rows(comparison), range(1, len(columns) + 2))
    typer.echo()
    print_table(matches.header, format_cells(matches), right=(2, 3))
    typer.echo()
    if differences := tabulate_differences(comparison):
        print_table(differences.header, format_cells(differences))
        typer.echo()
    typer.echo(f"{comparison.describe()}.")
    typer.echo(f"{comparison.describe_outside()}.")
    typer.echo(f"Page: {shorten_path(comparison.page_path)}")
    if comparison.differences_path:
        typer.echo(f"Who differs: {comparison.differences_path}")


def format_cells(table: "Table") -> list[list[str]]:
    """The cells of a page's table as text."""
    return [[str(cell) for cell in row] for row in table.rows]


def list_rows(comparison: "EditionComparison") -> list[list[str]]:
    """The cross-table's rows as text: customers, and their share of the row."""
    rows = [
        [
            f"{segment.segment_id} {segment.name}",
            *(
                f"{count:,}" if share is None else f"{count:,} ({share:.1%})"
                for count, share in zip(counts, shares, strict=True)
            ),
            f"{outside:,}",
        ]
        for segment, counts, shares, outside in zip(
            comparison.first.segments,
            comparison.shared,
            comparison.row_shares,
            comparison.only_first,
            strict=True,
        )
    ]
    return [*rows, ["only in B", *(f"{count:,}" for count in comparison.only_second), ""]]
