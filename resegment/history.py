"""A ledger's row as a line that people read: what was run, how it ended, who moved.

The rows are segmentation/store/ledger.py's, the table editions.py's.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

COLUMNS = (
    "as of",
    "outcome",
    "edition",
    "k",
    "customers",
    "refused",
    "sizes",
    "moved",
    "joined/left",
    "model",
    "live",
    "why",
    "began (UTC)",
)


def tell_row(row: Mapping[str, Any], live: tuple[date, str] | None) -> tuple[str, ...]:
    """The row's cells, in the order of COLUMNS; empty where a run had not come so far."""
    counts: Mapping[str, Any] = row.get("rows") or {}
    churn: Mapping[str, int] = row.get("churn") or {}
    is_live = live is not None and (row.get("as_of"), row.get("edition")) == (str(live[0]), live[1])
    sizes: Mapping[str, int] = row.get("sizes") or {}
    return (
        row.get("as_of", ""),
        row.get("outcome", ""),
        row.get("edition") or "",
        str(row.get("k") or ""),
        f"{counts.get('customers', counts.get('used', 0)):,}" if counts else "",
        f"{counts.get('quarantined', 0):,}" if counts else "",
        " ".join(f"{name}:{size}" for name, size in sizes.items()),
        tell_moved(churn),
        f"+{churn['joined']:,} -{churn['left']:,}" if churn else "",
        row.get("how") or "",
        "live" if is_live else "",
        "; ".join(row.get("reasons") or ()),
        row.get("began", "")[:19].replace("T", " "),
    )


def tell_moved(churn: Mapping[str, int]) -> str:
    """`1.24% = 0.91% behaviour + 0.33% model`, of the customers of both nights; empty on a first night."""
    if not churn:
        return ""
    both = max(1, churn["stayed"] + churn["behaviour"] + churn["model"])
    behaviour, model = churn["behaviour"] / both, churn["model"] / both
    return f"{behaviour + model:.2%} = {behaviour:.2%} behaviour + {model:.2%} model"
