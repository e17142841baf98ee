"""Stage tabulate: the trials of a comparison as a table and a page in the store.

The trials themselves are run in tasks/challenge.py.
"""

import io

import pyarrow.parquet as pq

from schemas.comparison import COMPARISON, Comparison, Trial
from schemas.evidence import Choice
from schemas.fields import checked_table
from schemas.night import Night
from schemas.rows import Customers
from segmentation.k.trials import tabulate_trials
from segmentation.report.comparison_page import render_comparison
from segmentation.store.files.durable import write_durably
from segmentation.store.layout import get_home, join_path
from tasks.runtime.stage import stage


@stage("tabulate {night.as_of}")
def tabulate(night: Night, customers: Customers, choice: Choice, trials: list[Trial]) -> Comparison:
    """Write comparison.parquet and comparison.html to the store."""
    folder = join_path(get_home(night), "comparisons", str(night.as_of))
    comparison = Comparison(
        name=night.definition.name,
        as_of=night.as_of,
        customers=customers.count,
        k=choice.k,
        strength=choice.strength,
        trials=tuple(trials),
        table_path=str(folder / "comparison.parquet"),
        page_path=str(folder / "comparison.html"),
    )
    buffer = io.BytesIO()
    pq.write_table(checked_table(tabulate_trials(trials), COMPARISON), buffer)
    write_durably(folder / "comparison.parquet", buffer.getvalue())
    write_durably(folder / "comparison.html", render_comparison(comparison, choice))
    return comparison
