"""The command `resegment sample`: write the samples out, as files to look at, to change and to run on.

The samples themselves are in segmentation/samples/catalogue.py and segmentation/samples/orders.py, which are
imported only when they are needed.
"""

import re
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, get_args

import typer
from rich.console import Console
from rich.progress import Progress

from segmentation.errors import Refused

if TYPE_CHECKING:
    from segmentation.samples.orders import Shop

samples = typer.Typer(
    help="Write the samples out: the article's data, simulated customers, or their orders day by day.",
    epilog="Example: resegment sample orders --start 2025-01-01 --nights 400 -o orders",
    no_args_is_help=True,
)
SECONDS_BETWEEN_LINES = 10
Form = Literal["csv", "parquet"]

Output = Annotated[
    Path, typer.Option("-o", "--output", metavar="FILE", help="The .csv file to write.", show_default=False)
]
Customers = Annotated[
    int, typer.Option(min=1, max=1_000_000_000, metavar="N", help="How many customers.", show_default=True)
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, metavar="N", help="Other seeds, other customers.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]


@samples.command(epilog="Example: resegment sample article -o article.csv")
def article(output: Output, force: Force = False) -> None:
    """Write the 24,000 rows of the article on k-means segmentation."""
    _write_table("article", output, (None, 0), force)


@samples.command(epilog="Example: resegment sample shop --customers 100000 -o shop.csv")
def shop(output: Output, customers: Customers = 20_000, seed: Seed = 42, force: Force = False) -> None:
    """Write one row for each customer of a simulated shop."""
    _write_table("shop", output, (customers, seed), force)


@samples.command(epilog="Example: resegment sample people --customers 100000 -o people.csv")
def people(output: Output, customers: Customers = 20_000, seed: Seed = 42, force: Force = False) -> None:
    """Write one row for each of simulated people: where they live, who they are, what they do."""
    _write_table("people", output, (customers, seed), force)


@samples.command(epilog="Example: resegment sample orders --start 2025-01-01 --nights 400 -o orders")
def orders(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="The folder to write to.")],
    start: Annotated[str, typer.Option(metavar="DATE", help="The first day.")],
    nights: Annotated[int, typer.Option(min=1, max=36_525, metavar="N", help="How many days.")] = 400,
    customers: Customers = 5000,
    seed: Seed = 42,
    form: Annotated[Form, typer.Option("--format", help="How the files are written.")] = "csv",
    truth: Annotated[
        bool, typer.Option("--truth/--no-truth", help="Write who the customers are, in FOLDER/truth.")
    ] = True,
    force: Force = False,
) -> None:
    """Write the order lines of a simulated shop, a file for each day.

    Public holidays and a day in sixty have no file. One line in a thousand
    is damaged. What is sent back has an order_id that begins with R and a
    quantity below 0. Any day's file is the same however many are made.
    """
    days = _list_days(start, nights)
    _start_folder(output, force)
    from segmentation.samples.orders import Shop

    writer = _Writer(output, Shop(customers, seed), form, truth)
    try:
        size = [written for day in _with_progress(days) if (written := writer.write(day)) is not None]
    except OSError as error:
        raise Refused("output", f"{output} cannot be written: {error.strerror}") from None
    beside = f", the truth in {writer.truths}" if truth else ""
    megabytes = sum(size) / 1e6
    typer.echo(f"Written: {len(size)} files of {nights} days, {megabytes:,.1f} MB, to {output}{beside}")
    typer.echo(f"Next:    resegment run orders --source {output} --as-of {days[-1] + timedelta(days=1)}")


class _Writer(NamedTuple):
    """Where the files of days go, and how they are written."""

    folder: Path
    shop: "Shop"
    form: Form
    has_truth: bool

    @property
    def truths(self) -> Path:
        """The folder of the truth, which is no table of orders."""
        return self.folder / "truth"

    def write(self, day: date) -> int | None:
        """Write a day's files; the bytes of its orders, None without any. What was there of it goes."""
        from segmentation.samples.orders import write_day, write_truth

        path = write_day(self.folder, day, self.shop, self.form)
        for form in get_args(Form):
            old = self.folder / f"orders-{day}.{form}"
            if old != path:
                old.unlink(missing_ok=True)
        if self.has_truth:
            self.truths.mkdir(exist_ok=True)
            write_truth(self.truths, day, self.shop)
        return path.stat().st_size if path else None


def _list_days(start: str, nights: int) -> list[date]:
    """The days asked for. Refused if start is no date, or the sample has no such days."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", start):
        raise Refused("start", f"{start[:40]!r} is not a date; expected YYYY-MM-DD, such as 2025-01-01")
    try:
        first = date.fromisoformat(start)
        last = first + timedelta(days=nights)
    except (ValueError, OverflowError) as error:
        raise Refused("start", f"{start} and {nights} days: {error}") from None
    from segmentation.samples.orders import list_days

    return list_days(first, last)


def _start_folder(folder: Path, force: bool) -> None:
    """Make the folder. Refused if something is in it already, unless forced."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_used = any(folder.iterdir())
    except OSError as error:
        raise Refused("output", f"{folder} cannot be a folder of order files: {error.strerror}") from None
    if is_used and not force:
        raise Refused(
            "output-exists",
            f"{folder} is not empty; give -o another folder, or --force to add and replace files",
        )


def _with_progress(days: Sequence[date]) -> Iterator[date]:
    """The days, with a bar on a terminal, elsewhere a line now and then."""
    console = Console(stderr=True, soft_wrap=True)
    told = time.monotonic()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("days", total=len(days))
        for number, day in enumerate(days):
            yield day
            bar.update(task, advance=1, description=str(day))
            if not console.is_terminal and time.monotonic() - told > SECONDS_BETWEEN_LINES:
                told = time.monotonic()
                console.print(f"{number + 1} of {len(days)} days", highlight=False)


def _write_table(name: str, output: Path, size: tuple[int | None, int], force: bool) -> None:
    """Write a sample of one row per customer; the file has its name only when it is whole."""
    if output.suffix != ".csv":
        raise Refused("output", f"{output.name[:60]!r}: expected a name that ends in .csv")
    if output.exists() and not force:
        raise Refused("output-exists", f"{output} is there already; give -o another name, or --force")
    from config.sources import Source
    from segmentation.samples.catalogue import write_sample

    customers, seed = size
    source = Source.model_validate({"sample": name, "customers": customers})
    try:
        with tempfile.TemporaryDirectory(dir=output.parent) as folder:
            write_sample(source, seed, Path(folder)).replace(output)
    except OSError as error:
        raise Refused("output", f"{output} cannot be written: {error.strerror}") from None
    typer.echo(f"Written: {output}, {output.stat().st_size / 1e6:,.1f} MB")
    typer.echo(f"Next:    resegment run {_definition(name)} --source {output}")


def _definition(name: str) -> str:
    """A shipped definition that reads the sample."""
    return "geographic" if name == "people" else name
