"""The command `resegment customer`: one customer's path over the nights.

Reading it is in segmentation/identity/customer_path.py. It needs no Prefect server.
"""

import json
import re
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from resegment.arguments import parse_date, resolve_home
from resegment.options import JsonOption, NameArgument, StoreOption
from resegment.terminal import print_note, print_table
from schemas.wording import format_count
from segmentation.errors import Refused
from segmentation.store.files.objects import AnyPath

if TYPE_CHECKING:
    from segmentation.identity.customer_path import CustomerPath, Stop

customer_app = typer.Typer()

_LONG_FRACTION = re.compile(r"-?\d+\.\d{3,}")
COLUMNS = ("as of", "segment", "name", "margin", "change", "moved by")


@customer_app.command(
    "customer",
    epilog="Examples: resegment customer shop 17850; resegment customer shop 17850 --since 2011-11-01 --json",
)
def customer_command(
    name: NameArgument,
    customer_id: Annotated[
        str, typer.Argument(metavar="ID", help="The id, as in segments.parquet or in the source.")
    ],
    since: Annotated[
        str | None, typer.Option(metavar="DATE", help="Leave out earlier dates. Default: all dates.")
    ] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which segment a customer was in on each date, and what moved them from one to another."""
    home = resolve_home(name, store)
    path = trace_either(home, customer_id, parse_date(since, "since") if since else None)
    if as_json:
        typer.echo(json.dumps(to_document(path), indent=2, ensure_ascii=False))
        return
    print_table(COLUMNS, [format_stop(stop) for stop in path.stops], right=(3,))
    if path.damaged:
        count = format_count(path.damaged, "date")
        print_note(
            f"{count} left out, since the tables are damaged: 'resegment audit {name}' says what to do"
        )
    if path.pruned:
        print_note(f"{format_count(path.pruned, 'date')} left out, since their editions were pruned")


def trace_either(home: AnyPath, text: str, since: date | None) -> "CustomerPath":
    """The path of the id, else of the one that the definition reads from this text: 17850 from 17850.0.

    Refused if no edition has the customer, or if they were erased.
    """
    from segmentation.erasing.requests import read_source_ids
    from segmentation.identity.customer_path import trace_customer

    try:
        return trace_customer(home, text, since)
    except Refused as error:
        ids = read_source_ids(home, {text}) - {text} if error.code == "customer" else set()
        if not ids:
            raise
    return trace_customer(home, min(ids), since)


def to_document(path: "CustomerPath") -> dict[str, Any]:
    """The path for scripts. The segment is null where the customer is in none."""
    nights = [
        {"as_of": str(stop.as_of), "edition": stop.edition, "segment_id": None, **stop.state}
        for stop in path.stops
    ]
    return {"nights": nights, "damaged": path.damaged, "pruned": path.pruned}


def format_stop(stop: "Stop") -> tuple[str, ...]:
    """The stop's cells, in the order of COLUMNS."""
    state = stop.state
    if not state:
        return (str(stop.as_of), "", "in no segment", "", "", "")
    margin = state.get("margin")
    return (
        str(stop.as_of),
        state["segment_id"],
        state.get("segment_name") or "",
        "" if margin is None else f"{margin:.2f}",
        _format_change(state),
        describe_move(state),
    )


def _format_change(state: dict[str, Any]) -> str:
    is_move = state.get("change") == "moved"
    return f"moved from {state['previous_segment_id']}" if is_move else state.get("change") or ""


def describe_move(state: dict[str, Any]) -> str:
    """What carried the customer over the border.

    >>> describe_move({"cause": "behaviour", "moved_by": "orders", "before": "3", "after": "5"})
    'orders 3 → 5'
    >>> describe_move({"cause": "model", "moved_by": "(border)"})
    'the new model moved the border'
    """
    if state.get("cause") == "model":
        return "the new model moved the border"
    changes = []
    for suffix in ("", "_2"):
        if feature := state.get(f"moved_by{suffix}"):
            values = [shorten_value(state.get(f"{name}{suffix}")) for name in ("before", "after")]
            changes.append(f"{feature} {' → '.join(values)}")
    return ", ".join(changes)


def shorten_value(value: str | None) -> str:
    """A value of a night's table, a sum of cents without the digits that binary fractions add.

    >>> [shorten_value(text) for text in ("197.26000000000002", "1.5", "0.001234567", "007", None)]
    ['197.26', '1.5', '0.001235', '007', 'missing']
    """
    if value is None:
        return "missing"
    return (
        f"{float(value):.{max(4, len(value.split('.')[0]) + 2)}g}"
        if _LONG_FRACTION.fullmatch(value)
        else value
    )
