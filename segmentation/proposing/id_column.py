"""Choosing the customer's id by names and values, and trying it on every row.

The roles of other columns are decided in segmentation/proposing/roles.py.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from config.columns import Rows
from config.sources import Csv
from segmentation.proposing.column_names import (
    infer_order_part,
    is_email_name,
    is_person,
    is_person_name,
    is_time_name,
    is_unique_person,
    rank_as_id,
)
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.drafting import quote_names
from segmentation.proposing.not_amounts import MOST_MISSING
from segmentation.proposing.rehearsing import Rehearsal, rehearse
from segmentation.proposing.roles import describe_distinct, is_number, is_unique
from segmentation.proposing.sketches import MOST_IDS
from segmentation.proposing.surveying import SurveyedTable
from segmentation.proposing.time_readings import NEARLY_ALL
from segmentation.proposing.unreadable_times import describe_unreadable_times
from segmentation.rows.casting.text_columns import Dialect

MOST_CONFLICTING = 0.2  # of the rows; with more rows that contradict another of their id, it is not an id
LONGEST_ID = 64
LARGEST_EXACT = 2**53  # of whole numbers as floats
LEAST_REPEATED = 1.01  # rows per id; in many shops nearly everyone orders only once


class IdChoice(NamedTuple):
    """The id column, if any, with the suffix to remove, the reason, the policy, and the rehearsal.

    `doubt` is empty if the choice is plain.
    """

    column: str | None
    suffix: str | None
    reason: str
    on_duplicate: str
    rehearsal: Rehearsal
    doubt: str = ""


def infer_id(table: SurveyedTable) -> str | None:
    """The column that is most likely the customer's id, or None.

    Names count more than uniqueness: in a table of orders the order number is unique, and the
    customer's id repeats. Without a telling name, a text column that never repeats is the id.
    """
    ranking = []
    has_times = bool(table.times) or describe_unreadable_times(table) is not None
    for position, (name, profile) in enumerate(table.profiles.items()):
        if not _may_be_id(name, profile) or name in table.times:
            continue
        rank, unique = _rank(name, profile, has_times), is_unique(profile)
        is_text = profile.kind == "text" and not is_number(profile) and profile.longest <= LONGEST_ID
        has_gaps = profile.missing + profile.placeholders.total() > MOST_MISSING * profile.rows
        if rank >= 2 or (unique and not has_gaps and (rank >= 1 or is_text)):
            # Best first: a complete column that says customer, one with gaps, any id; then by rank,
            # uniqueness, completeness, and the order of columns.
            group = 2 if rank <= 2 else int(has_gaps)
            ranking.append((group, -rank, not unique, has_gaps, position, name))
    return min(ranking)[-1] if ranking else None


def _may_be_id(name: str, profile: ColumnProfile) -> bool:
    """Are these texts or whole numbers that neither times nor orders are named for?"""
    if not profile.present or (is_time_name(name) and not rank_as_id(name)):
        return False  # times that cannot be read differ in every row, too
    if profile.kind == "float":
        # As pandas writes whole numbers next to a missing one.
        return profile.whole == profile.numbers and profile.high < LARGEST_EXACT and rank_as_id(name) > 1
    return profile.kind in ("text", "int") and infer_order_part(name) != "order"


def _rank(name: str, profile: ColumnProfile, has_times: bool) -> float:
    """How likely the column is the customer's id: 3 by its name, 2 to 2.5 by its values too, or less."""
    repeats = profile.distinct.rows_per_value >= LEAST_REPEATED
    if is_email_name(name) or profile.emails >= NEARLY_ALL * profile.present:
        # In a table of customers an e-mail address is a detail; in a table of orders it says who ordered.
        return 2.5 if repeats and has_times else 1.0
    rank = rank_as_id(name)
    if is_unique_person(name):
        return 3.5
    if is_person(name):
        is_flag = profile.levels is not None and not is_unique(profile)
        return 0.0 if is_flag else 2.2 if repeats and has_times else 2.0
    if is_person_name(name):
        return 2.1 if repeats and has_times else 0.0
    # A bare id that does not repeat numbers the rows, if there is somebody who does.
    return rank


def infer_suffix(profile: ColumnProfile) -> str | None:
    """The `.0` of ids that a spreadsheet wrote as 17850.0. None unless nearly all ids have it."""
    return ".0" if profile.point_zeros >= 0.95 * profile.present > 0 else None


def choose_id(table: SurveyedTable, requested: str | None, contract: dict[str, Any], csv: Csv) -> IdChoice:
    """Try the likely id, or the requested one, on every row.

    A likely id is rejected if many of its rows contradict each other.
    """
    column = requested or infer_id(table)
    if column is None:
        reason = explain_missing_id(table.profiles)
        doubt = "which column is the customer's id: none looks like it (--id COLUMN names one)"
        return IdChoice(None, None, reason, "quarantine", _try_id(table, None, contract, csv), doubt)
    profile = table.profiles[column]
    rehearsal = _try_id(table, column, contract, csv)
    summary = f"{quote_names([column])} has {describe_distinct(profile)} in {profile.rows:,} rows"
    suffix = infer_suffix(profile)
    if rehearsal.conflicting <= MOST_CONFLICTING * rehearsal.rows_read:
        reason = _describe_repeats(column, summary, rehearsal)
        return IdChoice(column, suffix, reason, "quarantine", rehearsal)
    summary += f", and {rehearsal.conflicting:,} rows differ from another row with the same value."
    if requested is not None:
        reason = f"{summary} The last row is used. Alternatives: first, sum, mean and quarantine."
        return IdChoice(column, suffix, reason, "last", rehearsal, "which of a customer's rows counts")
    reason = (
        f"{summary} So every row counts as a customer. If it is the customer's id, name it here, and choose "
        "with on_duplicate which row counts: first, last, or the sum or mean of all."
    )
    doubt = (
        f"whether {quote_names([column])} is the customer's id: its rows differ and no column has their "
        "time, so every row is a customer unless you say --id"
    )
    return IdChoice(None, None, reason, "quarantine", _try_id(table, None, contract, csv), doubt)


def explain_missing_id(profiles: Mapping[str, ColumnProfile]) -> str:
    """Why the id is null: no column looks like one, or the one that does holds decimal numbers."""
    decimal = [name for name, profile in profiles.items() if rank_as_id(name) > 1 and profile.kind == "float"]
    if decimal:
        return (
            f"{quote_names(decimal)} looks like the id, but floating-point numbers round long ids. "
            "Write it as text or whole numbers. Until then every row counts as a customer."
        )
    return (
        "No column looks like a customer's id, so every row counts as a customer. Name one with --id COLUMN."
    )


def _try_id(table: SurveyedTable, column: str | None, contract: dict[str, Any], csv: Csv) -> Rehearsal:
    suffix = infer_suffix(table.profiles[column]) if column is not None else None
    rows = Rows.model_validate({"id": column, "columns": contract, "id_suffix": suffix})
    return rehearse(table.files, rows, Dialect(csv))


def _describe_repeats(column: str, summary: str, rehearsal: Rehearsal) -> str:
    if not rehearsal.agreement.repeated:
        scope = "every row of a sample" if len(rehearsal.agreement.ids) == MOST_IDS else "every row"
        return f"{quote_names([column])} has a different value in {scope}."
    return (
        f"{summary}. Equal rows with the same id count once. If they differ, all of them are refused, "
        "unless on_duplicate is first, last, sum or mean."
    )
