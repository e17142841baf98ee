"""The text of a proposed definition: YAML with comments, every name and level from the table quoted.

What is proposed is decided in segmentation/proposing/definition.py; events are written in
segmentation/proposing/event_drafts.py.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from config.columns import Rows
from segmentation.proposing.dialects import SeenDialect
from segmentation.proposing.roles import Role

WIDTH = 110
MOST_FEATURES = 12
MOST_SHOWN = 20
_WIDE = 1 << 20


class Draft(NamedTuple):
    """A proposal for customer data: what was found, and what the definition says of it."""

    name: str
    table: str
    found: str  # such as "200 rows, 5 columns"
    dialect: SeenDialect
    null_values: tuple[str, ...]
    marked: int
    date_in_name: str | None
    id: str | None
    id_suffix: str | None
    id_why: str
    on_duplicate: str
    roles: Mapping[str, Role]
    unusable: Sequence[str]
    refused: Counter[str]
    refused_share: float
    max_quarantined: float


def write_draft(draft: Draft) -> str:
    """The whole definition of customer data."""
    lines = [
        *write_head(draft.name, draft.table, draft.found),
        *write_source(draft),
        *_write_rows(draft),
        *_write_features(draft.roles),
        *write_rest(draft),
    ]
    return "".join(f"{line}\n" for line in lines)


def quote(value: object) -> str:
    """A scalar as YAML that means just this value, on one line, wherever it stands.

    >>> print(quote("a: b # c"), quote("no"), quote(0.5), quote("x\\ny"))
    'a: b # c' 'no' 0.5 "x\\ny"
    """
    if not isinstance(value, str):
        return _dump(value)
    if value.isprintable() and not value.endswith(" ") and not value.startswith(" "):
        return _dump(value)
    return yaml.safe_dump(value, default_style='"', width=_WIDE).removesuffix("\n")


def _dump(value: object) -> str:
    # In a list of its own the value is quoted as inside of brackets, where more signs have a meaning.
    text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=_WIDE)
    return text.removesuffix("\n")[1:-1]


def write_contract(contract: Mapping[str, Any]) -> str:
    """A mapping on one line, such as {type: int, ge: 0}."""
    parts = []
    for key, value in contract.items():
        many = isinstance(value, list | tuple)
        parts.append(f"{key}: [{', '.join(map(quote, value))}]" if many else f"{key}: {quote(value)}")
    return "{" + ", ".join(parts) + "}"


def comment(text: str, indent: int = 0) -> list[str]:
    """A comment over as many lines as it needs. The text holds no value of the table."""
    start = " " * indent + "# "
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def write_head(name: str, table: str, found: str) -> list[str]:
    """Name, description and time zone."""
    shown = quote(table.rstrip("/").rpartition("/")[2])
    return [
        *comment(
            f"Proposed by 'resegment init' from {found}. A person reads it before it runs every night. "
            "Lines that begin with # explain, or are proposals switched off: remove the # to switch one on. "
            "All keys: docs/definition.md"
        ),
        f"name: {quote(name)}",
        f"description: {quote(f'Customers of {shown}.')}",
        "timezone: UTC  # where a date begins and ends, such as Europe/London",
    ]


def write_source(draft: Draft) -> list[str]:
    """Where rows come from, and how their files are written."""
    csv, notes = draft.dialect.csv, draft.dialect.notes
    lines = ["source:", f"  path: {quote(draft.table)}  # seen from the folder that the command is given in"]
    if draft.date_in_name:
        lines.append(f"  date_in_name: {quote(draft.date_in_name)}  # dated files: see docs/definition.md")
    declared = [f"    {key}: {quote(getattr(csv, key))}  # {note}" for key, note in notes.items()]
    if len(draft.null_values) > 1:
        markers = ", ".join(map(quote, draft.null_values))
        declared += comment(
            f"{draft.marked:,} fields in columns of numbers hold one of these marks, taken for 'no value'.", 4
        )
        declared.append(f"    null_values: [{markers}]")
    return [*lines, *(["  csv:"] if declared else []), *declared]


def _write_rows(draft: Draft) -> list[str]:
    lines = ["rows:", "  grain: customer", *comment(draft.id_why, 2), f"  id: {quote(draft.id)}"]
    if draft.id is not None:
        lines += write_suffix(draft.id_suffix)
        lines.append(f"  on_duplicate: {draft.on_duplicate}")
    return [*lines, *write_columns(draft.roles, draft.unusable)]


def write_suffix(suffix: str | None) -> list[str]:
    """The ending that is taken off every id, where definitions can say so."""
    if suffix is None or "id_suffix" not in Rows.model_fields:
        return []
    return [f"  id_suffix: {quote(suffix)}  # what a spreadsheet has put after every id, taken off"]


def write_columns(roles: Mapping[str, Role], unusable: Sequence[str]) -> list[str]:
    """The contract: a line for each column, those that are left out as comments."""
    lines = [
        "  columns:",
        *comment(
            "Ranges are the numbers found, doubled and rounded outwards to 1, 2 or 5 with zeros; a row "
            "outside of them is refused, so tighten what you know better.",
            4,
        ),
    ]
    for name, role in roles.items():
        entry = f"{quote(name)}: {write_contract(role.contract)}"
        why = f"  # {role.why}" if role.why else ""
        lines.append(f"    # {entry}{why}" if role.use == "left out" else f"    {entry}{why}")
    for what in unusable:
        lines += comment(what, 4)
    return lines


def _write_features(roles: Mapping[str, Role]) -> list[str]:
    features = choose_features(roles)
    more = [name for name, role in roles.items() if role.use == "feature" and name not in features]
    lines = ["features:", *(f"  - {quote(name)}" for name in features)]
    if more:
        lines += comment(f"The first {MOST_FEATURES}; {len(more):,} columns of numbers more:", 2)
        lines += [f"  # - {quote(name)}" for name in more]
    return lines


def choose_features(roles: Mapping[str, Role]) -> list[str]:
    """The columns that are clustered: the first MOST_FEATURES of those that can be."""
    return [name for name, role in roles.items() if role.use == "feature"][:MOST_FEATURES]


def write_rest(draft: Draft) -> list[str]:
    """Scaling, k, checks and seed."""
    lines = [
        "scaling: {default: auto}  # long tails by their logarithm, others by mean and deviation",
        "k:",
        "  min: 1",
        "  max: 12",
        "  rule: auto",
        "  smallest_share: 0  # 0.01 holds a night with a segment below 1 % of customers",
        "checks:",
    ]
    if draft.refused:
        told = tell_counts(draft.refused)
        lines += comment(f"{draft.refused_share:.2%} of the rows are refused as things stand: {told}.", 2)
    lines += [
        f"  max_quarantined: {quote(draft.max_quarantined)}  # a larger share of refused rows holds a night",
        "seed: 42",
    ]
    return lines


def tell_counts(reasons: Counter[str]) -> str:
    """The commonest reasons with their counts; names of columns are quoted by whoever counted."""
    told = [f"{count:,} {reason}" for reason, count in reasons.most_common(5)]
    others = len(reasons) - len(told)
    return ", ".join([*told, f"and {others} reasons more"] if others else told)


def list_names(names: Iterable[str]) -> str:
    """Names as they may stand in a comment: in ASCII, each on one line and cut, at most MOST_SHOWN."""
    shown = [yaml.safe_dump(name[:60], default_style='"', width=_WIDE).removesuffix("\n") for name in names]
    others = len(shown) - MOST_SHOWN
    return ", ".join(shown[:MOST_SHOWN]) + (f" and {others:,} more" if others > 0 else "")
