"""The nightly flow. Its functions are a table of contents: the only place that states the order of stages.

What a stage does is in its file in tasks/. Scheduled runs after downtime are handled in catch_up.py.
"""

from prefect import flow, tags
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.catch_up import TAG, CatchUp, list_missed, reason_to_skip, skip_night
from flows.judging import judge_due_edition
from flows.night_runs import NIGHT_OPTIONS
from schemas.clustering import Scaled
from schemas.draft import EditionDraft
from schemas.identity import PreviousEdition
from schemas.look import Look
from schemas.night import Night, Published, Unpublished
from schemas.rows import Customers
from segmentation.k.evaluation import FAMILIES
from tasks.align import align
from tasks.check import check
from tasks.choose import choose
from tasks.evaluate import evaluate, join_evidence
from tasks.fit import fit
from tasks.ingest import ingest
from tasks.publish import finalise_run, publish
from tasks.report import report
from tasks.rescore import rescore
from tasks.runtime.parameters import AsOf
from tasks.runtime.session import close_without_data, confirm_published, night_session, open_night
from tasks.scale import scale
from tasks.summarise import summarise
from tasks.sweep import measure_inertia, sweep


@flow(**NIGHT_OPTIONS)
def resegment(
    definition: str,
    as_of: AsOf = None,
    source: str | None = None,
    store: str | None = None,
    force: bool = False,
    catch_up: CatchUp = "latest",
    accept_new_ids: bool = False,
) -> Published | State[Published] | State[Unpublished]:
    """Segment the customers as they stood on a date, and publish the result, all or nothing.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date the run speaks for (YYYY-MM-DD). Empty: the scheduled day in the definition's time zone.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder to publish in instead of the configured one.
        force: Build and publish again even if this very edition is already published.
        catch_up: What a scheduled run does after downtime. latest: only the newest of the overdue runs
            runs. all: it first runs every date since the last published one. none: a run that is more
            than six hours late is skipped.
        accept_new_ids: Publish with new segment ids if the previous edition is damaged beyond repair or has
            other features. For this one run; without it, such a run is refused and says what to do.
    """
    night = open_night(definition, as_of, source=source, store=store, force=force)
    night = night.model_copy(update={"accept_new_ids": accept_new_ids})
    if reason := reason_to_skip(as_of, catch_up):
        return as_state(skip_night(night, reason))
    for day in list_missed(night) if catch_up == "all" and as_of is None else ():
        with tags(TAG):
            # return_state: a missed date that fails must not keep tonight from running.
            resegment(
                definition,
                day,
                source,
                store,
                catch_up="none",
                accept_new_ids=accept_new_ids,
                return_state=True,
            )
    with night_session(night):
        return as_state(segment_customers(night))


def segment_customers(night: Night) -> Published | Unpublished:
    """The stages of a night. In the flow each is a Prefect task; tests and benchmarks call this directly."""
    judge_due_edition(night)
    ingested = ingest(night)
    if ingested.no_data:
        return close_without_data(night, ingested.no_data)
    if ingested.is_published:
        return confirm_published(night, ingested)
    customers = summarise(night, ingested)
    draft = draft_edition(night, customers)
    return publish_draft(night, draft)


def draft_edition(night: Night, customers: Customers) -> EditionDraft:
    """The stages from customers to segments with stable ids."""
    previous = rescore(night, customers)
    scaled = scale(night, customers, previous)
    look = look_at_k(night, scaled, previous)
    choice = choose(night, look, previous, customers.ingested.key.validation)
    fitted = fit(night, scaled, look, choice, previous)
    aligned = align(night, customers, scaled, fitted, previous)
    return EditionDraft(
        customers=customers,
        previous=previous,
        scaled=scaled,
        look=look,
        choice=choice,
        aligned=aligned,
    )


def look_at_k(night: Night, scaled: Scaled, previous: PreviousEdition) -> Look:
    """The stages that measure every k. Skipped while the evidence of the last look is carried on."""
    if previous.look is not None:
        for stage in (sweep, evaluate):
            stage.skip(night, previous.look_reason)
        return previous.look
    candidates = sweep.for_each(scaled.ks, night, scaled)
    curve = measure_inertia(night, scaled, candidates)
    families = evaluate.for_each(list(FAMILIES), night, scaled, candidates)
    evidence = join_evidence(scaled, families)
    return Look(as_of=night.as_of, candidates=tuple(candidates), curve=curve, evidence=evidence)


def publish_draft(night: Night, draft: EditionDraft) -> Published:
    """The stages from segments to an edition in the store."""
    verdict = check(night, draft)
    reported = report(night, draft, verdict)
    published = publish(night, draft, verdict, reported)
    return finalise_run(night, draft, published)


def as_state(
    record: Published | Unpublished,
) -> Published | State[Published] | State[Unpublished]:
    """The run's final state: Held, OtherCode, NoData and Skipped by name with the reason, else Completed."""
    # Named states, so that automations and people can tell them from an ordinary Completed.
    if isinstance(record, Unpublished):
        name = {"no-data": "NoData", "skipped": "Skipped"}[record.outcome]
        return Completed(name=name, message=record.message, data=record)
    if record.outcome == "held":
        return Completed(name="Held", message="; ".join((*record.reasons, *record.unrecorded)), data=record)
    if record.outcome == "published-by-other-code":
        return Completed(
            name="OtherCode", message="; ".join((*record.other_code, *record.unrecorded)), data=record
        )
    if record.unrecorded:
        return Completed(message=f"{record.outcome}, but {'; '.join(record.unrecorded)}", data=record)
    return record
