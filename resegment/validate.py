"""The command `resegment validate`: past editions judged by what became known about their customers.

The figures are computed in segmentation/outcomes/; the outcome is a clause of the definition.
"""

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from config.definition import Definition
from config.settings import Settings
from resegment.arguments import load_definition, parse_date, resolve_home
from resegment.campaign import CampaignOptions, print_effect, run_campaign
from resegment.flow_runs import connect_server, count_task_runs
from resegment.options import DefinitionArgument, JsonOption, SourceOption, StoreOption
from resegment.terminal import open_stderr, plain_failures, print_note, print_table, shorten_path
from schemas.wording import choose_verb, format_count
from segmentation.errors import Refused

if TYPE_CHECKING:
    from schemas.validation import Validated

validate_app = typer.Typer()


@validate_app.command(
    "validate",
    epilog="Examples: resegment validate shop --since 2026-01-01; "
    "resegment validate shop --as-of 2026-01-31 --segment S04 --holdout 10% --salt spring",
)
def validate_command(
    name_or_path: DefinitionArgument,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of", metavar="DATE", help="An edition's date. Default: the newest whose horizon is over."
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="DATE", help="Every published date from this one on whose horizon is over."
        ),
    ] = None,
    segments: Annotated[
        list[str] | None,
        typer.Option("--segment", metavar="ID|NAME", help="With --holdout: as for 'resegment export'."),
    ] = None,
    entered_since: Annotated[
        str | None, typer.Option(metavar="DAYS|DATE", help="With --holdout: as for 'resegment export'.")
    ] = None,
    min_margin: Annotated[
        float | None, typer.Option(min=0, max=1, help="With --holdout: as for 'resegment export'.")
    ] = None,
    holdout: Annotated[
        str | None,
        typer.Option(metavar="SHARE", help="Measure a campaign: the share that its list left out."),
    ] = None,
    salt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="With --holdout: the salt of the export.")
    ] = None,
    source: SourceOption = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge segments by the definition's outcome: what customers did after an edition's date.

    With --holdout, measure a campaign: the outcome of customers on its list, compared with those held out.
    """
    definition, settings = load_definition(name_or_path)
    from segmentation.outcomes.outcome_night import get_outcome

    outcome = get_outcome(definition)
    options = CampaignOptions(tuple(segments or ()), entered_since, min_margin, holdout, salt)
    if options.check(as_of, since):
        parameters = {"source": source, "store": store or settings.store}
        effect = run_campaign(definition, parameters, str(as_of), options, settings)
        typer.echo(effect.model_dump_json(indent=2)) if as_json else print_effect(effect)
        return
    if as_of is not None and since is not None:
        raise Refused("since", "--as-of and --since exclude each other")
    dates: list[date | None] = [parse_date(as_of) if as_of else None]
    if since is not None:
        latest = datetime.now(UTC).date() - timedelta(days=outcome.days or 0)
        dates = list(
            list_complete_dates(definition.name, store or settings.store, parse_date(since, "since"), latest)
        )
    console = open_stderr()
    with plain_failures(console):
        parameters = {"source": source, "store": store or settings.store}
        runs = run_validations(definition, parameters, dates, settings, console)
    if as_json:
        records = [run.validation.model_dump_json(indent=2) for run in runs]
        typer.echo(records[0] if since is None else f"[{','.join(records)}]")
        return
    for run in runs:
        print_validation(run)


def list_complete_dates(name: str, store: str, first: date, last: date) -> list[date]:
    """Published dates of a range whose horizon has ended. Refused without any."""
    from segmentation.store.dates import published_dates

    dates = [day for day in published_dates(resolve_home(name, store)) if first <= day <= last]
    if not dates:
        raise Refused(
            "since", f"{name} has no published date from {first} to {last}, when horizons have ended"
        )
    return dates


def run_validations(
    definition: Definition,
    parameters: dict[str, Any],
    dates: list[date | None],
    settings: Settings,
    console: Console,
) -> "list[Validated]":
    """Run the flow for each date in this process. Of several dates, incomplete ones are named and skipped."""
    server = connect_server(settings, console)
    from flows.validate import validate
    from tasks.validate import INCOMPLETE

    runs = []
    for day in dates:
        try:
            record = server.run(
                validate,
                {"definition": definition.name, "as_of": day, **parameters},
                count_task_runs(validate),
            )
        except Refused as error:
            if error.code != INCOMPLETE or len(dates) == 1:
                raise
            print_note(error.message)
            continue
        runs.append(cast("Validated", record))
    if not runs:
        raise Refused(INCOMPLETE, "none of these dates has a complete outcome")
    return runs


def print_validation(run: "Validated") -> None:
    """The verdicts, a row for each segment and measure, and other ways to group customers."""
    from segmentation.outcomes.verdict_tables import describe_divisions, list_segment_rows, list_skill_rows

    validation = run.validation
    typer.echo(
        f"Validated: {validation.name} as of {validation.as_of}, edition {validation.edition}, "
        f"by what was known on {validation.until}"
    )
    for measure in validation.measures:
        typer.echo(f"{measure.measure}: {measure.sentence}")
    header, rows = list_segment_rows(validation)
    print_table(header, rows, right=range(3, len(header)))
    header, rows = list_skill_rows(validation)
    print_table(header, rows, right=range(2, len(header)))
    for line in describe_divisions(validation):
        typer.echo(line)
    if validation.unknown:
        typer.echo(
            f"{validation.unknown:,} of {format_count(validation.drawn, 'customer')} "
            f"{choose_verb(validation.unknown, 'has no outcome and is', 'have no outcome and are')} left out"
        )
    for warning in run.warnings:
        print_note(warning)
    typer.echo(f"Table: {shorten_path(run.table_path)}")
    typer.echo(f"JSON:  {shorten_path(run.json_path)}")
