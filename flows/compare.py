"""The flow `compare`: other algorithms on one night's customers. It publishes no segments.

What a stage does is in its file under tasks/.
"""

import os

from prefect import flow, unmapped
from prefect.task_runners import ThreadPoolTaskRunner

from flows.resegment import name_run
from schemas.comparison import Comparison
from schemas.identity import Memory
from segmentation.k.challengers import CHALLENGERS
from tasks.challenge import Rows, challenge, tabulate
from tasks.choose import choose
from tasks.evaluate import weigh
from tasks.ingest import ingest
from tasks.runtime.parameters import AsOf
from tasks.runtime.session import conclude, hold_night, open_night
from tasks.scale import scale
from tasks.summarise import summarise
from tasks.sweep import score, sweep


@flow(
    flow_run_name=name_run,
    task_runner=ThreadPoolTaskRunner(max_workers=os.cpu_count()),  # type: ignore[arg-type]
    persist_result=True,
    result_serializer="json",
)
def compare(
    definition: str,
    as_of: AsOf = None,
    source: str | None = None,
    store: str | None = None,
    rows: Rows = 5000,
) -> Comparison:
    """Give one sample of the customers to seven other algorithms, and tell how they differ from k-means.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date to speak for (YYYY-MM-DD). Empty: the scheduled day in the definition's time zone.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder to put table and page in instead of the configured one.
        rows: Customers in the sample. Some algorithms need memory for each pair of them.
    """
    night = open_night(definition, as_of, (source, store), force=True)
    with hold_night(night):
        customers = summarise(night, ingest(night))
        scaled = scale(night, customers, Memory())
        candidates = sweep.map(unmapped(night), unmapped(scaled), scaled.ks).result()
        curve, evidence = score(night, scaled, candidates), weigh(night, scaled, candidates)
        choice = choose(night, curve, evidence, Memory())
        champion = (unmapped(night), unmapped(scaled), unmapped(candidates), unmapped(choice))
        trials = challenge.map(*champion, unmapped(rows), list(CHALLENGERS)).result()
        found = tabulate(night, customers, choice, trials)
        conclude(night, "compared", {"k": choice.k})
        return found
