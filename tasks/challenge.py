"""The stages of a comparison: each algorithm on one sample, then table and page.

The algorithms are segmentation/k/challengers.py's, the measures segmentation/k/comparing.py's.
"""

import io
import os
import re
from typing import Annotated

import numpy as np
import pyarrow.parquet as pq
from pydantic import Field

from config.settings import read_settings
from schemas.comparison import COMPARISON, Comparison, Trial
from schemas.evidence import Choice
from schemas.fields import checked_table
from schemas.records import Candidate, Customers, Night, Scaled
from segmentation.k.challengers import CHALLENGERS
from segmentation.k.comparing import Arena, to_table, try_challenger
from segmentation.k.weighing import label_rows
from segmentation.parts import read_part, to_matrix
from segmentation.report.comparison import render_comparison
from segmentation.store.layout import below, find_home, write_durably
from tasks.runtime.artifacts import show_comparison
from tasks.runtime.stage import stage

AT_ONCE = os.cpu_count() or 1  # tasks that the flow runs at the same time
Rows = Annotated[int, Field(strict=True, ge=100, le=10_000)]
UNITS = {"MB": 10**6, "GB": 10**9, "MiB": 2**20, "GiB": 2**30}


def read_bytes(limit: str) -> int:
    """Bytes of a size such as 1.5GB.

    >>> read_bytes("1.5GB")
    1500000000
    """
    number, unit = re.fullmatch(r"([\d.]+)([MG]i?B)", limit).groups()  # type: ignore[union-attr]
    return int(float(number) * UNITS[unit])


def find_champion(candidates: list[Candidate], choice: Choice) -> np.ndarray:
    """Centres (k, d) of the chosen candidate."""
    return np.array(next(one.centres for one in candidates if one.k == choice.k))


def set_arena(night: Night, scaled: Scaled, centres: np.ndarray, rows: int) -> Arena:
    """At most so many of the evenly drawn customers, and what the champion's centres (k, d) make of them."""
    even = to_matrix(read_part(scaled.sample.even)).T
    order = np.random.default_rng(night.segmentation.seed).permutation(len(even))[:rows]
    drawn = even[order]
    allowed = read_bytes(read_settings().memory_limit) // AT_ONCE
    return Arena(drawn, label_rows(drawn, centres), len(centres), night.segmentation.seed, allowed)


@stage("challenge {night.as_of} {algorithm}")
def challenge(
    night: Night, scaled: Scaled, candidates: list[Candidate], choice: Choice, rows: int, algorithm: str
) -> Trial:
    """One algorithm on the sample."""
    arena = set_arena(night, scaled, find_champion(candidates, choice), rows)
    return try_challenger(CHALLENGERS[algorithm], arena)


@stage("tabulate {night.as_of}")
def tabulate(night: Night, customers: Customers, choice: Choice, trials: list[Trial]) -> Comparison:
    """Table and page, put into the store."""
    folder = below(find_home(night), "comparisons", str(night.as_of))
    found = Comparison(
        name=night.segmentation.name,
        as_of=night.as_of,
        customers=customers.customers,
        k=choice.k,
        strength=choice.strength,
        trials=tuple(trials),
        table_path=str(folder / "comparison.parquet"),
        page_path=str(folder / "comparison.html"),
    )
    buffer = io.BytesIO()
    pq.write_table(checked_table(to_table(trials), COMPARISON), buffer)
    write_durably(folder / "comparison.parquet", buffer.getvalue())
    write_durably(folder / "comparison.html", render_comparison(found, choice))
    show_comparison(night, found)
    return found
