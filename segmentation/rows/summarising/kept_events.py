"""The events that count: one row of each key, and no order whose lines contradict each other.

Which rows these are is decided by queries, in key_queries.py and aggregation.py. Every dropped row is
counted as merged, or quarantined with its reason.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from config.definition import Definition
from schemas.night import Night
from schemas.part import Part
from schemas.rows import Ingested
from segmentation.errors import Refused
from segmentation.partitions import write_parts
from segmentation.parts import rechunk, write_part
from segmentation.rows.judging.refusing import refuse_rows
from segmentation.rows.summarising.aggregation import Aggregation
from segmentation.rows.summarising.engine import run_query
from segmentation.rows.summarising.kept_rows import KeptRows, QuerySession, list_paths
from segmentation.rows.summarising.key_queries import KeyQueries, remaining_query
from segmentation.rows.summarising.table_rules import apply_table_rules, make_table_rules

CONFLICT = "conflicting rows of one key"


def keep_events(rows: Ingested, night: Night, session: QuerySession) -> KeptRows:
    """One event of each key, that breaks no rule of the table, without orders that contradict themselves."""
    definition = night.definition
    by_key = keep_one_per_key(rows, definition, session)
    by_rules = apply_table_rules(by_key.parts, make_table_rules(night), session).after(by_key)
    return drop_contradictions(by_rules.parts, definition, night.as_of, session).after(by_rules)


def keep_one_per_key(rows: Ingested, definition: Definition, session: QuerySession) -> KeptRows:
    """One event of each key, by the definition's policy; all events if it declares no key."""
    parts = rows.parts
    if definition.rows.key is None:
        return KeptRows(parts)
    connection, folder, names = session
    queries = KeyQueries(definition.rows, parts, list_paths(rows.replacing))
    repeated = write_parts(folder, "repeated", rechunk(run_query(connection, queries.repeated_query())))
    # Most nights end here: the other queries read more than the key.
    if not repeated:
        return KeptRows(parts)
    query = queries.dropped_query(list_paths(repeated))
    dropped = write_parts(folder, "dropped", rechunk(run_query(connection, query)))
    if not dropped:
        return KeptRows(parts)
    tables = run_query(connection, queries.conflicting_query(list_paths(dropped), CONFLICT))
    quarantine = write_parts(
        folder, "conflicting", (refuse_rows(table, None, names) for table in tables if table.num_rows)
    )
    conflicts = sum(part.rows for part in quarantine)
    # These rows have this reason only, so it is their first one and all of them.
    reasons = +Counter({CONFLICT: conflicts})
    merged = sum(part.rows for part in dropped) - conflicts
    return KeptRows(_write_remaining(parts, dropped, session, "kept"), quarantine, reasons, reasons, merged)


def drop_contradictions(
    parts: tuple[Part, ...], definition: Definition, as_of: date, session: QuerySession
) -> KeptRows:
    """The events without those of orders that have several values where one is to count once per order."""
    query = Aggregation(definition, as_of, parts).contradictions_query()
    if query is None:
        return KeptRows(parts)
    reasons, mentions = Counter[str](), Counter[str]()
    places: list[Part] = []
    quarantine: list[Part] = []
    for number, table in enumerate(run_query(session.connection, query)):
        if table.num_rows == 0:
            continue
        reasons.update(table["reason"].to_pylist())
        mentions.update(reason for text in table["reasons"].to_pylist() for reason in text.split("; "))
        refused = refuse_rows(table, None, session.names)
        quarantine.append(write_part(session.folder / f"contradicting-{number:05d}.parquet", refused))
        rows = table.select(["source_file", "source_row"])
        places.append(write_part(session.folder / f"contradicting-rows-{number:05d}.parquet", rows))
    if not places:
        return KeptRows(parts)
    return KeptRows(
        _write_remaining(parts, places, session, "agreeing"), tuple(quarantine), reasons, mentions
    )


def _write_remaining(
    parts: Sequence[Part], dropped: Sequence[Part], session: QuerySession, stem: str
) -> tuple[Part, ...]:
    """The events that were not dropped, as parts. Refused if all were."""
    query = remaining_query(parts, list_paths(dropped))
    remaining = write_parts(session.folder, stem, rechunk(run_query(session.connection, query)))
    if not remaining:
        raise Refused("no-customers", "every event contradicts another row of its key or order, or is merged")
    return remaining
