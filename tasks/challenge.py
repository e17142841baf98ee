"""The stages of a comparison: the champion and each challenger on one sample, then table and page.

The algorithms are segmentation/challengers.py's, the measures segmentation/comparing.py's.
"""

import io
import re

import numpy as np
import pyarrow.parquet as pq

from config.settings import read_settings
from schemas.comparison import COMPARISON, Comparison, Trial
from schemas.evidence import Choice
from schemas.records import Candidate, Customers, Night, Scaled
from schemas.tables import checked_table
from segmentation.challengers import CHALLENGERS
from segmentation.comparing import Arena, measure, render_comparison, to_table, try_challenger
from segmentation.parts import read_part, to_matrix
from segmentation.store import below, find_home, write_durably
from segmentation.weighing import label_rows
from tasks.options import stage

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
    memory = read_bytes(read_settings().memory_limit)
    return Arena(drawn, label_rows(drawn, centres), len(centres), night.segmentation.seed, memory)


@stage("challenge {night.as_of} {algorithm}")
def challenge(
    night: Night, scaled: Scaled, candidates: list[Candidate], choice: Choice, rows: int, algorithm: str
) -> Trial:
    """One algorithm on the sample."""
    return try_challenger(
        CHALLENGERS[algorithm], set_arena(night, scaled, find_champion(candidates, choice), rows)
    )


@stage("compare {night.as_of}")
def tabulate(
    night: Night,
    customers: Customers,
    scaled: Scaled,
    candidates: list[Candidate],
    choice: Choice,
    rows: int,
    trials: list[Trial],
) -> Comparison:
    """Measure the champion like the others, and write table and page into the store."""
    arena = set_arena(night, scaled, find_champion(candidates, choice), rows)
    own = next((one for one in choice.measures if one.k == choice.k), None)
    champion = measure(arena, arena.champion).model_copy(
        update={"stability": own.stability if own else None, "note": f"champion; evidence: {choice.strength}"}
    )
    every = [champion, *trials]
    folder = below(find_home(night), "comparisons", str(night.as_of))
    title = f"{night.segmentation.name}, {night.as_of}: algorithms compared"
    page = render_comparison(title, f"k = {choice.k}, {choice.reasons[0]}", every)
    buffer = io.BytesIO()
    pq.write_table(checked_table(to_table(every), COMPARISON), buffer)
    for name, content in (("comparison.parquet", buffer.getvalue()), ("comparison.html", page)):
        write_durably(below(folder, name), content)
    return Comparison(
        name=night.segmentation.name,
        as_of=str(night.as_of),
        customers=customers.customers,
        trials=tuple(every),
        table_path=str(folder / "comparison.parquet"),
        page_path=str(folder / "comparison.html"),
    )
