"""The records of runs that read no row: their date is published already, or their source has no data.

Whether other code published it is decided in other_code.py, what a run reads otherwise in tasks/ingest.py.
"""

from schemas.night import Night
from schemas.rows import Digest, EditionKey, Ingested, Input, RowBalance
from segmentation.store.catalogue.other_code import detect_other_code
from segmentation.store.catalogue.published import is_intact
from segmentation.store.layout import get_home


def report_nothing_read(
    key: EditionKey, inputs: tuple[Input, ...], digests: tuple[Digest, ...], no_data: str | None = None
) -> Ingested:
    """The record of a run that reads nothing: the date is published already, or the source has no data."""
    return Ingested(
        key=key,
        inputs=inputs,
        digests=digests,
        is_published=no_data is None,
        balance=RowBalance(),
        parts=(),
        quarantine=(),
        warnings=(),
        no_data=no_data,
    )


def report_published(
    night: Night,
    key: EditionKey,
    inputs: tuple[Input, ...],
    digests: tuple[Digest, ...],
    tombstones: str | None,
) -> Ingested | None:
    """The record of a run whose date is published already, by this code or by another; else None."""
    if night.force:
        return None
    if is_intact(get_home(night), night.as_of, key.edition):
        return report_nothing_read(key, inputs, digests)
    # New code does not replace what was published by older code: a person may force it (decision 29).
    other_code = detect_other_code(night, key, digests, tombstones)
    if not other_code or key.replaces is None:
        return None
    record = report_nothing_read(key.model_copy(update={"edition": key.replaces}), inputs, digests)
    return record.model_copy(update={"other_code": tuple(other_code)})
