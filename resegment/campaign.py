"""`resegment validate --holdout`: what a campaign did to the customers on its list.

Lists are written by export.py, whose options say who was on one. The figures are computed in
segmentation/outcomes/campaign_effect.py.
"""

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import typer

from config.definition import Definition
from config.settings import Settings
from resegment.arguments import locate_edition, resolve_home
from resegment.export import parse_share, parse_since, resolve_segments
from resegment.flow_runs import connect_server, count_task_runs
from resegment.segments import list_plain_names
from resegment.terminal import open_stderr, plain_failures, print_table
from schemas.wording import choose_verb, format_count
from segmentation.errors import Refused

if TYPE_CHECKING:
    from schemas.campaign import CampaignEffect, MeasuredEffect

HEADER = ("measure", "on the list", "customers", "held out", "customers", "difference", "95 %")


class CampaignOptions(NamedTuple):
    """The options of the export that wrote the list, as typed."""

    segments: tuple[str, ...]
    entered_since: str | None
    min_margin: float | None
    holdout: str | None
    salt: str | None

    def check(self, as_of: str | None, since: str | None) -> bool:
        """Is a campaign to be measured? Refused if an option is missing for that."""
        if not any(value is not None and value != () for value in self):
            return False
        if self.holdout is None:
            raise Refused(
                "holdout", "give --holdout and --salt as for 'resegment export': they say who was held out"
            )
        if as_of is None or since is not None:
            raise Refused(
                "as-of", "give --as-of DATE: the date of the edition that the list was exported from"
            )
        return True


def run_campaign(
    definition: Definition,
    parameters: dict[str, Any],
    as_of: str,
    options: CampaignOptions,
    settings: Settings,
) -> "CampaignEffect":
    """Resolve the options in the edition that is published for the date, and run the flow."""
    from schemas.campaign import Campaign
    from segmentation.exporting.hashing import make_holdout
    from segmentation.exporting.selection import OF_GROUPS, resolve_baseline

    home = resolve_home(definition.name, parameters["store"])
    day, folder = locate_edition(home, as_of, None)
    table, segment_ids = resolve_segments(list_plain_names(home, folder), folder, options.segments)
    since = options.entered_since
    holdout = make_holdout(parse_share(options.holdout or ""), options.salt or definition.name)
    campaign = Campaign(
        segment_ids=segment_ids,
        is_of_groups=table == OF_GROUPS,
        since=resolve_baseline(home, parse_since(since, day), table) if since else None,
        min_margin=options.min_margin,
        holdout=holdout.share,
        salt=holdout.salt,
    )
    console = open_stderr()
    with plain_failures(console):
        server = connect_server(settings, console)
        from flows.campaign import measure_campaign as flow

        run = {"definition": definition.name, "as_of": day, "edition": folder.name, "campaign": campaign}
        return cast("CampaignEffect", server.run(flow, {**run, **parameters}, count_task_runs(flow)))


def print_effect(effect: "CampaignEffect") -> None:
    """The sentences, a row for each measure, and who has no outcome."""
    typer.echo(
        f"Campaign: {effect.name} as of {effect.as_of}, edition {effect.edition}, by what was known on "
        f"{effect.until}"
    )
    for measure in effect.measures:
        typer.echo(measure.sentence)
    print_table(HEADER, [list_cells(measure) for measure in effect.measures], right=range(1, len(HEADER)))
    if effect.unknown:
        verb = choose_verb(effect.unknown, "has no outcome and is", "have no outcome and are")
        typer.echo(f"{format_count(effect.unknown, 'customer')} {verb} left out")


def list_cells(measure: "MeasuredEffect") -> tuple[str, ...]:
    """The row of a measure."""
    from segmentation.outcomes.campaign_effect import format_difference, format_range
    from segmentation.outcomes.verdicts import format_mean_of

    return (
        measure.measure,
        format_mean_of(measure, measure.on_list.mean),
        f"{measure.on_list.customers:,}",
        format_mean_of(measure, measure.held_out.mean),
        f"{measure.held_out.customers:,}",
        format_difference(measure, measure.difference),
        format_range(measure),
    )
