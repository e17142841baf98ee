"""How fresh a run's rows are, by the times of events or by the dates in file names.

Whether stale rows hold the night is decided in tasks/check.py.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import pyarrow.compute as pc

from config.definition import Definition
from schemas.part import Part
from schemas.rows import Ingested
from segmentation.parts import read_part
from segmentation.sources.dated_names import span_in_name


def infer_newest_day(definition: Definition, rows: Ingested, as_of: date) -> date | None:
    """The day of the newest event, or the last day of the newest dated file. None if there is neither.

    The file of a month that is not over counts as complete up to as_of: its name cannot say more.
    """
    if definition.rows.time is not None:
        return compute_newest_event_day(rows.parts, definition.rows.time)
    pattern = definition.source.date_in_name
    names = [file.name for file in rows.inputs] if pattern else []
    spans = [span for name in names if (span := span_in_name(name, str(pattern))) is not None]
    return max((min(as_of, span.end - timedelta(1)) for span in spans), default=None)


def compute_newest_event_day(parts: Sequence[Part], time: str) -> date | None:
    """The day of the latest event, in the definition's time zone."""
    maxima = [pc.max(read_part(part, [time])[time]).as_py() for part in parts]
    latest = max((stamp for stamp in maxima if stamp is not None), default=None)
    return latest.date() if isinstance(latest, datetime) else latest
