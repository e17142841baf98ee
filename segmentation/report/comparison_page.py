"""The page of `resegment compare`: other algorithms next to k-means, on the customers of one date.

The measures are computed in segmentation/k/trials.py. Markup: templates/comparison.html.j2.
"""

from collections.abc import Sequence

import pandas as pd

from schemas.comparison import Comparison
from segmentation.k.trials import describe_winners, format_trials
from segmentation.report.figure import Table
from segmentation.report.page import render_page
from segmentation.report.sections.evidence import tabulate_measures


def render_comparison(comparison: Comparison, reasons: Sequence[str], sweep: pd.DataFrame) -> bytes:
    """The page. reasons: why k-means has its k. sweep: the evidence, as in sweep.parquet."""
    header, rows = format_trials(comparison.trials)
    return render_page(
        "comparison.html.j2",
        f"{comparison.name}, {comparison.as_of}: algorithms compared",
        winners=describe_winners(comparison.trials),
        comparison=comparison,
        reasons=reasons,
        evidence=tabulate_measures(sweep),
        measures=Table("Measures", header[:-1], [row[:-1] for row in rows]),
        notes=Table(
            "How each algorithm was run",
            ["Algorithm", "Settings, reductions and refusals"],
            [[row[0], row[-1]] for row in rows],
            is_text=True,
        ),
    )
