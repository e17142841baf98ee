"""The nightly flow: a table of contents. What a stage does is in its file under tasks/."""

import os

from prefect import flow, runtime, tags, unmapped
from prefect.client.schemas.objects import State
from prefect.states import Completed
from prefect.task_runners import ThreadPoolTaskRunner

from flows.catch_up import TAG, CatchUp, find_reason_to_skip, list_missed, skip_night
from schemas.records import Published, Unpublished
from tasks.align import align
from tasks.check import check
from tasks.choose import choose
from tasks.evaluate import weigh
from tasks.fit import fit
from tasks.ingest import ingest
from tasks.publish import publish, settle
from tasks.report import report
from tasks.rescore import recall
from tasks.runtime.parameters import AsOf, name_day
from tasks.runtime.session import declare_no_data, hold_night, keep_published, open_night
from tasks.scale import scale
from tasks.summarise import summarise
from tasks.sweep import score, sweep


def name_run() -> str:
    """`article 2026-01-31`: what the run is for, as far as its parameters and its schedule say."""
    run = runtime.flow_run
    definition, as_of = run.parameters["definition"], run.parameters.get("as_of")
    return f"{definition} {name_day(definition, as_of, run.scheduled_start_time)}"


@flow(
    flow_run_name=name_run,
    task_runner=ThreadPoolTaskRunner(max_workers=os.cpu_count()),  # type: ignore[arg-type]
    persist_result=True,
    result_serializer="json",
)
def resegment(
    definition: str,
    as_of: AsOf = None,
    source: str | None = None,
    store: str | None = None,
    force: bool = False,
    catch_up: CatchUp = "latest",
) -> Published | State[Published] | State[Unpublished]:
    """Segment the customers as they stood on a date, and publish the result, all or nothing.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date the run speaks for (YYYY-MM-DD). Empty: the scheduled day in the definition's time zone.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder to publish in instead of the configured one.
        force: Build and publish again although this very edition is published already.
        catch_up: After downtime, for scheduled runs. latest: of the runs that are due, only the newest
            runs. all: and before it, every date since the last published one. none: a run more than six
            hours late is not made up.
    """
    night = open_night(definition, as_of, (source, store), force)
    if reason := find_reason_to_skip(as_of, catch_up):
        return skip_night(night, reason)
    for day in list_missed(night) if catch_up == "all" and as_of is None else ():
        with tags(TAG):
            resegment(definition, day, source, store, catch_up="none", return_state=True)
    with hold_night(night):
        rows = ingest(night)
        if rows.no_data:
            return declare_no_data(night, rows.no_data)
        if rows.published:
            return keep_published(night, rows)
        customers = summarise(night, rows)
        memory = recall(night, rows, customers)
        scaled = scale(night, customers, memory)
        candidates = sweep.map(unmapped(night), unmapped(scaled), scaled.ks).result()
        curve = score(night, scaled, candidates)
        evidence = weigh(night, scaled, candidates)
        choice = choose(night, curve, evidence, memory)
        fitted = fit(night, scaled, candidates, choice, memory)
        aligned = align(night, rows, customers, scaled, fitted, memory)
        verdict = check(night, rows, customers, scaled, choice, aligned, memory)
        reported = report(night, rows, customers, scaled, choice, aligned, memory, verdict)
        published = publish(night, rows, customers, scaled, choice, aligned, memory, verdict, reported)
        return gate(settle(night, rows, published))


def gate(published: Published) -> Published | State[Published]:
    """A held night ends in a state of that name, with its reasons; a published one simply completes."""
    if published.outcome == "held":
        return Completed(name="Held", message="; ".join(published.reasons), data=published)
    return published
