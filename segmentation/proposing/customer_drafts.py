"""The text of a proposed definition for customer data, that is, one row per customer.

The parts that it shares with events are written in drafting.py. What is proposed is decided in proposal.py.
"""

from segmentation.proposing.drafting import (
    Draft,
    comment,
    quote_yaml,
    write_columns,
    write_head,
    write_profile,
    write_settings,
    write_source,
    write_suffix,
)
from segmentation.proposing.value_draft import write_value


def write_draft(draft: Draft) -> str:
    """The whole definition for customer data."""
    lines = [
        *write_head(draft),
        *write_source(draft),
        *_write_rows(draft),
        *_write_features(draft),
        *write_profile(draft),
        *write_value(draft),
        *write_settings(draft),
    ]
    return "".join(f"{line}\n" for line in lines)


def _write_rows(draft: Draft) -> list[str]:
    lines = ["rows:", "  grain: customer", *comment(draft.id_reason, 2), f"  id: {quote_yaml(draft.id)}"]
    if draft.id is not None:
        lines += write_suffix(draft.id_suffix)
        lines.append(f"  on_duplicate: {draft.on_duplicate}")
    return [*lines, *write_columns(draft)]


def _write_features(draft: Draft) -> list[str]:
    lines = ["features:", *(f"  - {quote_yaml(name)}" for name in draft.features)]
    if draft.spare:
        lines += comment("Left out, although these could be features:", 2)
        lines += [f"  # - {quote_yaml(name)}  # {reason}" for name, reason in draft.spare.items()]
    return lines
