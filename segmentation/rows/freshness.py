"""How new the newest rows of a run are: by the events' times, else by the dates in the files' names.

Whether that holds the night is tasks/check.py's to say.
"""

from collections.abc import Sequence
from datetime import date, datetime

import pyarrow.compute as pc

from config.parameters import Segmentation
from schemas.records import Ingested, Part
from segmentation.parts import read_part
from segmentation.source import read_date


def find_newest(segmentation: Segmentation, rows: Ingested) -> date | None:
    """The day of the newest event, or of the newest dated file; None where nothing tells."""
    if segmentation.rows.time is not None:
        return newest_event(rows.parts, segmentation.rows.time)
    pattern = segmentation.source.date_in_name
    names = [one.name for one in rows.inputs] if pattern else []
    dates = [day for name in names if (day := read_date(name, str(pattern))) is not None]
    return max(dates, default=None)


def newest_event(parts: Sequence[Part], time: str) -> date | None:
    """The day, in the segmentation's zone, of the latest time in the parts."""
    found = [pc.max(read_part(part, [time])[time]).as_py() for part in parts]
    latest = max((one for one in found if one is not None), default=None)
    return latest.date() if isinstance(latest, datetime) else latest
