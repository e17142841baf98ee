"""Which column is the customer's id, decided by names and values and tried on every row.

What other columns are good for is in segmentation/proposing/roles.py.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from config.columns import Rows
from config.sources import Csv
from segmentation.proposing.column_names import rank_as_id
from segmentation.proposing.counting import ColumnProfile
from segmentation.proposing.drafting import list_names
from segmentation.proposing.rehearsing import Rehearsal, rehearse
from segmentation.proposing.roles import MOST_MISSING, is_number, is_time, is_unique, tell_distinct
from segmentation.proposing.sketches import MOST_IDS
from segmentation.proposing.surveying import Table

MUCH = 0.2  # of the rows: where that many contradict another row of their id, it is no id
LONGEST_ID = 64


class ChosenId(NamedTuple):
    """The column or none, its ending that is taken off, why, the policy, and the rehearsal with it."""

    column: str | None
    suffix: str | None
    why: str
    on_duplicate: str
    rehearsal: Rehearsal


def find_id(profiles: Mapping[str, ColumnProfile]) -> str | None:
    """The column that is most likely the customer's id; None if none is.

    A name decides before uniqueness does: in a table of orders the order's number is unique, and the
    customer's repeats. Without such a name, texts that never repeat are an id.
    """
    ranked = []
    for position, (name, profile) in enumerate(profiles.items()):
        if profile.kind not in ("text", "int") or not profile.present or is_time(profile):
            continue
        rank, unique = rank_as_id(name), is_unique(profile)
        is_text = profile.kind == "text" and not is_number(profile) and profile.longest <= LONGEST_ID
        has_gaps = profile.missing > MOST_MISSING * profile.rows
        if rank >= 2 or (unique and not has_gaps and (rank == 1 or is_text)):
            ranked.append((-rank, not unique, has_gaps, position, name))
    return min(ranked)[-1] if ranked else None


def find_suffix(profile: ColumnProfile) -> str | None:
    """The .0 of ids that a spreadsheet has written as 17850.0; None if few are."""
    return ".0" if profile.point_zeros >= 0.95 * profile.present > 0 else None


def settle_id(table: Table, asked: str | None, contract: dict[str, Any], csv: Csv) -> ChosenId:
    """Try the likely id, or the one asked for, on every row.

    Where rows of one id contradict each other in many rows, an id that was only likely is none.
    """
    column = asked or find_id(table.profiles)
    if column is None:
        why = tell_no_id(table.profiles)
        return ChosenId(None, None, why, "quarantine", _try_on(table, None, contract, csv))
    profile = table.profiles[column]
    suffix = find_suffix(profile)
    if suffix is not None and "id_suffix" not in Rows.model_fields and asked is None:
        why = (
            f"{list_names([column])} would be the id, but a spreadsheet has turned its values into decimal "
            "numbers: export it as text. Until then every row stands for itself."
        )
        return ChosenId(None, None, why, "quarantine", _try_on(table, None, contract, csv))
    rehearsal = _try_on(table, column, contract, csv)
    found = f"{list_names([column])} has {tell_distinct(profile)} in {profile.rows:,} rows"
    if rehearsal.conflicting <= MUCH * rehearsal.read:
        return ChosenId(column, suffix, _tell_repeats(column, found, rehearsal), "quarantine", rehearsal)
    many = f"{found}, and {rehearsal.conflicting:,} rows differ from another row of theirs."
    if asked is not None:
        why = f"{many} The last row is used; other choices are first, sum, mean and quarantine."
        return ChosenId(column, suffix, why, "last", rehearsal)
    why = (
        f"{many} So every row stands for itself. If it is the customer's id, name it here, and say in "
        "on_duplicate which row counts: first, last, or the sum or mean of all."
    )
    return ChosenId(None, None, why, "quarantine", _try_on(table, None, contract, csv))


def tell_no_id(profiles: Mapping[str, ColumnProfile]) -> str:
    """Why there is no id: no column looks like one, or the one that does holds decimal numbers."""
    decimal = [name for name, profile in profiles.items() if rank_as_id(name) > 1 and profile.kind == "float"]
    if decimal:
        return (
            f"{list_names(decimal)} would be the id, but holds floating-point numbers, in which long ids are "
            "rounded: write it as text or whole numbers. Until then every row stands for itself."
        )
    return "No column looks like a customer's id, so every row stands for itself. --id COLUMN names one."


def _try_on(table: Table, column: str | None, contract: dict[str, Any], csv: Csv) -> Rehearsal:
    suffix = find_suffix(table.profiles[column]) if column is not None else None
    given = {"id_suffix": suffix} if suffix is not None and "id_suffix" in Rows.model_fields else {}
    return rehearse(table.files, Rows.model_validate({"id": column, "columns": contract, **given}), csv)


def _tell_repeats(column: str, found: str, rehearsal: Rehearsal) -> str:
    if not rehearsal.agreement.repeated:
        sample = " of a sample" if len(rehearsal.agreement.ids) == MOST_IDS else ""
        return f"{list_names([column])} has another value in every row{sample}."
    return (
        f"{found}. Rows that repeat an id and agree count as one; rows that contradict each other are "
        "refused, all of them, unless on_duplicate says first, last, sum or mean."
    )
