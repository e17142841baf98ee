"""Which columns a proposal keeps as a profile: levels that take no part in distances, such as a country.

Features are chosen in selection.py. A profile column must never refuse a row, so its levels are not listed,
and a later file may lack it.
"""

from collections.abc import Collection, Mapping
from typing import Any

from config.columns import RESERVED_COLUMNS
from config.sources import Csv
from segmentation.proposing.column_names import is_person_name, is_private_name, rank_as_id
from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.id_column import IdChoice, choose_id, infer_id
from segmentation.proposing.limits import list_declared
from segmentation.proposing.roles import Role, is_number
from segmentation.proposing.surveying import SurveyedTable

MOST_PROFILED = 20
MOST_DISTINCT = 200  # different values; beyond, most levels would be pooled
LEAST_ROWS_PER_LEVEL = 20
LONGEST_LEVEL = 100
_CONTRACT: dict[str, Any] = {"nullable": True, "absent": "null"}
_REASON = "describes customers, see profile below"


def choose_profile(
    profiles: Mapping[str, ColumnProfile], roles: Mapping[str, Role], used_names: Collection[str] = ()
) -> dict[str, Role]:
    """The columns to declare for the profile. used_names: those of features, which a column cannot share."""
    declared = {}
    for name, role in roles.items():
        is_free = name not in used_names and name not in RESERVED_COLUMNS and role.use == "left out"
        if (
            is_free
            and role.contract["type"] != "timestamp"
            and describes_customers(name, profiles[name], role)
        ):
            kind = "bool" if profiles[name].kind == "bool" else "category"
            declared[name] = Role("declared", {"type": kind, **_CONTRACT}, _REASON)
    return dict(list(declared.items())[:MOST_PROFILED])


def describes_customers(name: str, profile: ColumnProfile, role: Role) -> bool:
    """Does the column hold levels that many rows share, and that identify nobody?"""
    is_personal = rank_as_id(name) or is_private_name(name) or is_person_name(name) or profile.emails
    is_code = role.contract["type"] == "int" and "isin" in role.contract
    if is_personal or (is_number(profile) and not is_code):
        return False
    values = profile.distinct.values
    is_shared = 2 <= values <= MOST_DISTINCT and values * LEAST_ROWS_PER_LEVEL <= profile.rows
    return is_shared and profile.kind in ("text", "bool", "int") and profile.longest <= LONGEST_LEVEL


def choose_id_and_profile(
    table: SurveyedTable, requested_id: str | None, roles: Mapping[str, Role], csv: Csv
) -> tuple[IdChoice, dict[str, Role]]:
    """The id, tried on every row, and the profile; none if it makes rows of one customer differ."""
    profile = choose_profile(table.profiles, roles)
    if profile:
        choice = choose_id(table, requested_id, list_declared({**roles, **profile}), csv)
        if is_harmless(choice, requested_id or infer_id(table), profile):
            return choice, profile
    return choose_id(table, requested_id, list_declared(roles), csv), {}


def is_harmless(choice: IdChoice, guess: str | None, profile: Collection[str]) -> bool:
    """Is the id still the likely one, and does no row differ or get refused because of the profile?

    Otherwise rows of one customer may differ in these columns alone.
    """
    is_refusing = any(
        reason.startswith(f"{name}: ") for reason in choice.rehearsal.refused for name in profile
    )
    return choice.column == guess and not choice.rehearsal.conflicting and not is_refusing
