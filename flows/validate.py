"""The flow `validate`: a past edition judged by what became known about its customers. It publishes nothing.

What a stage does is in its file in tasks/.
"""

from datetime import UTC, datetime

from prefect import flow

from flows.night_runs import NIGHT_OPTIONS
from schemas.manifest import EditionRef
from schemas.night import Night
from schemas.validation import Validated
from schemas.wording import format_count
from segmentation.errors import NoData, Refused
from segmentation.outcomes.outcome_night import get_outcome, make_outcome_night
from tasks.ingest import ingest
from tasks.runtime.parameters import AsOf
from tasks.runtime.session import close_run, night_session, open_night
from tasks.summarise import summarise
from tasks.validate import INCOMPLETE, list_complete_editions, validate_edition


@flow(**NIGHT_OPTIONS)
def validate(
    definition: str,
    as_of: AsOf = None,
    source: str | None = None,
    store: str | None = None,
) -> Validated:
    """Judge the segments of a past edition by the outcome that its definition names.

    Args:
        definition: Name of the segmentation, such as article.
        as_of: Date of the edition (YYYY-MM-DD). Empty: the newest date whose horizon is complete.
        source: File, folder or glob to read instead of the definition's source.
        store: Folder of the store instead of the configured one.
    """
    night = open_night(definition, as_of, source=source, store=store, force=True)
    candidates = list_complete_editions(night, night.definition.today(datetime.now(UTC)))
    if as_of is not None:
        candidates = [ref for ref in candidates if ref.as_of == as_of]
    if not candidates:
        days = get_outcome(night.definition).days or 0
        raise Refused(
            INCOMPLETE,
            f"no published edition{f' of {as_of}' if as_of else ''} has a horizon that is over; expected "
            f"one of at least {format_count(days, 'day')} ago. See 'resegment history {definition}'",
        )
    return validate_newest(night, candidates)


def validate_newest(night: Night, candidates: list[EditionRef]) -> Validated:
    """Validate the first of these editions whose outcome is complete."""
    problem = Refused(INCOMPLETE, "no date has a complete outcome")
    earliest_tried = None
    for ref in candidates:
        # A quarter of a horizon earlier each time: the source may have ended long ago.
        step = (get_outcome(night.definition).days or 0) // 4
        if earliest_tried is not None and (earliest_tried - ref.as_of).days < step:
            continue
        earliest_tried = ref.as_of
        dated = night.model_copy(update={"as_of": ref.as_of})
        with night_session(dated):
            try:
                validated = validate_date(dated, ref.edition)
            except Refused as error:
                if error.code != INCOMPLETE and not isinstance(error, NoData):
                    raise
                problem = problem if earliest_tried != candidates[0].as_of else error
                close_run(dated, "validated", {"reasons": [error.message]})
                continue
            close_run(dated, "validated", {"edition": ref.edition, "reasons": [validated.validation.verdict]})
            return validated
    raise problem


def validate_date(night: Night, edition: str) -> Validated:
    """The stages of a validation: the outcome's rows become customers, and judge the edition."""
    outcome_night = make_outcome_night(night)
    ingested = ingest(outcome_night)
    customers = summarise(outcome_night, ingested)
    return validate_edition(night, edition, customers)
