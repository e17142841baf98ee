"""Customers seen before the window, from the source's earlier events: on the first night with groups.

It is the night of the day on which the window begins, with a window that reaches back as far as the source
does. Whether it is needed is decided in previous.py; the source is opened in tasks/ingest.py.
"""

import hashlib
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from schemas.contract import FIRST_YEAR
from schemas.known_customers import KnownHistory
from schemas.night import Night
from schemas.rows import Digest, Ingested
from segmentation.canonical import to_json
from segmentation.groups.previous import detect_needed_history
from segmentation.partitions import write_parts
from segmentation.parts import create_empty_folder, rechunk
from segmentation.rows.judging.cast_batch import Contract
from segmentation.rows.judging.judged_source import judge_rows
from segmentation.rows.reading.opening import OpenedSource
from segmentation.rows.summarising.engine import open_engine, run_query
from segmentation.rows.summarising.kept_events import drop_contradictions, keep_one_per_key
from segmentation.rows.summarising.kept_rows import QuerySession, list_paths
from segmentation.rows.summarising.seen_days import seen_days_query

# The sample writes any day that is asked for, so it would begin in 2001.
_SAMPLE_DAYS = 365


class OpenedHistory(NamedTuple):
    """The earlier events' night, files and contract, the digest of them, and why they are read."""

    night: Night
    source: OpenedSource
    contract: Contract
    digests: tuple[Digest, ...]
    warnings: tuple[str, ...]


class HistoryNight(NamedTuple):
    """The night of the events before the window, and why they are read where a previous edition exists."""

    night: Night
    warnings: tuple[str, ...]


def make_history_night(night: Night) -> HistoryNight | None:
    """The night whose events are those before tonight's window. None if they are not needed."""
    definition = night.definition
    window, groups = definition.window(night.as_of), definition.groups
    needed = detect_needed_history(night)
    if needed is None or window is None or groups is None or definition.summary is None:
        return None
    end = window[0]
    start = date(FIRST_YEAR, 1, 1)
    if definition.source.sample is not None and night.source is None:
        start = end - timedelta(_SAMPLE_DAYS)
    start = max(groups.since or start, date(FIRST_YEAR, 1, 1))
    if start >= end:
        return None
    summary = definition.summary.model_copy(update={"window_days": (end - start).days})
    changes = {
        "run_id": f"{night.run_id}/history",  # its stage files are below tonight's
        "as_of": end,
        "definition": definition.model_copy(update={"summary": summary}),
    }
    warning = f"known customers are read from the source again: {needed.reason}"
    return HistoryNight(night.model_copy(update=changes), (warning,) if needed.reason else ())


def digest_history(night: Night, digests: Sequence[Digest]) -> Digest:
    """What identifies the earlier events: their digests and the days for which they were asked for."""
    content = hashlib.sha256(str(night.definition.window(night.as_of)).encode())
    for digest in digests:
        content.update(to_json(digest))
    return Digest(of="history", sha256=content.hexdigest())


def add_history(ingested: Ingested, opened: OpenedHistory) -> Ingested:
    """Tonight's record with the customers of the earlier events, and warnings about them."""
    history = read_history(opened, ingested)
    warnings = list(ingested.warnings)
    if not history.parts:
        warnings.append(
            f"groups: the source has no rows that count from before {opened.night.as_of}, where the window "
            "begins, so customers who lapsed earlier are unknown, and everyone was first seen after that day"
        )
    key = ingested.key
    key = key.model_copy(update={"store_warnings": (*key.store_warnings, *opened.warnings)})
    return ingested.model_copy(update={"history": history, "key": key, "warnings": tuple(warnings)})


def read_history(opened: OpenedHistory, ingested: Ingested) -> KnownHistory:
    """The customers of the earlier events that count, with their first and last day. ingested: tonight's."""
    night, contract = opened.night, opened.contract
    folder = create_empty_folder(night.staging / "ingest")
    inputs = tuple(file.input for file in opened.source.files)
    rows = judge_rows(opened.source.files, contract, folder)
    start = contract.window[0] if contract.window else night.as_of
    history = KnownHistory(start=start, refused=rows.balance.quarantined)
    if not rows.parts:
        return history
    judged = ingested.model_copy(
        update={"inputs": inputs, "parts": tuple(rows.parts), "replacing": tuple(rows.replacing)}
    )
    names = [None if file.numbered else file.name for file in inputs]
    with open_engine(night.staging, folder / "spill") as connection:
        session = QuerySession(connection, folder, names)
        # Rules of the whole table are about tonight's: a history may be far larger than they can take.
        good = keep_one_per_key(judged, night.definition, session)
        good = drop_contradictions(good.parts, night.definition, night.as_of, session)
        query = seen_days_query(night.definition.rows, list_paths(good.parts))
        days_folder = create_empty_folder(night.staging / "seen")
        parts = write_parts(days_folder, "seen", rechunk(run_query(connection, query)))
    shutil.rmtree(folder)  # years of rows, of which only the days were needed
    count = sum(part.rows for part in good.parts)
    return history.model_copy(update={"parts": parts, "rows": count})
