"""The page of `resegment compare A B`: a cross-table of two divisions, and what differs between them.

The record is made in segmentation/comparing/. Markup: templates/edition_comparison.html.j2.
"""

from typing import NamedTuple

from schemas.edition_comparison import ComparedEdition, EditionComparison
from segmentation.report.figure import Table
from segmentation.report.formatting import format_share
from segmentation.report.page import render_page
from segmentation.report.palette import SHADES
from segmentation.store.catalogue.edition_diff import format_fact


class Cell(NamedTuple):
    """A cell of the cross-table. shade: a class of the style sheet, darker for a larger share of the row."""

    customers: int
    share: str
    shade: str
    is_match: bool


def render_edition_comparison(comparison: EditionComparison) -> bytes:
    """The page. It has counts, and no customer's row."""
    return render_page(
        "edition_comparison.html.j2",
        f"{comparison.first.label} and {comparison.second.label} compared",
        comparison=comparison,
        cells=shade_cells(comparison),
        sides=tabulate_sides(comparison),
        matches=tabulate_matches(comparison),
        differences=tabulate_differences(comparison),
        shades=range(1, SHADES + 1),
    )


def shade_cells(comparison: EditionComparison) -> list[list[Cell]]:
    """The cells by row: a segment of the first edition each."""
    matches = {(match.first, match.second) for match in comparison.matches}
    columns = [segment.segment_id for segment in comparison.second.segments]
    return [
        [
            Cell(
                customers=count,
                share="" if share is None else format_share(share),
                shade=shade_share(share or 0.0),
                is_match=(segment.segment_id, column) in matches,
            )
            for column, count, share in zip(columns, counts, shares, strict=True)
        ]
        for segment, counts, shares in zip(
            comparison.first.segments, comparison.shared, comparison.row_shares, strict=True
        )
    ]


def shade_share(share: float) -> str:
    """The class of a share from 0 to 1; none below half a shade.

    >>> shade_share(0.05), shade_share(0.3), shade_share(1.0)
    ('', 'd2', 'd5')
    """
    shade = round(share * SHADES)
    return f"d{shade}" if shade else ""


def tabulate_sides(comparison: EditionComparison) -> Table:
    """What is compared with what."""
    rows = [
        [
            letter,
            side.name,
            str(side.as_of),
            "draft" if side.is_draft else side.state,
            side.edition,
            f"{side.customers:,}",
            str(len(side.segments)),
        ]
        for letter, side in (("A", comparison.first), ("B", comparison.second))
    ]
    return Table("Editions", ["", "Name", "As of", "State", "Edition", "Customers", "Segments"], rows)


def tabulate_matches(comparison: EditionComparison) -> Table:
    """Each segment of either side with its counterpart."""
    first, second = list_labels(comparison.first), list_labels(comparison.second)
    rows = [
        [first[match.first], second[match.second], f"{match.shared:,}", format_share(match.jaccard)]
        for match in comparison.matches
    ]
    matched = {match.first for match in comparison.matches}, {match.second for match in comparison.matches}
    rows += [[label, "no counterpart", "", ""] for name, label in first.items() if name not in matched[0]]
    rows += [["no counterpart", label, "", ""] for name, label in second.items() if name not in matched[1]]
    return Table(
        "Corresponding segments", ["A", "B", "Customers in both", "Share of either"], rows, is_text=True
    )


def list_labels(side: ComparedEdition) -> dict[str, str]:
    """`S01 high spend`, by segment id."""
    return {segment.segment_id: f"{segment.segment_id} {segment.name}".strip() for segment in side.segments}


def tabulate_differences(comparison: EditionComparison) -> Table | None:
    """What differs in definitions, code and libraries; None if nothing does."""
    rows = [
        [difference.part, difference.fact, format_fact(difference.first), format_fact(difference.second)]
        for difference in comparison.differences
    ]
    return Table("Differences", ["", "Key", "A", "B"], rows, is_text=True) if rows else None
