"""The page of `resegment compare`: other algorithms next to k-means, on the customers of one date.

The measures are computed in segmentation/k/trials.py. Markup: templates/comparison.html.j2.
"""

from schemas.comparison import Comparison
from schemas.evidence import Choice
from segmentation.k.trials import describe_winners, format_trials
from segmentation.report.figure import Table
from segmentation.report.page import render_page


def render_comparison(comparison: Comparison, choice: Choice) -> bytes:
    """The page. `choice` says how k-means got its k."""
    header, rows = format_trials(comparison.trials)
    return render_page(
        "comparison.html.j2",
        f"{comparison.name}, {comparison.as_of}: algorithms compared",
        winners=describe_winners(comparison.trials),
        choice=choice,
        customers=comparison.customers,
        measures=Table("Measures", header[:-1], [row[:-1] for row in rows]),
        notes=Table(
            "How each algorithm was run",
            ["Algorithm", "Settings, reductions and refusals"],
            [[row[0], row[-1]] for row in rows],
            is_text=True,
        ),
    )
