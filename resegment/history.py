"""The command `resegment history`: the ledger as a table, one row for each run or promotion.

The ledger itself is in segmentation/store/ledger.py.
"""

import json
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any

import typer

from resegment.arguments import resolve_home
from resegment.options import JsonOption, NameArgument, StoreOption
from resegment.terminal import print_note, print_table
from segmentation.errors import DamagedFile

history_app = typer.Typer()

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


@history_app.command("history", epilog="Example: resegment history article --store out")
def history_command(
    name: NameArgument,
    store: StoreOption = None,
    last: Annotated[int, typer.Option(min=0, metavar="N", help="Only the newest N rows; 0 for all.")] = 30,
    as_json: JsonOption = False,
) -> None:
    """List runs and promotions: outcome, k, sizes, who moved and why, and which edition is live."""
    from segmentation.store.files.small_files import advise_audit
    from segmentation.store.ledger import read_ledger
    from segmentation.store.pointer import read_live

    home = resolve_home(name, store)
    ledger = read_ledger(home)
    if ledger.unreadable:
        print_note(f"{len(ledger.unreadable)} rows cannot be read; {advise_audit(home)}")
    rows = [row for row in ledger.rows if not is_of_one_edition(row)]
    newest = rows[-last:] if last else rows
    if as_json:
        typer.echo(json.dumps(newest, indent=2))
        return
    try:
        live = read_live(home)
    except DamagedFile as error:
        live = None
        print_note(error.message)
    print_table(COLUMNS, [format_ledger_row(row, live) for row in newest])
    if len(newest) < len(rows):
        typer.echo(f"{len(rows) - len(newest)} earlier rows: --last 0 shows all")


def is_of_one_edition(row: Mapping[str, Any]) -> bool:
    """Is it what an erasure did to one edition? The row of the whole erasure says enough."""
    return row.get("outcome") in ("erased", "erasing") and bool(row.get("edition"))


def format_ledger_row(row: Mapping[str, Any], live: tuple[date, str] | None) -> tuple[str, ...]:
    """The row's cells, in the order of COLUMNS; empty where the run did not get that far."""
    counts: Mapping[str, Any] = row.get("rows") or {}
    churn: Mapping[str, int] = row.get("churn") or {}
    sizes: Mapping[str, int] = row.get("sizes") or {}
    is_live = live is not None and (row.get("as_of"), row.get("edition")) == (str(live[0]), live[1])
    return (
        row.get("as_of", ""),
        row.get("outcome", ""),
        row.get("edition") or "",
        str(row.get("k") or ""),
        f"{counts.get('customers', counts.get('used', 0)):,}" if counts else "",
        f"{counts.get('quarantined', 0):,}" if counts else "",
        " ".join(f"{segment}:{size}" for segment, size in sizes.items()),
        format_moved(churn),
        f"+{churn['joined']:,} -{churn['left']:,}" if churn else "",
        row.get("how") or "",
        "live" if is_live else "",
        "; ".join(row.get("reasons") or ()),
        row.get("began", "")[:19].replace("T", " "),
    )


def format_moved(churn: Mapping[str, int]) -> str:
    """`1.24% = 0.91% behaviour + 0.33% model`, of customers present on both nights; "" on a first night.

    >>> format_moved({"stayed": 98, "behaviour": 2, "model": 0})
    '2.00% = 2.00% behaviour + 0.00% model'
    """
    if not churn:
        return ""
    # On two nights without common customers nobody moved.
    customers = max(1, churn["stayed"] + churn["behaviour"] + churn["model"])
    behaviour, model = churn["behaviour"] / customers, churn["model"] / customers
    return f"{behaviour + model:.2%} = {behaviour:.2%} behaviour + {model:.2%} model"
