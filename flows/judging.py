"""How a night that breaks ties by the outcome gets a past edition judged first.

Which edition that is, is decided in segmentation/outcomes/tie_breaking.py. The stages are in validate.py.
"""

from flows.validate import validate_date
from schemas.night import Night
from segmentation.errors import DamagedFile, NoData, Refused
from segmentation.outcomes.tie_breaking import look_up_missing
from tasks.validate import INCOMPLETE, UNKNOWN


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
