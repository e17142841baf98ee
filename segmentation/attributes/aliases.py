"""The table of merged ids: read, judged, and followed from id to id.

The ids of tonight's rows are replaced where they are read: segmentation/rows/judging/cast_batch.py. The
customers of the previous edition are in segmentation/identity/merged_customers.py.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from config.aliases import Aliases
from schemas.night import Night
from schemas.part import Part
from schemas.wording import choose_verb, format_count
from segmentation.attributes.side_tables import SideTable, judge_side_table, named_refusals
from segmentation.errors import Refused
from segmentation.parts import read_part, write_part
from segmentation.rows.casting.merged_ids import MergedIds, follow_merges
from segmentation.rows.judging.erased_rows import detect_erased
from segmentation.rows.judging.refusing import summarise_reasons
from segmentation.store.tombstones import Tombstones

MOST_ALIASES = 1_000_000  # they are in memory, 100 MB


def read_merged_ids(night: Night, tables: Sequence[SideTable], folder: Path) -> MergedIds | None:
    """The mergers that count on the night's date; None without a table of them."""
    aliases = night.definition.aliases
    for table in tables:
        if table.name == "aliases" and aliases is not None:
            with named_refusals(table.name):
                return read_aliases(table, aliases, night.as_of, folder / table.name)
    return None


def read_aliases(table: SideTable, aliases: Aliases, as_of: date, folder: Path) -> MergedIds:
    """The mergers that count on the date. Refused if rows are, if one id was merged twice, or in a circle.

    A merger that is left out would be a leaver and a joiner, so every row must be readable.
    """
    # Before the first merger there are no rows, nor after everyone in them was erased.
    rows = judge_side_table(table, folder, may_be_empty=True)
    if not rows.parts:
        return MergedIds(pa.array([], pa.string()), pa.array([], pa.string()))
    if rows.balance.quarantined:
        reasons = summarise_reasons(Counter(rows.balance.reasons))
        refused = format_count(rows.balance.quarantined, "row")
        verb = choose_verb(rows.balance.quarantined, "is", "are")
        raise Refused("aliases", f"{refused} {verb} refused: {reasons}; correct the table")
    if rows.balance.used > MOST_ALIASES:
        raise Refused("aliases", f"{rows.balance.used:,} rows; at most {MOST_ALIASES:,} are taken")
    frame = pd.concat([read_part(part).to_pandas() for part in rows.parts])
    pairs = pd.DataFrame({"old": frame["customer_id"], "new": frame[aliases.new_id]})
    if suffix := table.contract.rows.id_suffix:
        pairs["new"] = pairs["new"].str.removesuffix(suffix)
    pairs["since"] = 0
    if aliases.valid_from is not None:
        # As whole microseconds, of which a missing time is the smallest.
        pairs["since"] = frame[aliases.valid_from].astype("datetime64[us]").astype("int64")
        pairs = pairs[pairs["since"] <= np.datetime64(as_of, "us").astype("int64")]
    return choose_mergers(pairs)


def choose_mergers(pairs: pd.DataFrame) -> MergedIds:
    """Each old id with the id that stays, from `old`, `new` and `since`. The newest merger counts."""
    pairs = pairs[pairs["old"] != pairs["new"]].drop_duplicates()
    pairs = pairs[pairs["since"] == pairs.groupby("old")["since"].transform("max")]
    if repeated := int(pairs["old"].duplicated().sum()):
        ids, verb = format_count(repeated, "id"), choose_verb(repeated, "is", "are")
        raise Refused("aliases", f"{ids} {verb} merged into several others; keep one row of each")
    pairs = pairs.sort_values("old")
    codes, names = pd.factorize(pd.concat([pairs["old"], pairs["new"]]))
    places = follow_merges(codes[: len(pairs)], codes[len(pairs) :])
    if circles := int((places < 0).sum()):
        raise Refused("alias-cycle", f"{circles:,} ids are merged in a circle; remove the wrong row")
    new = names.to_numpy(object)[places] if len(pairs) else np.empty(0, object)
    return MergedIds(
        pa.array(pairs["old"], pa.string()), pa.array(new, pa.string()), pa.array(pairs["since"], pa.int64())
    )


def leave_out_merged(
    tables: Iterable[SideTable], merged: MergedIds | None, tombstones: Tombstones | None
) -> list[SideTable]:
    """The tables; attributes also without the rows of old ids whose customer was erased by the other id."""
    if merged is None or tombstones is None:
        return list(tables)
    return [_leave_out(table, merged, tombstones) for table in tables]


def _leave_out(table: SideTable, merged: MergedIds, tombstones: Tombstones) -> SideTable:
    if table.name != "attributes":
        return table
    # The rows keep their own ids, since the row of the id that stays counts before that of an old one.
    contract = table.contract._replace(merged=merged)
    erased = set(detect_erased(table.source.files, contract, tombstones))
    is_erased = pc.is_in(merged.new, value_set=pa.array(sorted(erased), pa.string()))
    erased.update(merged.old.filter(is_erased).to_pylist())
    return table._replace(contract=table.contract._replace(erased=frozenset(erased)))


def write_aliases(merged: MergedIds, erased: Collection[str], folder: Path) -> Part:
    """The mergers as a stage file: see load_merged_ids."""
    # Without an id that stays, the row of an erased customer in the previous edition is followed by no other.
    new = pc.if_else(pc.is_in(merged.new, value_set=pa.array(erased, pa.string())), None, merged.new)
    since = pa.nulls(len(new), pa.int64()) if merged.since is None else merged.since
    return write_part(folder / "aliases.parquet", pa.table({"old": merged.old, "new": new, "since": since}))
