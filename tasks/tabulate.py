"""Stage tabulate: the trials of a comparison as a table and a page in the store.

The trials themselves are run in tasks/challenge.py.
"""

import io

import pandas as pd
import pyarrow.parquet as pq

from schemas.comparison import COMPARISON, Champion, Comparison, Trial
from schemas.fields import checked_table
from schemas.night import Night
from schemas.rows import Customers
from segmentation.k.trials import tabulate_trials
from segmentation.parts import read_table
from segmentation.report.comparison_page import render_comparison
from segmentation.report.tables.sweep_table import tabulate_sweep
from segmentation.store.edition.manifests import check_file
from segmentation.store.files.durable import write_durably
from segmentation.store.layout import edition_folder, get_home, join_path
from tasks.runtime.stage import stage


@stage("tabulate {night.as_of}")
def tabulate(night: Night, customers: Customers, champion: Champion, trials: list[Trial]) -> Comparison:
    """Write comparison.parquet and comparison.html to the store."""
    folder = join_path(get_home(night), "comparisons", str(night.as_of))
    comparison = Comparison(
        name=night.definition.name,
        as_of=night.as_of,
        customers=customers.count,
        k=champion.k,
        edition=champion.edition,
        strength=champion.choice.strength if champion.choice else None,
        trials=tuple(trials),
        table_path=str(folder / "comparison.parquet"),
        page_path=str(folder / "comparison.html"),
    )
    buffer = io.BytesIO()
    pq.write_table(checked_table(tabulate_trials(trials), COMPARISON), buffer)
    write_durably(folder / "comparison.parquet", buffer.getvalue())
    write_durably(
        folder / "comparison.html",
        render_comparison(comparison, champion.reasons, read_sweep(night, champion)),
    )
    return comparison


def read_sweep(night: Night, champion: Champion) -> pd.DataFrame:
    """The evidence for each k: an edition's sweep.parquet, or what was measured for the comparison."""
    if champion.choice is not None:
        return tabulate_sweep(champion.choice)
    folder = edition_folder(get_home(night), night.as_of, champion.edition or "")
    sweep: pd.DataFrame = read_table(check_file(folder, "sweep.parquet")).to_pandas()
    return sweep
