"""What a proposed definition tolerates: marks for missing values, and the share of refused rows.

The rows that are refused are counted in segmentation/proposing/rehearsing.py.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from segmentation.proposing.column_profile import ColumnProfile
from segmentation.proposing.roles import Role

LEAST_LIMIT = 0.05
MOST_GAPS = 0.1  # of the rows may lack a feature and be refused; beyond, gaps are filled


class Margins(NamedTuple):
    """Days before and after those in a file's name that the file may also hold."""

    before: int = 0
    after: int = 0


class NullValues(NamedTuple):
    """The texts that mean "missing", and how many fields have one of them that is not empty."""

    texts: tuple[str, ...]
    fields: int


def list_declared(roles: Mapping[str, Role]) -> dict[str, Any]:
    """The contracts of the columns that the definition declares."""
    return {name: role.contract for name, role in roles.items() if role.use != "left out"}


def list_null_values(profiles: Mapping[str, ColumnProfile], roles: Mapping[str, Role]) -> NullValues:
    """The texts that mean "missing" in the declared columns that are not text."""
    marks = Counter[str]()
    for name, role in roles.items():
        if role.use != "left out" and role.contract["type"] != "text":
            marks += profiles[name].marks
    return NullValues(("", *sorted(marks)), marks.total())


def fill_gaps(roles: Mapping[str, Role], refused: Counter[str], rows: int) -> dict[str, Role]:
    """The features whose gaps refuse many rows together, filled by their median. Empty if they refuse few."""
    gaps = {name: refused[f"{name}: missing"] for name, role in roles.items() if role.use == "feature"}
    if sum(gaps.values()) <= MOST_GAPS * rows:
        return {}
    fill = {"nullable": True, "fill": {"by": "median"}}
    return {
        name: roles[name]._replace(contract={**roles[name].contract, **fill})
        for name, count in gaps.items()
        if count and roles[name].contract["type"] in ("int", "float")
    }


def round_limit(share: float) -> float:
    """checks.max_quarantined: the refused share, rounded up to the next multiple of 0.05.

    >>> round_limit(0.0), round_limit(0.123), round_limit(0.25)
    (0.05, 0.15, 0.25)
    """
    return max(LEAST_LIMIT, min(1.0, math.ceil(round(share * 20, 9)) / 20))
