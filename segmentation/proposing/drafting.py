"""The text of a proposed definition: YAML with comments. Names and levels from the table are quoted.

What is proposed is decided in segmentation/proposing/proposal.py. Whole definitions are put together in
customer_drafts.py and event_drafts.py.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import yaml

from config.clauses import CheckLimits
from config.columns import COLUMN_PATTERN
from segmentation.proposing.dialects import DetectedDialect
from segmentation.proposing.k_draft import SegmentRange, write_k
from segmentation.proposing.limits import Margins
from segmentation.proposing.roles import Role

WIDTH = 110
MOST_SHOWN = 20
_WIDE = 1 << 20


class Draft(NamedTuple):
    """Everything a proposed definition is written from."""

    name: str
    table: str
    table_size: str  # such as "200 rows of 5 columns"
    dialect: DetectedDialect
    timezone: str
    timezone_reason: str
    null_values: tuple[str, ...]
    marked_missing: int
    date_in_name: str | None
    margins: Margins
    id: str | None
    id_suffix: str | None
    id_reason: str
    on_duplicate: str
    roles: Mapping[str, Role]
    header: Sequence[str]
    unusable: Sequence[str]
    features: Sequence[str]
    spare: Mapping[str, str]  # features that are not proposed, with the reason
    doubts: Sequence[str]
    refused: Counter[str]
    refused_share: float
    max_quarantined: float
    day_limit: float | None  # None: no limit lets every day pass
    segments: SegmentRange | None
    profile: Sequence[str] = ()


def quote_yaml(value: object) -> str:
    """A scalar as YAML on one line that reads back as exactly this value in any context.

    >>> print(quote_yaml("a: b # c"), quote_yaml("no"), quote_yaml(0.5), quote_yaml("x\\ny"))
    'a: b # c' 'no' 0.5 "x\\ny"
    """
    if not isinstance(value, str):
        return _dump(value)
    if value.isprintable() and not value.endswith(" ") and not value.startswith(" "):
        return _dump(value)
    return yaml.safe_dump(value, default_style='"', width=_WIDE).removesuffix("\n")


def _dump(value: object) -> str:
    # Dumped inside a list, the value is quoted as between brackets, where more characters are special.
    text = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=_WIDE)
    return text.removesuffix("\n")[1:-1]


def write_contract(contract: Mapping[str, Any]) -> str:
    """A mapping on one line, such as {type: int, ge: 0}."""
    return "{" + ", ".join(f"{key}: {_write_value(value)}" for key, value in contract.items()) + "}"


def _write_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(quote_yaml, value))}]"
    return quote_yaml(value)


def comment(text: str, indent: int = 0) -> list[str]:
    """A comment, wrapped to WIDTH. The text must not contain values of the table."""
    start = " " * indent + "# "
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def write_head(draft: Draft) -> list[str]:
    """Name, description and time zone."""
    doubts = "; ".join(filter(None, draft.doubts))
    table = quote_yaml(draft.table.rstrip("/").rpartition("/")[2])
    return [
        *comment(
            f"Proposed by 'resegment init' from {draft.table_size}. Read it before it runs every night. "
            "Comments explain each choice; some are alternatives: remove the # to switch one on. "
            "All keys are described in docs/definition.md."
        ),
        *comment(f"Not sure: {doubts}." if doubts else ""),
        f"name: {quote_yaml(draft.name)}",
        f"description: {quote_yaml(f'Customers of {table}.')}",
        f"timezone: {draft.timezone}  # {draft.timezone_reason}",
    ]


def write_source(draft: Draft) -> list[str]:
    """Where rows come from, and how their files are written."""
    csv, notes = draft.dialect.csv, draft.dialect.notes
    lines = [
        "source:",
        f"  path: {quote_yaml(draft.table)}  # relative to the folder where you run the command",
    ]
    if draft.date_in_name:
        pattern = quote_yaml(draft.date_in_name)
        lines.append(f"  date_in_name: {pattern}  # the files are dated: see docs/definition.md")
        days = {"days_before": draft.margins.before, "days_after": draft.margins.after}
        note = "files also hold rows of neighbouring days"
        lines += [f"  {key}: {count}  # {note}" for key, count in days.items() if count]
    declared = [f"    {key}: {_write_value(getattr(csv, key))}  # {note}" for key, note in notes.items()]
    if len(draft.null_values) > 1:
        marks = ", ".join(map(quote_yaml, draft.null_values))
        count = f"{draft.marked_missing:,} fields"
        declared += comment(f"{count} of declared columns hold one of these marks for a missing value.", 4)
        declared.append(f"    null_values: [{marks}]")
    return [*lines, *(["  csv:"] if declared else []), *declared]


def write_suffix(suffix: str | None) -> list[str]:
    """The suffix to remove from every id."""
    if suffix is None:
        return []
    return [f"  id_suffix: {quote_yaml(suffix)}  # added to every id by a spreadsheet, removed when read"]


def write_columns(draft: Draft) -> list[str]:
    """The contract: one line per column. Columns that are left out are comments, and under ignore."""
    lines = [
        "  columns:",
        *comment(
            "Ranges are the values in the table, doubled and rounded outwards to 1, 2 or 5 times a power of "
            "ten. Rows outside are refused, so tighten the ranges you know better.",
            4,
        ),
    ]
    for name, role in draft.roles.items():
        entry = f"{quote_yaml(name)}: {write_contract(role.contract)}"
        reason = f"  # {role.reason}" if role.reason else ""
        lines.append(f"    # {entry}{reason}" if role.use == "left out" else f"    {entry}{reason}")
    for note in draft.unusable:
        lines += comment(note, 4)
    return [*lines, *_write_ignored(draft)]


def _write_ignored(draft: Draft) -> list[str]:
    """The columns that are left out, so that no night warns of them."""
    used = {name for name, role in draft.roles.items() if role.use != "left out"} | {draft.id}
    # Row numbers often have no name.
    names = [name for name in dict.fromkeys(draft.header) if not name or COLUMN_PATTERN.match(name)]
    names = [name for name in names if name not in used]
    if not names:
        return []
    return [
        "  ignore:  # left out on purpose; a column that you declare above leaves this list",
        *(f"    - {quote_yaml(name)}" for name in names),
    ]


def write_profile(draft: Draft) -> list[str]:
    """The columns that describe customers beside the features."""
    if not draft.profile:
        return []
    note = "take no part in distances; shares by segment are in levels.parquet and the report"
    return [f"profile:  # {note}", *(f"  - {quote_yaml(name)}" for name in draft.profile)]


def write_settings(draft: Draft) -> list[str]:
    """Scaling, k, checks and seed."""
    lines = [
        "scaling: {default: auto}  # skewed columns by their logarithm, others by mean and deviation",
        *write_k(draft.segments),
        "checks:",
    ]
    if draft.refused:
        reasons = summarise_refusals(draft.refused)
        lines += comment(f"{draft.refused_share:.2%} of the rows are refused at present: {reasons}.", 2)
    limit = quote_yaml(draft.max_quarantined)
    lines += [
        f"  max_quarantined: {limit}  # a night with a larger share of refused rows is held",
        *_write_day_limit(draft.day_limit),
        "seed: 42",
    ]
    return lines


def _write_day_limit(limit: float | None) -> list[str]:
    """What to declare so that the table's worst day does not hold the night."""
    if limit is None:
        return ["  advisory: [refused-days]  # hardly a row of some days is used, which only warns"]
    if limit == CheckLimits().max_quarantined_day:
        return []
    return [f"  max_quarantined_day: {limit}  # most rows of some days are refused at present"]


def summarise_refusals(reasons: Counter[str]) -> str:
    """The five most common reasons with their counts."""
    texts = [f"{count:,} {reason}" for reason, count in reasons.most_common(5)]
    remaining = len(reasons) - len(texts)
    return ", ".join([*texts, f"and {remaining} more reasons"] if remaining else texts)


def quote_names(names: Iterable[str]) -> str:
    """Names as they may appear in a comment: printable, on one line, cut, and at most MOST_SHOWN of them."""
    quoted = [
        yaml.safe_dump(name[:60], default_style='"', width=_WIDE, allow_unicode=name.isprintable()).strip()
        for name in names
    ]
    remaining = len(quoted) - MOST_SHOWN
    return ", ".join(quoted[:MOST_SHOWN]) + (f" and {remaining:,} more" if remaining > 0 else "")
