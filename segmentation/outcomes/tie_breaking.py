"""Which earlier edition's outcome breaks ties between several k, the same at night and in a backfill.

It follows from the date and from what is published, never from whether a person has validated. What scores do
with ties is in segmentation/k/ties.py; the stages that judge an edition are in flows/.
"""

from datetime import date, timedelta

from config.outcome import Outcome
from schemas.manifest import EditionRef
from schemas.night import Night
from schemas.validation import Validation
from segmentation.errors import DamagedFile
from segmentation.outcomes.outcome_night import list_measures
from segmentation.store.catalogue.published import readable_edition
from segmentation.store.dates import published_dates
from segmentation.store.edition.manifests import try_read_manifest
from segmentation.store.layout import edition_folder, get_home
from segmentation.store.validations import choose_validation, list_validated_dates, read_validation


def compute_due_date(outcome: Outcome, as_of: date) -> date:
    """The last Monday whose horizon is over by `as_of`: an edition is judged once a week, not every night.

    >>> compute_due_date(Outcome(days=28), date(2026, 2, 1))
    datetime.date(2025, 12, 29)
    """
    # Without days an outcome is known at once, but never by the edition's own night.
    newest = as_of - timedelta(days=max(outcome.days or 0, 1))
    return newest - timedelta(days=newest.weekday())


def choose_night_validation(night: Night) -> Validation | None:
    """The validation that tonight's edition uses and shows."""
    outcome = night.definition.outcome
    if outcome is None or not outcome.breaks_ties:
        return choose_validation(night)
    kept, validation = _read_kept(night)
    return validation if kept else _look_up(night, outcome)


def look_up_missing(night: Night) -> EditionRef | None:
    """The edition that has to be judged before tonight's k is chosen; None if it is, or if none is due."""
    outcome = night.definition.outcome
    if outcome is None or not outcome.breaks_ties or _read_kept(night)[0]:
        return None
    return None if _look_up(night, outcome) else _look_up_due(night, outcome)


def _read_kept(night: Night) -> tuple[bool, Validation | None]:
    """Is the date published with this outcome, and with which validation? It keeps that one, or none."""
    home = get_home(night)
    published = readable_edition(home, night.as_of)
    manifest = try_read_manifest(edition_folder(home, night.as_of, published)) if published else None
    content = night.definition.decisive_content().get("outcome")
    if manifest is None or manifest.definition.get("outcome") != content:
        return False, None
    return True, manifest.validation


def _look_up_due(night: Night, outcome: Outcome) -> EditionRef | None:
    """The newest edition whose outcome is due."""
    home, due = get_home(night), compute_due_date(outcome, night.as_of)
    for day in reversed(published_dates(home)):
        edition = readable_edition(home, day) if day <= due else None
        if edition is not None:
            return EditionRef(day, edition)
    return None


def _look_up(night: Night, outcome: Outcome) -> Validation | None:
    """The stored validation of the edition that is due, even if that edition was removed since."""
    home, due = get_home(night), compute_due_date(outcome, night.as_of)
    day = max((day for day in list_validated_dates(home) if day <= due), default=None)
    try:
        validation = None if day is None else read_validation(home, day)
    except DamagedFile:
        return None  # judged again
    if validation is None or not _is_of(validation, night, outcome):
        return None
    ref = _look_up_due(night, outcome)
    is_newest = ref is None or ref.as_of < validation.as_of or ref == (validation.as_of, validation.edition)
    return validation if is_newest else None


def _is_of(validation: Validation, night: Night, outcome: Outcome) -> bool:
    """Was it judged by tonight's outcome?"""
    measures = [measure.measure for measure in validation.measures]
    return validation.days == (outcome.days or 0) and measures == list_measures(night.definition)
