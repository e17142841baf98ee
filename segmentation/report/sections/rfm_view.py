"""The section of the RFM scores: averages by segment, and the cut points between scores.

They are computed in rfm_averages.py.
"""

from typing import NamedTuple

import numpy as np

from segmentation.report.context import ReportContext
from segmentation.report.figure import Table
from segmentation.report.formatting import format_number
from segmentation.report.tables.rfm_averages import RfmMeasures

_TITLES = ("Recency", "Frequency", "Monetary")
_NONE = "\N{EN DASH}"


class RfmView(NamedTuple):
    """What templates/sections/rfm.html.j2 shows."""

    averages: Table
    cuts: Table


def view_rfm(context: ReportContext) -> RfmView | None:
    """The view of the scores; None without `rfm` in the definition."""
    measures = context.rfm
    if measures is None:
        return None
    return RfmView(tabulate_averages(context, measures), tabulate_cuts(context, measures))


def tabulate_averages(context: ReportContext, measures: RfmMeasures) -> Table:
    """The average scores of each segment, in the page's order, and of all customers."""
    ids = context.segment_ids
    rows = [
        [f"{ids[i]} {context.names[ids[i]]}", *map(format_score, measures.averages[i])]
        for i in context.reading_order
    ]
    rows.append(["All customers", *map(format_score, measures.averages[-1])])
    return Table("Average RFM scores by segment", ["Segment", *_TITLES], rows)


def format_score(average: float) -> str:
    """An average score with two decimals.

    >>> format_score(4.5), format_score(np.nan)
    ('4.50', '–')
    """
    return f"{average:.2f}" if np.isfinite(average) else _NONE


def tabulate_cuts(context: ReportContext, measures: RfmMeasures) -> Table:
    """The four cut points of each column."""
    rows = []
    for title, quintiles in zip(_TITLES, measures.cuts.by_score.values(), strict=True):
        cells = [format_number(cut) for cut in quintiles.cuts] or [_NONE] * 4
        rows.append([f"{title}: {context.label_column(quintiles.column)}", *cells])
    return Table("Cut points of the scores", ["Column", *(f"{share}%" for share in (20, 40, 60, 80))], rows)
