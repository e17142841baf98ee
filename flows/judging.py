"""The stages that judge a past edition by its outcome, in the flow `validate` and in nights that break ties.

Which edition a night judges is decided in segmentation/outcomes/tie_breaking.py.
"""

from schemas.night import Night
from schemas.validation import Validated
from segmentation.errors import DamagedFile, NoData, Refused
from segmentation.outcomes.outcome_night import make_outcome_night
from segmentation.outcomes.tie_breaking import look_up_missing
from tasks.ingest import ingest
from tasks.summarise import summarise
from tasks.validate import INCOMPLETE, UNKNOWN, validate_edition


def validate_date(night: Night, edition: str) -> Validated:
    """The stages of a validation: the outcome's rows become customers, and judge the edition."""
    outcome_night = make_outcome_night(night)
    ingested = ingest(outcome_night)
    customers = summarise(outcome_night, ingested)
    return validate_edition(night, edition, customers)


def judge_due_edition(night: Night) -> None:
    """Judge the edition whose outcome breaks tonight's ties, once a week, before tonight's rows are read.

    So the night does not depend on whether a person has run `resegment validate`. It reads nothing without
    outcome.breaks_ties, or if the edition is judged already.
    """
    ref = look_up_missing(night)
    if ref is None:
        return
    try:
        validate_date(night.model_copy(update={"as_of": ref.as_of}), ref.edition)
    except (DamagedFile, NoData):
        return  # the reasons for k say that nothing is judged, audit what is damaged
    except Refused as error:
        if error.code not in (INCOMPLETE, UNKNOWN):
            raise
