"""The flow `compare`: other algorithms on one night's customers. It publishes no segments.

What a stage does is in its file in tasks/.
"""

from prefect import flow

from flows.night_runs import NIGHT_OPTIONS
from schemas.clustering import Scaled
from schemas.comparison import Champion, Comparison
from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.night import Night
from segmentation.errors import Refused
from segmentation.k.challengers import CHALLENGERS
from segmentation.k.evaluation import FAMILIES
from tasks.challenge import Rows, challenge, set_up_contest
from tasks.champion import look_up_champion, make_champion
from tasks.choose import choose
from tasks.evaluate import evaluate, join_evidence
from tasks.ingest import ingest
from tasks.runtime.parameters import AsOf
from tasks.runtime.session import close_run, night_session, open_night
from tasks.scale import scale
from tasks.summarise import summarise
from tasks.sweep import measure_inertia, sweep
from tasks.tabulate import tabulate


@flow(**NIGHT_OPTIONS)
def compare(
    definition: str,
    as_of: AsOf = None,
    source: str | None = None,
    store: str | None = None,
    rows: Rows = 5000,
) -> Comparison:
    """Run seven other algorithms on one sample of the customers, and show how they differ from k-means.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date to speak for (YYYY-MM-DD). Empty: the scheduled day in the definition's time zone.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder to put table and page in instead of the configured one.
        rows: Customers in the sample. Some algorithms need memory for each pair of customers.
    """
    night = open_night(definition, as_of, source=source, store=store, force=True)
    # Nothing of the previous edition is used, so one that is damaged does not matter.
    night = night.model_copy(update={"accept_new_ids": True})
    with night_session(night):
        comparison = compare_algorithms(night, rows)
        close_run(night, "compared", {"k": comparison.k})
        return comparison


def compare_algorithms(night: Night, rows: int) -> Comparison:
    """The stages of a comparison: those of a night up to the choice of k, then the trials."""
    ingested = ingest(night)
    if ingested.no_data:
        raise Refused("no-rows", ingested.no_data)
    customers = summarise(night, ingested)
    champion = look_up_champion(night, ingested)
    # Every algorithm gets the customers as the champion's model scales them. Without an edition
    # nothing from earlier nights counts, and all start from the same data.
    model = champion.model
    scaled = scale(night, customers, PreviousEdition(model=model, needs_rescale=model is None))
    if champion.edition is None:
        champion = fit_champion(night, scaled)
    contest = set_up_contest(scaled, champion, rows)
    trials = challenge.for_each(list(CHALLENGERS), night, contest)
    return tabulate(night, customers, champion, trials)


def fit_champion(night: Night, scaled: Scaled) -> Champion:
    """The stages of a cold night that fit k-means and choose its k."""
    candidates = sweep.for_each(scaled.ks, night, scaled)
    curve = measure_inertia(night, scaled, candidates)
    families = evaluate.for_each(list(FAMILIES), night, scaled, candidates)
    evidence = join_evidence(scaled, families)
    look = Look(as_of=night.as_of, candidates=tuple(candidates), curve=curve, evidence=evidence)
    return make_champion(choose(night, look, PreviousEdition()), look)
