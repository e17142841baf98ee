"""The command `resegment erase`: remove customers from everything that holds their rows.

The work is in segmentation/erasing/. It needs no Prefect server.
"""

import getpass
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.settings import read_settings
from resegment.arguments import resolve_home
from resegment.options import JsonOption, NameArgument, StoreOption
from resegment.terminal import open_stderr
from schemas.wording import format_count
from segmentation.errors import Refused
from segmentation.store.files.objects import is_object_url

if TYPE_CHECKING:
    from schemas.erasure import ErasureSummary

erase_app = typer.Typer()

OWN_COPIES = (
    "The source, backups, copied tables, results of 'resegment score' and old versions of objects in a "
    "bucket are yours to erase: docs/erasing.md"
)


@erase_app.command(
    "erase",
    epilog="Example: resegment erase article --ids-from request.txt --reason 'request 4711' --dry-run",
)
def erase_command(
    name: NameArgument,
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Customer ids. None: everyone erased so far, once more."),
    ] = None,
    ids_from: Annotated[
        str | None,
        typer.Option("--ids-from", metavar="FILE", help="A file of ids, one per line; - for standard input."),
    ] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")] = "",
    user: Annotated[
        str | None,
        typer.Option("--who", "--by", metavar="WHO", help="Your name, for the record. Default: your login."),
    ] = None,
    is_dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say how many rows of which editions would go.")
    ] = False,
    is_confirmed: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Erase customers: remove their rows from every edition, and leave them out of later nights.

    It cannot be undone. A salted hash of each id is kept, so that nobody comes
    back with the next night. Ids in a file stay out of the shell's history.
    If it is killed, run it again, with or without ids.
    """
    from segmentation.erasing.erasure import erase_customers, plan_erasure
    from segmentation.erasing.requests import make_request

    home, console = resolve_home(name, store), open_stderr()
    texts = [*(ids or ()), *(read_id_lines(ids_from) if ids_from else ())]
    work = locate_work(name, store or read_settings().store)
    request = make_request(home, texts, user or getpass.getuser(), reason, work)

    def progress(line: str) -> None:
        console.print(line, markup=False, highlight=False)

    if is_dry_run:
        print_summary(plan_erasure(home, request, progress), as_json)
        return
    if not is_confirmed:
        plan = plan_erasure(home, request, progress)
        for line in format_summary(plan):
            progress(line)
        confirm(plan)
    print_summary(erase_customers(home, request, progress), as_json)


def read_id_lines(path: str) -> list[str]:
    """The ids in a file, or from standard input, one per line. Refused without any."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Refused("ids-from", f"{path} is not UTF-8 text; expected one id per line") from None
    except OSError as error:
        raise Refused("ids-from", f"{path} cannot be read ({error.strerror})") from None
    ids = [line for line in text.splitlines() if line.strip()]
    if not ids:
        raise Refused("ids-from", f"{path} has no ids; expected one per line")
    return ids


def locate_work(name: str, store: str) -> Path:
    """The folder where runs on this machine keep the stage files of a segmentation."""
    if not is_object_url(store):
        return Path(store) / name
    # Not at the top: it imports Prefect, which takes seconds.
    from tasks.runtime.session import working_folder

    return working_folder(store, read_settings().state) / name


def confirm(plan: "ErasureSummary") -> None:
    """Ask on a terminal; anywhere else refuse to erase without --yes."""
    if not sys.stdin.isatty():
        raise Refused("confirm", "nothing was erased: give --yes to erase without being asked")
    if not typer.confirm(f"Erase {format_count(plan.rows, 'row')} for good?", err=True):
        raise Refused("confirm", "nothing was erased")


def print_summary(summary: "ErasureSummary", as_json: bool) -> None:
    """What was erased, or would be."""
    for line in [summary.model_dump_json(indent=2)] if as_json else format_summary(summary):
        typer.echo(line)


def format_summary(summary: "ErasureSummary") -> Iterable[str]:
    """A line for each edition, the totals, and what is left to do."""
    for edition in summary.editions:
        files = ", ".join(f"{count:,} of {file}" for file, count in edition.rows.items())
        yield f"  {edition.as_of}  {edition.edition}  {files}"
    verb = "Erased" if summary.outcome == "erased" else "Would erase"
    customers = "everyone erased so far" if summary.ids is None else format_count(summary.ids, "id")
    count = "" if summary.ids_found is None else f" ({summary.ids_found:,} found)"
    editions = format_count(len(summary.editions), "edition")
    tables = format_count(len(summary.tables), "published table")
    yield f"{verb}: {format_count(summary.rows, 'row')} of {customers}{count}, in {editions} and {tables}"
    if summary.stage_folders:
        yield f"  stage files of {format_count(summary.stage_folders, 'ended run')} are removed, too"
    yield from (f"  note: {note}" for note in summary.notes)
    yield f"  {OWN_COPIES}"
